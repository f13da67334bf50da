//! Loads and stores of a few places that all harts use: the classic tests.

use ironloom_hyper::Computer;
use ironloom_hyper::GuestAddress;
use ironloom_hyper::isa::{Assembler, registers::*};

use crate::rig::{DATA, Part, dword, meet, repeat, run_after};

/// How often harts meet, and how many rounds they run between.
const MEETINGS: u64 = 60;
const BATCH: u64 = 50;
const ROUNDS: u64 = MEETINGS * BATCH;

/// Where each round's places are, and where each hart writes what it found: two words a round.
const X: u64 = DATA;
const Y: u64 = DATA + (2 << 20);
const FOUND: u64 = DATA + (4 << 20);
const FOUND_BYTES: u64 = 1 << 17;

const READ: u8 = 2;
const WRITE: u8 = 1;
const BOTH: u8 = 3;

/// What was seen in a round: what harts found in their two registers, and what was there in the end.
struct Seen {
    found: Vec<[u64; 2]>,
    x: u64,
    y: u64,
}

/// How far apart the places of rounds are, and whether their pages are shared with a fork.
#[derive(Clone, Copy)]
struct Ground {
    stride: u64,
    forked: bool,
}

const LINES: Ground = Ground { stride: 64, forked: false };

/// Runs the parts of all harts, with the round's places in `s2` and `s3`; what they find they leave in `a2` and `a3`.
fn race(ground: Ground, parts: &[Part<'_>]) -> Vec<Seen> {
    let harts = parts.len();
    let rounds: Vec<_> =
        parts.iter().zip(0..).map(|(part, hart)| rounds(ground, harts, hart, part)).collect();
    let rounds: Vec<Part<'_>> = rounds.iter().map(|round| round as Part<'_>).collect();
    let mut fork = None;
    let computer = run_after(&rounds, |computer| fork = prepare(ground, computer));
    drop(fork);
    let seen = |round| {
        let place = |hart| FOUND + hart * FOUND_BYTES + round * 16;
        let found = |hart| [dword(&computer, place(hart)), dword(&computer, place(hart) + 8)];
        Seen {
            found: (0..harts as u64).map(found).collect(),
            x: dword(&computer, X + round * ground.stride),
            y: dword(&computer, Y + round * 64),
        }
    };
    (0..count(ground)).map(seen).collect()
}

/// Pages are fewer than lines.
fn count(ground: Ground) -> u64 {
    if ground.stride == 64 { ROUNDS } else { ROUNDS / 10 }
}

fn prepare(ground: Ground, computer: &mut Computer) -> Option<Computer> {
    ground.forked.then(|| {
        for round in 0..count(ground) {
            let place = GuestAddress::new(X + round * ground.stride + 8);
            computer.memory().store(place, round).unwrap();
        }
        computer.fork().unwrap()
    })
}

fn rounds<'a>(ground: Ground, harts: usize, hart: u64, part: Part<'a>) -> impl Fn(&mut Assembler) + 'a {
    move |text| {
        text.li(S2, X).li(S3, Y).li(S4, FOUND + hart * FOUND_BYTES).li(S5, ground.stride);
        repeat(text, S6, MEETINGS, |text| {
            meet(text, harts);
            repeat(text, S7, count(ground) / MEETINGS, |text| {
                text.li(A2, 0).li(A3, 0).li(S8, 1).li(S9, 2);
                part(text);
                text.sd(A2, 0, S4).sd(A3, 8, S4).addi(S4, S4, 16).add(S2, S2, S5).addi(S3, S3, 64);
            });
        });
    }
}

/// Counts the rounds in which something was seen, and prints it.
fn count_of(what: &str, seen: &[Seen], is: impl Fn(&Seen) -> bool) -> usize {
    let times = seen.iter().filter(|round| is(round)).count();
    println!("{what}: {times} of {}", seen.len());
    times
}

fn never(what: &str, seen: &[Seen], is: impl Fn(&Seen) -> bool) {
    assert_eq!(count_of(what, seen, is), 0, "{what} is forbidden");
}

fn fenced(fence: Option<(u8, u8)>) -> impl Fn(&mut Assembler) {
    move |text| {
        if let Some((before, after)) = fence {
            text.fence(before, after);
        }
    }
}

fn store_buffering(fence: Option<(u8, u8)>) -> Vec<Seen> {
    let between = fenced(fence);
    let first = |text: &mut Assembler| {
        text.sd(S8, 0, S2);
        between(text);
        text.ld(A2, 0, S3);
    };
    let second = |text: &mut Assembler| {
        text.sd(S8, 0, S3);
        between(text);
        text.ld(A2, 0, S2);
    };
    race(LINES, &[&first, &second])
}

#[test]
fn stores_are_seen_before_loads_behind_a_fence() {
    let none = |seen: &Seen| seen.found[0][0] == 0 && seen.found[1][0] == 0;
    never("store buffering, fenced", &store_buffering(Some((BOTH, BOTH))), none);
    never("store buffering, fenced w,r", &store_buffering(Some((WRITE, READ))), none);
    count_of("store buffering (allowed)", &store_buffering(None), none);
}

