//! The parts of a connection against naive models of them.

use std::collections::BTreeMap;

use bytes::Bytes;
use ironloom_core::{Rng, Seed};

use super::super::Sequence;
use super::super::assembler::Assembler;
use super::super::rope::Rope;
use super::super::scoreboard::Scoreboard;
use crate::Payload;

fn random_bytes(rng: &mut Rng, max: u64) -> Vec<u8> {
    let mut bytes = vec![0; rng.below(max) as usize];
    rng.fill(&mut bytes);
    bytes
}

#[test]
fn a_rope_is_a_queue_of_bytes() {
    for seed in 0..300 {
        let mut rng = Rng::new(Seed::new(seed));
        let (mut rope, mut model) = (Rope::default(), Vec::<u8>::new());
        let max = 1 << rng.range(1..14);
        for _ in 0..200 {
            match rng.below(8) {
                0 | 1 => {
                    let bytes = random_bytes(&mut rng, max);
                    rope.append(&bytes);
                    model.extend(bytes);
                }
                2 => {
                    let bytes = random_bytes(&mut rng, max);
                    rope.push(Bytes::from(bytes.clone()));
                    model.extend(bytes);
                }
                3 => {
                    let passed = rng.below(model.len() as u64 + 1) as usize;
                    rope.advance(passed as u32);
                    model.drain(..passed);
                }
                4 => {
                    let mut target = vec![0; rng.below(max) as usize];
                    let len = rope.read(&mut target);
                    let expected: Vec<u8> = model.drain(..target.len().min(model.len())).collect();
                    assert_eq!(target[..len], expected, "seed {seed}");
                }
                5 => {
                    let wanted = rng.below(max) as usize;
                    let piece = rope.pop(wanted).unwrap_or_default();
                    assert!(piece.len() <= wanted && (piece.is_empty() == (model.is_empty() || wanted == 0)));
                    let expected: Vec<u8> = model.drain(..piece.len()).collect();
                    assert_eq!(piece, expected, "seed {seed}");
                }
                6 => {
                    let mut other = Rope::default();
                    let mut joined = Vec::new();
                    for _ in 0..rng.below(4) {
                        let bytes = random_bytes(&mut rng, max);
                        other.push(Bytes::from(bytes.clone()));
                        joined.extend(bytes);
                    }
                    rope.join(other);
                    model.extend(joined);
                }
                _ => {
                    let to = rng.below(model.len() as u64 + 1) as usize;
                    let from = rng.below(to as u64 + 1) as usize;
                    assert_eq!(rope.slice(from, to).to_bytes(), model[from..to], "seed {seed}");
                }
            }
            assert_eq!(
                (rope.len() as usize, rope.is_empty()),
                (model.len(), model.is_empty()),
                "seed {seed}"
            );
            assert!(
                !model.is_empty() || rope.held_bytes() == 0,
                "seed {seed}: an empty rope holds something"
            );
        }
    }
}

/// Small slices of large buffers do not keep the buffers.
#[test]
fn a_rope_copies_what_is_small() {
    let mut rope = Rope::default();
    for _ in 0..10_000 {
        let large = Bytes::from(vec![7; 100_000]);
        rope.push(large.slice(5..6));
        assert!(large.is_unique());
    }
    assert!(rope.held_bytes() < 30_000, "{}", rope.held_bytes());
}

/// Bytes that come in the reverse order are as many pieces as they must be.
#[test]
fn a_rope_grows_at_the_front_in_large_pieces() {
    let mut rope = Rope::default();
    for byte in (0..20_000u32).rev() {
        let mut before = Rope::default();
        before.push(Bytes::from(vec![byte as u8]));
        before.join(rope);
        rope = before;
    }
    assert!(rope.held_bytes() < 40_000, "{}", rope.held_bytes());
    let whole = rope.slice(0, 20_000).to_bytes();
    assert!(whole.iter().enumerate().all(|(at, byte)| *byte == at as u8));
}

