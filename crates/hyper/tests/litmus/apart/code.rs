//! Instructions and translations that a hart on one host changes, and harts on other hosts use.

use crate::code::{fences, instructions, translated_instructions, translations};
use crate::rig::{Apart, Stage};

const LAST: u64 = 50;

/// The readers are as many as the other hosts, or twice as many.
fn each_crowd(check: impl Fn(Stage, usize)) {
    for (hosts, readers) in [(2, 1), (2, 3), (3, 2), (4, 3)] {
        check(Stage::Apart(Apart::new(hosts)), readers);
    }
}

#[test]
fn instructions_that_were_replaced_do_not_run_after_the_fence() {
    each_crowd(|stage, readers| instructions(stage, readers, LAST));
}

#[test]
fn a_page_that_was_unmapped_is_not_read_after_the_fence() {
    each_crowd(|stage, readers| translations(stage, readers, LAST));
}

#[test]
fn a_page_that_was_unmapped_is_not_run_after_the_fence() {
    [2, 3].iter().for_each(|hosts| translated_instructions(Stage::Apart(Apart::new(*hosts)), LAST));
}

#[test]
fn harts_that_fence_each_other_all_come_through() {
    each_crowd(|stage, readers| fences(stage, readers + 1, 30));
}
