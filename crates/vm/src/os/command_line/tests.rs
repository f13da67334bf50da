use super::*;

fn check(line: &str, expected: &[&str]) {
    let words: Vec<_> =
        parse_command(line.as_bytes()).into_iter().map(|word| String::from_utf8(word).unwrap()).collect();
    assert_eq!(words, expected, "{line:?}");
}

#[test]
fn words_and_quotes() {
    check("", &[]);
    check(" \t\r\n", &[]);
    check("ls", &["ls"]);
    check("cat path/file --pretty", &["cat", "path/file", "--pretty"]);
    check("sum age=2 b=3", &["sum", "age=2", "b=3"]);
    check(r#"echo "a b" 'c "d'"#, &["echo", "a b", "c \"d"]);
    check(r#"echo a"b c"d ''"#, &["echo", "ab cd", ""]);
    check("echo 'open end ", &["echo", "open end "]);
    check(r"echo a\ b", &["echo", r"a\", "b"]);
    check("say é", &["say", "é"]);
}
