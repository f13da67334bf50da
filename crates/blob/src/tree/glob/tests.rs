//! Patterns against a recursive matcher that tries everything.

use proptest::prelude::*;

use super::{Glob, PatternError};

fn check(pattern: &str, matching: &[&str], other: &[&str]) {
    let glob = Glob::new(pattern.as_bytes()).unwrap();
    for path in matching {
        assert!(glob.matches(path.as_bytes()), "{pattern} should match {path}");
    }
    for path in other {
        assert!(!glob.matches(path.as_bytes()), "{pattern} should not match {path}");
    }
}

#[test]
fn patterns_match_what_they_should() {
    check("*.rs", &["a.rs", ".rs", "/x.rs"], &["a.md", "src/a.rs", "a.rs2"]);
    check("a?c", &["abc", "a.c"], &["ac", "abbc"]);
    check("[a-cx]", &["b", "x"], &["d", "-", ""]);
    check("[!a-c]", &["d", "-"], &["a", "dd"]);
    check("[]-]", &["]", "-"], &["a"]);
    check(r"\*", &["*"], &["a"]);
    check("**/x", &["x", "a/x", "a/b/x"], &["xx", "x/a"]);
    check("a/**/b/**/c", &["a/b/c", "a/x/b/y/z/c", "a/b/b/c"], &["a/c", "b/c"]);
    check("a/**", &["a", "a/b", "a/b/c"], &["b", "b/a"]);
    check("*a*b*", &["ab", "xaxbx", "aab"], &["ba", "a"]);
}

#[test]
fn what_is_no_pattern_is_refused() {
    for pattern in ["[", "[]", "[!]", "a[b", "\\"] {
        let refused = Glob::new(pattern.as_bytes()).unwrap_err();
        assert!(matches!(refused, PatternError::Unfinished { .. }), "{pattern}");
    }
    assert_eq!(Glob::new(b"//").unwrap_err(), PatternError::Components { components: 0 });
    let long = "a/".repeat(Glob::COMPONENTS_MAX + 1);
    assert!(Glob::new(long.as_bytes()).is_err());
    assert!(Glob::new(&long.as_bytes()[2..]).is_ok());
}

/// Matches names of `a`, `b`, `?` and `*`, and paths of those and `**`.
fn naive(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        (["**", rest @ ..], _) => naive(rest, path) || (!path.is_empty() && naive(pattern, &path[1..])),
        ([first, pattern @ ..], [name, path @ ..]) => {
            naive_name(first.as_bytes(), name.as_bytes()) && naive(pattern, path)
        }
        _ => false,
    }
}

fn naive_name(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => {
            naive_name(rest, name) || (!name.is_empty() && naive_name(pattern, &name[1..]))
        }
        ([b'?', pattern @ ..], [_, name @ ..]) => naive_name(pattern, name),
        ([first, pattern @ ..], [byte, name @ ..]) => first == byte && naive_name(pattern, name),
        _ => false,
    }
}

proptest! {
    #[test]
    fn patterns_match_like_the_naive_ones(
        pattern in prop::collection::vec(prop_oneof![Just("**".to_owned()), "[ab?*]{1,4}"], 1..5),
        path in prop::collection::vec("[ab]{1,4}", 0..5),
    ) {
        let pattern: Vec<&str> = pattern.iter().map(String::as_str).collect();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let glob = Glob::new(pattern.join("/").as_bytes()).unwrap();
        prop_assert_eq!(glob.matches(path.join("/").as_bytes()), naive(&pattern, &path));
    }

    #[test]
    fn a_name_matches_itself_with_everything_escaped(name in prop::collection::vec(1..=255u8, 1..20)) {
        let name: Vec<u8> = name.into_iter().filter(|byte| *byte != b'/').chain([b'x']).collect();
        let pattern: Vec<u8> = name.iter().flat_map(|byte| [b'\\', *byte]).collect();
        prop_assert!(Glob::new(&pattern).unwrap().matches(&name));
        // Anything else is a pattern or refused, and matching ends.
        prop_assert!(Glob::new(&name).is_ok_and(|glob| glob.matches(&pattern)) <= name.contains(&b'*'));
    }
}
