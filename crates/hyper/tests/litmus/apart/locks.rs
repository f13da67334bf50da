//! Locks and reservations of harts on different hosts, and of two harts a host.

use crate::locks::{lock, lost_reservations, reservations, stack};
use crate::rig::{Apart, Stage};

/// Hosts, and harts on all of them.
const CROWDS: [(u8, usize); 4] = [(2, 2), (2, 4), (3, 3), (4, 4)];

fn each_crowd(check: impl Fn(Stage, usize)) {
    for (hosts, harts) in CROWDS {
        check(Stage::Apart(Apart::new(hosts)), harts);
    }
}

#[test]
fn a_lock_of_atomics_lets_in_one_at_a_time() {
    each_crowd(|stage, harts| lock(stage, harts, 200));
}

#[test]
fn reservations_lose_nothing_beside_stores_to_the_same_line() {
    each_crowd(|stage, harts| reservations(stage, harts, 500));
}

#[test]
fn a_reservation_is_lost_when_somebody_stores_what_was_there() {
    lost_reservations(Stage::Apart(Apart::new(2)), 20);
}

/// Nodes in one page, and in a page each.
#[test]
fn a_stack_of_reservations_keeps_its_nodes() {
    each_crowd(|stage, harts| [64, 4_096].iter().for_each(|bytes| stack(stage, harts, 200, *bytes)));
}
