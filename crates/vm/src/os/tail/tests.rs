use ironloom_core::{Rng, Seed};

use super::*;

#[test]
fn a_long_line_is_cut_between_characters() {
    let mut tail = Tail::default();
    tail.push("é".repeat(40_000).as_bytes(), 1001);
    tail.push(b"a", 1001);
    let text = tail.text();
    assert!(text.ends_with("éa") && !text.contains(char::REPLACEMENT_CHARACTER));
    assert_eq!(tail.end(), 80_001);
}

#[test]
fn an_unfinished_character_is_left_out_of_the_text() {
    let mut tail = Tail::default();
    tail.push(b"a\xffb\xe2\x82", 100);
    assert_eq!(tail.text(), "a\u{fffd}b");
    tail.push(b"\xac", 100);
    assert_eq!(tail.text(), "a\u{fffd}b€");
    assert_eq!(tail.bytes_from(3, 2), b"\xe2\x82");
    assert_eq!(tail.bytes_from(99, 2), b"");
}

#[test]
fn nothing_may_be_kept() {
    let mut tail = Tail::default();
    tail.push(b"gone\n", 0);
    assert_eq!((tail.text(), tail.begin(), tail.end()), (String::new(), 5, 5));
    assert_eq!(tail.kept.capacity(), 0);
}

/// Whatever is pushed, what is kept is the end of it, at most the limit, and no less than three quarters of it.
#[test]
fn keeps_the_end_of_everything() {
    for seed in 0..60 {
        let mut rng = Rng::new(Seed::new(seed));
        let max = rng.below(300) as usize;
        let (mut tail, mut all) = (Tail::default(), Vec::new());
        for _ in 0..200 {
            let piece: String =
                (0..rng.below(80)).map(|_| *rng.choose(&['a', '\n', 'é', '€', '😀']).unwrap()).collect();
            tail.push(piece.as_bytes(), max);
            all.extend_from_slice(piece.as_bytes());
            let kept = tail.bytes_from(0, usize::MAX);
            assert!(all.ends_with(&kept), "seed {seed}");
            assert_eq!(tail.end(), all.len() as u64, "seed {seed}");
            assert!(kept.len() <= max, "seed {seed}");
            assert!(
                kept.len() == all.len() || kept.len() + 4 >= max - max / 4,
                "seed {seed}: {}",
                kept.len()
            );
            assert!(std::str::from_utf8(&kept).is_ok(), "seed {seed}");
        }
    }
}
