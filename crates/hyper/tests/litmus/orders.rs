//! Loads and stores of a few places that all harts use: the classic tests.

use ironloom_hyper::isa::{Assembler, registers::*};

use crate::race::{Ground, Seen, count_of, never, race};

const READ: u8 = 2;
const WRITE: u8 = 1;
const BOTH: u8 = 3;

/// Each round in pages of its own.
const PAGES: Ground = Ground { stride: 4_096, batch: 5, ..Ground::LINES };

fn store_buffered(ground: &Ground, fence: Option<(u8, u8)>) -> Vec<Seen> {
    let first = |text: &mut Assembler| {
        text.sd(S8, 0, S2);
        ground.between(text, fence);
        text.ld(A2, 0, S3);
    };
    let second = |text: &mut Assembler| {
        text.sd(S8, 0, S3);
        ground.between(text, fence);
        text.ld(A2, 0, S2);
    };
    race(ground, &[&first, &second])
}

/// Stores are seen before loads behind a fence.
pub(crate) fn store_buffering(ground: &Ground) {
    let none = |seen: &Seen| seen.found[0][0] == 0 && seen.found[1][0] == 0;
    never("store buffering, fenced", ground, &store_buffered(ground, Some((BOTH, BOTH))), none);
    never("store buffering, fenced w,r", ground, &store_buffered(ground, Some((WRITE, READ))), none);
    count_of("store buffering (allowed)", ground, &store_buffered(ground, None), none);
}

fn message_passed(ground: &Ground, fences: bool) -> Vec<Seen> {
    let fence = |kind| fences.then_some((kind, kind));
    let writer = |text: &mut Assembler| {
        text.sd(S8, 0, S2);
        ground.between(text, fence(WRITE));
        text.sd(S8, 0, S3);
    };
    let reader = |text: &mut Assembler| {
        text.ld(A2, 0, S3);
        ground.between(text, fence(READ));
        text.ld(A3, 0, S2);
    };
    race(ground, &[&writer, &reader])
}

/// A message is there when its flag is.
pub(crate) fn message_passing(ground: &Ground) {
    let lost = |seen: &Seen| seen.found[1] == [1, 0];
    never("message passing, fenced", ground, &message_passed(ground, true), lost);
    count_of("message passing (allowed)", ground, &message_passed(ground, false), lost);
}

/// Each place is read, then written by the other, and read until the new value is seen: it must come.
pub(crate) fn news(ground: &Ground) {
    let writer = |text: &mut Assembler| {
        text.ld(A2, 0, S2).sd(S8, 0, S2).ld(A3, 0, S2);
    };
    let reader = |text: &mut Assembler| {
        let (wait, seen) = (text.label(), text.label());
        text.bind(wait).ld(A2, 0, S2).bnez(A2, seen).pause().j(wait).bind(seen);
        text.ld(A3, 0, S2);
    };
    let seen = race(ground, &[&writer, &reader, &reader]);
    let unseen = |seen: &Seen| seen.found[1..] != [[1, 1], [1, 1]] || seen.x != 1;
    never("a write that was not seen", ground, &seen, unseen);
}

/// Loads are not answered by stores that follow them.
pub(crate) fn load_buffering(ground: &Ground) {
    let load_buffered = |fence| {
        let first = |text: &mut Assembler| {
            text.ld(A2, 0, S2);
            ground.between(text, fence);
            text.sd(S8, 0, S3);
        };
        let second = |text: &mut Assembler| {
            text.ld(A2, 0, S3);
            ground.between(text, fence);
            text.sd(S8, 0, S2);
        };
        race(ground, &[&first, &second])
    };
    let both = |seen: &Seen| seen.found[0][0] == 1 && seen.found[1][0] == 1;
    never("load buffering, fenced", ground, &load_buffered(Some((READ, WRITE))), both);
    count_of("load buffering (allowed)", ground, &load_buffered(None), both);
}