#[test]
fn an_assembler_puts_bytes_in_order() {
    for seed in 0..200 {
        let mut rng = Rng::new(Seed::new(seed));
        let base = Sequence::new(rng.next_u64() as u32);
        let mut assembler = Assembler::default();
        let mut model = BTreeMap::<u32, u8>::new();
        let (mut at, ranges_max) = (0, rng.range(1..30) as usize);
        let len = 1 << rng.range(3..10);
        for _ in 0..100 {
            let start = at + 1 + rng.below(len) as u32;
            let bytes: Vec<u8> = (0..rng.range(1..len) as u32).map(|index| (start + index) as u8).collect();
            let pieces: Payload = bytes.chunks(700).map(Bytes::copy_from_slice).collect();
            let count = told(&assembler, base).len();
            assembler.insert(base.plus(start), &pieces, ranges_max);
            let told = told(&assembler, base);
            assert!(told.len() <= 4);
            if count < 4 && ranges_max > 4 {
                // Nothing was refused for lack of room: the first range told of holds what just arrived.
                model.extend((start..).zip(bytes.iter().copied()));
                let (from, to) = told[0];
                assert!(from <= start && start < to, "seed {seed}");
            } else {
                let known = told.iter().flat_map(|(from, to)| *from..*to);
                model.extend(known.map(|place| (place, place as u8)));
            }
            for (from, to) in told {
                assert!((from..to).all(|place| model.contains_key(&place)), "seed {seed}");
                assert!(!model.contains_key(&to) || ranges_max <= 4 || count >= 4, "seed {seed}");
            }
            if rng.chance(1, 4) {
                at = at + 1 + rng.below(len) as u32;
                if let Some(mut rope) = assembler.take(base.plus(at)) {
                    let mut target = vec![0; rope.len() as usize];
                    rope.read(&mut target);
                    assert!((at..).zip(&target).all(|(place, byte)| place as u8 == *byte), "seed {seed}");
                    at += target.len() as u32;
                }
                model = model.split_off(&at);
            }
        }
        assert!(assembler.held_bytes() < 2_000_000);
    }
}

fn told(assembler: &Assembler, base: Sequence) -> Vec<(u32, u32)> {
    let told = assembler.told(4).unwrap_or_default();
    let from_base = |number| Sequence::new(number).since(base);
    told.iter().map(|(from, to)| (from_base(*from), from_base(*to))).collect()
}

/// What a sender knows of a byte.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Known {
    Sent,
    Arrived,
    Lost,
}

#[test]
fn a_scoreboard_counts_right() {
    for seed in 0..500 {
        let mut rng = Rng::new(Seed::new(seed));
        let base = Sequence::new(rng.next_u64() as u32);
        let len = rng.range(2..3_000) as u32;
        let segment_bytes = rng.range(1..300) as u32;
        let mut model = vec![Known::Sent; len as usize];
        let mut board = Scoreboard::default();
        let mut oldest = 0;
        for _ in 0..60 {
            match rng.below(8) {
                0..4 => {
                    let end = oldest + 1 + rng.below(u64::from(len - oldest)) as u32;
                    let start = rng.below(u64::from(end)) as u32;
                    let before = count(&model[oldest as usize..], Known::Arrived);
                    let new = board.select(base.plus(oldest), base.plus(start), base.plus(end), 10_000);
                    if start < end {
                        model[start.max(oldest) as usize..end as usize].fill(Known::Arrived);
                    }
                    assert_eq!(new, count(&model[oldest as usize..], Known::Arrived) - before, "seed {seed}");
                }
                4 => {
                    board.detect_lost(segment_bytes);
                    detect(&mut model[oldest as usize..], segment_bytes);
                }
                5 => {
                    if let Some((start, end)) = board.next_lost() {
                        let first = model[oldest as usize..].iter().position(|known| *known == Known::Lost);
                        assert_eq!(
                            Some(start.since(base) - oldest),
                            first.map(|at| at as u32),
                            "seed {seed}"
                        );
                        let end = start.plus(1 + rng.below(u64::from(end.since(start))) as u32);
                        board.resend(start, end, base.plus(len + 1_000_000));
                        model[start.since(base) as usize..end.since(base) as usize].fill(Known::Sent);
                        // What was sent again is another matter for the model: it is not lost by what came before.
                        break;
                    }
                }
                6 => {
                    let end = oldest + rng.below(u64::from(len - oldest) + 1) as u32;
                    board.lose_until(base.plus(oldest), base.plus(end));
                    for known in &mut model[oldest as usize..end as usize] {
                        *known = if *known == Known::Arrived { Known::Arrived } else { Known::Lost };
                    }
                }
                _ => {
                    oldest += rng.below(u64::from(len - oldest)) as u32;
                    board.acknowledge(base.plus(oldest));
                }
            }
            let rest = &model[oldest as usize..];
            let (arrived, lost) = (count(rest, Known::Arrived), count(rest, Known::Lost));
            assert_eq!((board.absent_bytes(), board.lost_bytes()), (arrived + lost, lost), "seed {seed}");
            board.check(base.plus(oldest), base.plus(len));
        }
    }
}

fn count(model: &[Known], wanted: Known) -> u32 {
    model.iter().filter(|known| **known == wanted).count() as u32
}

/// RFC 6675, `IsLost`, a byte at a time.
fn detect(model: &mut [Known], segment_bytes: u32) {
    for at in 0..model.len() {
        let after = &model[at + 1..];
        let bytes = count(after, Known::Arrived);
        let runs = after.chunk_by(|one, other| one == other).filter(|run| run[0] == Known::Arrived).count();
        if model[at] == Known::Sent && (runs >= 3 || bytes > 2 * segment_bytes) {
            model[at] = Known::Lost;
        }
    }
}