fn message_passing(ground: Ground, fences: bool) -> Vec<Seen> {
    let (release, acquire) =
        (fenced(fences.then_some((WRITE, WRITE))), fenced(fences.then_some((READ, READ))));
    let writer = |text: &mut Assembler| {
        text.sd(S8, 0, S2);
        release(text);
        text.sd(S8, 0, S3);
    };
    let reader = |text: &mut Assembler| {
        text.ld(A2, 0, S3);
        acquire(text);
        text.ld(A3, 0, S2);
    };
    race(ground, &[&writer, &reader])
}

#[test]
fn a_message_is_there_when_its_flag_is() {
    let lost = |seen: &Seen| seen.found[1] == [1, 0];
    never("message passing, fenced", &message_passing(LINES, true), lost);
    count_of("message passing (allowed)", &message_passing(LINES, false), lost);
}

#[test]
fn a_message_in_a_page_that_is_replaced_is_there_when_its_flag_is() {
    let lost = |seen: &Seen| seen.found[1] == [1, 0];
    let fresh = Ground { stride: 4_096, forked: false };
    never("message passing through pages of zeroes", &message_passing(fresh, true), lost);
    let shared = Ground { stride: 4_096, forked: true };
    never("message passing through pages of a fork", &message_passing(shared, true), lost);
}

/// Each page is read, then written by the other, and read until the new value is seen: it must come.
#[test]
fn what_is_written_to_a_page_that_others_read_is_seen_by_all() {
    for forked in [false, true] {
        let writer = |text: &mut Assembler| {
            text.ld(A2, 0, S2).sd(S8, 0, S2).ld(A3, 0, S2);
        };
        let reader = |text: &mut Assembler| {
            let (wait, seen) = (text.label(), text.label());
            text.bind(wait).ld(A2, 0, S2).bnez(A2, seen).pause().j(wait).bind(seen);
            text.ld(A3, 0, S2);
        };
        let seen = race(Ground { stride: 4_096, forked }, &[&writer, &reader, &reader]);
        never("a write that was not seen", &seen, |seen| seen.found[1..] != [[1, 1], [1, 1]] || seen.x != 1);
    }
}

#[test]
fn loads_are_not_answered_by_stores_that_follow_them() {
    let load_buffering = |fence| {
        let between = fenced(fence);
        let first = |text: &mut Assembler| {
            text.ld(A2, 0, S2);
            between(text);
            text.sd(S8, 0, S3);
        };
        let second = |text: &mut Assembler| {
            text.ld(A2, 0, S3);
            between(text);
            text.sd(S8, 0, S2);
        };
        race(LINES, &[&first, &second])
    };
    let both = |seen: &Seen| seen.found[0][0] == 1 && seen.found[1][0] == 1;
    never("load buffering, fenced", &load_buffering(Some((READ, WRITE))), both);
    count_of("load buffering (allowed)", &load_buffering(None), both);
}

#[test]
fn harts_agree_on_the_order_of_independent_writes() {
    let write_x = |text: &mut Assembler| _ = text.sd(S8, 0, S2);
    let write_y = |text: &mut Assembler| _ = text.sd(S8, 0, S3);
    let read_xy = |text: &mut Assembler| _ = text.ld(A2, 0, S2).fence(READ, READ).ld(A3, 0, S3);
    let read_yx = |text: &mut Assembler| _ = text.ld(A2, 0, S3).fence(READ, READ).ld(A3, 0, S2);
    let seen = race(LINES, &[&write_x, &write_y, &read_xy, &read_yx]);
    never("independent reads of independent writes", &seen, |seen| {
        seen.found[2] == [1, 0] && seen.found[3] == [1, 0]
    });
}

#[test]
fn a_place_never_goes_back() {
    let writer = |text: &mut Assembler| _ = text.sd(S8, 0, S2).sd(S9, 0, S2);
    let reader = |text: &mut Assembler| _ = text.ld(A2, 0, S2).ld(A3, 0, S2);
    let seen = race(LINES, &[&writer, &reader, &reader]);
    never("coherence of reads", &seen, |seen| seen.found[1..].iter().any(|found| found[0] > found[1]));
    never("the last write", &seen, |seen| seen.x != 2);
    // The same, half a word at a time: what is read is what some writer wrote.
    let mixed = |text: &mut Assembler| {
        text.li(T1, 0x1111_1111).sw(T1, 0, S2).sw(T1, 4, S2);
    };
    let seen = race(LINES, &[&mixed, &reader]);
    let halves = [0, 0x1111_1111, 0x1111_1111_1111_1111];
    never("a torn word", &seen, |seen| seen.found[1].iter().any(|found| !halves.contains(found)));
}

#[test]
fn two_writes_of_each_have_an_order() {
    let writes = |fence| {
        let between = fenced(fence);
        let first = |text: &mut Assembler| {
            text.sd(S8, 0, S2);
            between(text);
            text.sd(S9, 0, S3);
        };
        let second = |text: &mut Assembler| {
            text.sd(S8, 0, S3);
            between(text);
            text.sd(S9, 0, S2);
        };
        race(LINES, &[&first, &second])
    };
    let both_first = |seen: &Seen| seen.x == 1 && seen.y == 1;
    never("2+2W, fenced", &writes(Some((WRITE, WRITE))), both_first);
    count_of("2+2W (allowed)", &writes(None), both_first);
}