/// Harts agree on the order of independent writes.
pub(crate) fn independent_reads(ground: &Ground) {
    let write_x = |text: &mut Assembler| _ = text.sd(S8, 0, S2);
    let write_y = |text: &mut Assembler| _ = text.sd(S8, 0, S3);
    let read_xy = |text: &mut Assembler| {
        text.ld(A2, 0, S2);
        ground.between(text, Some((READ, READ)));
        text.ld(A3, 0, S3);
    };
    let read_yx = |text: &mut Assembler| {
        text.ld(A2, 0, S3);
        ground.between(text, Some((READ, READ)));
        text.ld(A3, 0, S2);
    };
    let seen = race(ground, &[&write_x, &write_y, &read_xy, &read_yx]);
    never("independent reads of independent writes", ground, &seen, |seen| {
        seen.found[2] == [1, 0] && seen.found[3] == [1, 0]
    });
}

/// A place never goes back.
pub(crate) fn coherence(ground: &Ground) {
    let writer = |text: &mut Assembler| {
        text.sd(S8, 0, S2);
        ground.between(text, None);
        text.sd(S9, 0, S2);
    };
    let reader = |text: &mut Assembler| {
        text.ld(A2, 0, S2);
        ground.between(text, None);
        text.ld(A3, 0, S2);
    };
    let seen = race(ground, &[&writer, &reader, &reader]);
    never("coherence of reads", ground, &seen, |seen| {
        seen.found[1..].iter().any(|found| found[0] > found[1])
    });
    never("the last write", ground, &seen, |seen| seen.x != 2);
    // The same, half a word at a time: what is read is what some writer wrote.
    let mixed = |text: &mut Assembler| {
        text.li(T2, 0x1111_1111).sw(T2, 0, S2);
        ground.between(text, None);
        text.sw(T2, 4, S2);
    };
    let seen = race(ground, &[&mixed, &reader]);
    let halves = [0, 0x1111_1111, 0x1111_1111_1111_1111];
    never("a torn word", ground, &seen, |seen| seen.found[1].iter().any(|found| !halves.contains(found)));
}

/// Two writes of each hart have an order.
pub(crate) fn two_writes(ground: &Ground) {
    let writes = |fence| {
        let first = |text: &mut Assembler| {
            text.sd(S8, 0, S2);
            ground.between(text, fence);
            text.sd(S9, 0, S3);
        };
        let second = |text: &mut Assembler| {
            text.sd(S8, 0, S3);
            ground.between(text, fence);
            text.sd(S9, 0, S2);
        };
        race(ground, &[&first, &second])
    };
    let both_first = |seen: &Seen| seen.x == 1 && seen.y == 1;
    never("2+2W, fenced", ground, &writes(Some((WRITE, WRITE))), both_first);
    count_of("2+2W (allowed)", ground, &writes(None), both_first);
}

#[test]
fn stores_are_seen_before_loads_behind_a_fence() {
    store_buffering(&Ground::LINES);
}

#[test]
fn a_message_is_there_when_its_flag_is() {
    message_passing(&Ground::LINES);
}

#[test]
fn a_message_in_a_page_that_is_replaced_is_there_when_its_flag_is() {
    message_passing(&PAGES);
    message_passing(&Ground { forked: true, ..PAGES });
}

#[test]
fn what_is_written_to_a_page_that_others_read_is_seen_by_all() {
    news(&PAGES);
    news(&Ground { forked: true, ..PAGES });
}

#[test]
fn loads_are_not_answered_by_stores_that_follow_them() {
    load_buffering(&Ground::LINES);
}

#[test]
fn harts_agree_on_the_order_of_independent_writes() {
    independent_reads(&Ground::LINES);
}

#[test]
fn a_place_never_goes_back() {
    coherence(&Ground::LINES);
}

#[test]
fn two_writes_of_each_have_an_order() {
    two_writes(&Ground::LINES);
}
