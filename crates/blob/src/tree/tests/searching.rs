//! Listing, finding and comparing.

use std::sync::Arc;

use super::{NOW, attributes, empty, paths, reopened, tree_of};
use crate::MemoryStore;
use crate::tree::Kind::{Directory, File};
use crate::tree::{Config, Glob, Needle, Tree};

#[test]
fn listing_goes_on_where_it_stopped() {
    let mut tree = empty();
    tree.mkdir("/d", attributes()).unwrap();
    let names: Vec<String> = (0..1_000).map(|number| format!("{number:04}")).collect();
    for name in names.iter().rev() {
        tree.create(&*format!("/d/{name}"), attributes()).unwrap();
    }
    for tree in [&reopened(&mut tree), &tree] {
        for limit in [1, 7, 1_000, 2_000] {
            let mut found: Vec<String> = Vec::new();
            loop {
                let after = found.last().map(|name| name.as_bytes().to_vec());
                let page = tree.list("/d", after.as_deref(), limit).unwrap();
                found.extend(page.iter().map(|listed| listed.name.to_string()));
                if page.len() < limit {
                    break;
                }
            }
            assert_eq!(found, names);
        }
        assert_eq!(tree.list("/d", Some(b"0499x"), 1).unwrap()[0].name.as_bytes(), b"0500");
        assert_eq!(tree.list("/d", Some(b"\xff"), 1).unwrap(), []);
    }
}

#[test]
fn a_walk_does_not_see_later_changes() {
    let mut tree = tree_of(&["/a/", "/a/b", "/c -> a", "/d/", "/d/e/"]);
    let walk = tree.walk("/").unwrap();
    let walk_a = tree.walk("/c").unwrap();
    tree.remove_all("/a", NOW).unwrap();
    let found: Vec<String> = walk.map(|walked| walked.unwrap().path.to_string()).collect();
    assert_eq!(found, ["/a", "/a/b", "/c", "/d", "/d/e"]);
    assert_eq!(walk_a.map(|walked| walked.unwrap().path.to_string()).collect::<Vec<_>>(), ["/a/b"]);
}

#[test]
fn patterns_find_what_matches_in_a_walk() {
    let tree = tree_of(&[
        "/src/",
        "/src/a.rs",
        "/src/b.md",
        "/src/deep/",
        "/src/deep/c.rs",
        "/src/deep/er/",
        "/src/deep/er/d.rs",
        "/x.rs",
    ]);
    for pattern in
        ["**/*.rs", "src/*", "src/**", "*/deep/*/d.rs", "src/deep", "[sx]*", "**/e?/**", "src/[!a].*"]
    {
        let glob = Glob::new(pattern.as_bytes()).unwrap();
        let found = tree.glob("/", &glob).unwrap();
        let found: Vec<String> = found.map(|found| found.unwrap().path.to_string()).collect();
        let all = paths(&tree).into_iter();
        let expected: Vec<String> = all.filter(|path| glob.matches(path.as_bytes())).collect();
        assert_eq!(found, expected, "{pattern}");
        assert!(!found.is_empty(), "{pattern}");
    }
    let below = tree.glob("/src/deep", &Glob::new(b"*.rs").unwrap()).unwrap();
    assert_eq!(below.map(|found| found.unwrap().path.to_string()).collect::<Vec<_>>(), ["/src/deep/c.rs"]);
}

fn found(tree: &Tree, needle: &Needle) -> Vec<(String, u64, u64, String)> {
    let matches = tree.search("/", needle).unwrap().map(Result::unwrap);
    matches
        .map(|found| {
            let text = String::from_utf8(found.text).unwrap();
            (found.path.to_string(), found.line, found.offset, text)
        })
        .collect()
}

