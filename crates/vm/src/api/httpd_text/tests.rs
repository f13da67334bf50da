use super::*;

#[track_caller]
fn check(path: &str, expected: Option<(&str, &str)>) {
    let wanted = Wanted::of(path.as_bytes());
    let shown = wanted.map(|wanted| {
        (String::from_utf8(wanted.directory).unwrap(), String::from_utf8(wanted.name).unwrap())
    });
    assert_eq!(shown, expected.map(|(directory, name)| (directory.to_owned(), name.to_owned())), "{path}");
}

#[test]
fn paths_ask_for_files() {
    check("/", Some(("", "index")));
    check("", Some(("", "index")));
    check("/about", Some(("", "about")));
    check("/a/b.html?x=../y#z", Some(("a", "b.html")));
    check("/a/b/", Some(("a/b", "index")));
    check("//a//./b", Some(("a", "b")));
    check("/a%20b/%63", Some(("a b", "c")));
    check("/é..ü", Some(("", "é..ü")));
}

#[test]
fn nothing_above_the_root_is_asked_for() {
    for path in [
        "/..",
        "/../etc/passwd",
        "/a/../../b",
        "/%2e%2e/x",
        "/a/%2e./x",
        "/..%2fetc",
        "/a%00",
        "/%",
        "/%4",
        "/%zz",
    ] {
        check(path, None);
    }
}

#[test]
fn a_name_without_a_dot_means_one_file() {
    let names = [&b"index.html"[..], b"about.ntml", b"robot.txt", b"robot.md", b"plain", b"a.tar.gz"];
    let choose = |path: &str| Wanted::of(path.as_bytes()).unwrap().choose(names);
    assert_eq!(choose("/"), Some(&b"index.html"[..]));
    assert_eq!(choose("/about"), Some(&b"about.ntml"[..]));
    assert_eq!(choose("/robot"), None, "there are two");
    assert_eq!(choose("/robot.txt"), Some(&b"robot.txt"[..]));
    assert_eq!(choose("/plain"), Some(&b"plain"[..]));
    assert_eq!(choose("/a.tar"), None);
    assert_eq!(choose("/nothing"), None);
}
