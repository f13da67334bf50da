//! Which parts are chosen, and that they are parts.

use super::*;

fn check(range: &str, expected: &[(u64, u64)]) {
    let found = match select(range.as_bytes(), 100) {
        Selection::Whole => panic!("{range}: the whole"),
        Selection::Unsatisfiable => Vec::new(),
        Selection::Part(part) => vec![part],
        Selection::Parts(parts) => parts,
    };
    let found: Vec<_> = found.iter().map(|part| (part.from, part.to)).collect();
    assert_eq!(found, expected, "{range}");
}

#[test]
fn ranges_are_cut_to_what_is_there() {
    check("bytes=0-0", &[(0, 1)]);
    check("bytes=10-", &[(10, 100)]);
    check("Bytes=-10", &[(90, 100)]);
    check("bytes=-1000", &[(0, 100)]);
    check("bytes=90-18446744073709551615", &[(90, 100)]);
    check("bytes=0-9, 20-29,-5", &[(0, 10), (20, 30), (95, 100)]);
    check("bytes=200-300, 1-1", &[(1, 2)]);
    check("bytes=100-", &[]);
    check("bytes=-0", &[]);
}

#[test]
fn what_is_not_understood_or_too_much_asks_for_the_whole() {
    let many = format!("bytes={}", (0..17).map(|at| format!("{at}-{at}")).collect::<Vec<_>>().join(","));
    for range in [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-4",
        "bytes=0-9,5-14",
        "lines=1-2",
        "bytes=1-2,",
        "bytes=18446744073709551616-",
        &many,
    ] {
        assert_eq!(select(range.as_bytes(), 100), Selection::Whole, "{range}");
    }
}

proptest! {
    #[test]
    fn parts_are_within_and_apart(range in "bytes=[0-9, -]{0,20}", whole in 0..200_u64) {
        let parts = match select(range.as_bytes(), whole) {
            Selection::Part(part) => vec![part],
            Selection::Parts(parts) => parts,
            _ => Vec::new(),
        };
        for (at, part) in parts.iter().enumerate() {
            prop_assert!(part.from < part.to && part.to <= whole);
            prop_assert!(parts[..at].iter().all(|other| other.to <= part.from || part.to <= other.from));
        }
    }
}