#[test]
fn lines_are_found_wherever_pieces_are_cut() {
    let mut tree = tree_of(&["/d/", "/l -> d"]);
    let mut text = "nothing here\n".repeat(20_000);
    let place = text.find('\n').unwrap() + 1 + 13 * 5_040; // across the end of the first piece
    text.replace_range(place..place + 7, "needle!");
    text.push_str("the needle at the end");
    tree.put("/d/long", text.as_bytes(), attributes()).unwrap();
    tree.put("/d/short", b"\n\na Needle. (x)\n", attributes()).unwrap();
    tree.put("/d/empty", b"", attributes()).unwrap();
    let last = 13 * 20_000;
    let expected = [
        ("/d/long".into(), 5_042, place as u64, "needle!here".to_owned()),
        ("/d/long".into(), 20_001, last + 4, "the needle at the end".to_owned()),
    ];
    let literal = Needle::literal(b"needle").unwrap();
    let mut expected = expected.to_vec();
    expected[0].3 = text[place..place + 12].to_owned();
    assert_eq!(found(&reopened(&mut tree), &literal), expected);
    assert_eq!(
        found(&tree, &Needle::literal(b"e. (x)").unwrap()).len(),
        1,
        "nothing is special in a literal"
    );
    let expression = Needle::regex("(?i)^a needle").unwrap();
    assert_eq!(found(&tree, &expression), [("/d/short".into(), 3, 2, "a Needle. (x)".to_owned())]);
    assert!(Needle::regex("(").is_err());
    assert!(Needle::regex(r"\w{1000}{1000}").is_err());
}

#[test]
fn endless_lines_are_cut() {
    let config = Config { line_bytes_max: 10, ..Config::default() };
    let mut tree = Tree::new(Arc::new(MemoryStore::new()), config);
    tree.put("/f", b"0123456789\n0123456789x23456789\nx", attributes()).unwrap();
    let lines = found(&tree, &Needle::literal(b"x").unwrap());
    let numbers: Vec<(u64, u64)> = lines.iter().map(|found| (found.1, found.2)).collect();
    assert_eq!(numbers, [(2, 21), (3, 31)]);
}

#[test]
fn differences_say_what_changed() {
    let mut tree = tree_of(&["/a", "/b/", "/b/c", "/d/", "/d/e", "/same/", "/same/x"]);
    tree.commit(crate::Durability::Buffered).unwrap();
    let mut fork = tree.fork();
    assert_eq!(tree.diff(&fork).count(), 0);
    fork.set_attributes("/a", |attributes| attributes.mode = 0o600).unwrap();
    fork.remove_all("/b", NOW).unwrap();
    fork.put("/b", b"a file now", attributes()).unwrap();
    fork.write("/d/e", 0, b"!", NOW).unwrap();
    fork.set_attributes("/", |root| root.uid = 1).unwrap();
    let differences = tree.diff(&fork).map(|difference| {
        let difference = difference.unwrap();
        let kind = |stat: Option<crate::tree::Stat>| stat.map(|stat| stat.kind);
        let kinds = (kind(difference.before), kind(difference.after));
        (difference.path.to_string(), kinds, difference.is_content_changed)
    });
    let expected = [
        ("/", (Some(Directory), Some(Directory)), false),
        ("/a", (Some(File), Some(File)), false),
        ("/b", (Some(Directory), Some(File)), true),
        ("/b/c", (Some(File), None), true),
        ("/d/e", (Some(File), Some(File)), true),
    ];
    assert_eq!(
        differences.collect::<Vec<_>>(),
        expected.map(|(path, kinds, content)| (path.to_owned(), kinds, content))
    );
}

/// A commit puts an id in the place of bytes, and a fork that still had the bytes seemed to have others.
#[test]
fn a_commit_makes_no_difference_to_a_fork() {
    let mut tree = empty();
    tree.put("/f", &[1; 1_000], attributes()).unwrap();
    tree.put("/zeros", &[0; 1_000], attributes()).unwrap();
    let fork = tree.fork();
    tree.commit(crate::Durability::Buffered).unwrap();
    assert_eq!(tree.diff(&fork).count(), 0);
    assert_eq!(fork.diff(&tree).count(), 0);
    tree.put("/f", &[2; 1_000], attributes()).unwrap();
    let changed = tree.diff(&fork).chain(fork.diff(&tree)).map(|difference| difference.unwrap());
    assert!(changed.map(|difference| difference.is_content_changed).eq([true, true]));
}
