//! Every interleaving of a few moves and a few letters, over links that lose, double and reorder.
//!
//! The state of a hart is the list of letters that it was handed, so that a letter that is lost, doubled or out of order
//! is seen where it happens. A world is a few small numbers: the states of hosts and the messages are each stored once,
//! and what a host does in a state is computed once.

mod explorer;
mod site;

use explorer::explore;
use site::Setup;

/// What was sent may arrive any number of times, at any time, in any order.
const DOUBLING: Setup =
    Setup { hosts: 2, harts: 1, moves: 2, letters: [1, 1, 0], lossy: false, drops: 0, hasty: false };

/// What was sent may arrive once, in any order, and one message never does.
const LOSING: Setup =
    Setup { hosts: 2, harts: 1, moves: 1, letters: [1, 1, 0], lossy: true, drops: 1, hasty: false };

fn check(setup: Setup, states_min: usize) {
    let explored = explore(&setup);
    assert!(explored.states >= states_min && explored.edges > explored.states, "{setup:?}: {explored:?}");
    assert!(explored.still > 0, "{setup:?}: no hart ever moved");
}

#[test]
fn two_hosts_and_many_moves() {
    check(Setup { moves: 4, ..DOUBLING }, 60_000);
}

#[test]
fn two_hosts_and_letters_that_overtake_each_other() {
    check(Setup { moves: 3, letters: [2, 1, 0], ..DOUBLING }, 300_000);
}

#[test]
fn two_hosts_and_two_harts() {
    check(Setup { harts: 2, ..DOUBLING }, 60_000);
}

#[test]
fn three_hosts() {
    check(Setup { hosts: 3, letters: [1, 0, 1], ..DOUBLING }, 60_000);
}

#[test]
fn three_hosts_without_patience() {
    check(Setup { hosts: 3, letters: [0, 1, 1], hasty: true, ..DOUBLING }, 200_000);
}

#[test]
fn two_hosts_and_losses() {
    check(LOSING, 30_000);
}

#[test]
fn two_hosts_two_moves_and_losses() {
    check(Setup { moves: 2, letters: [0, 1, 0], ..LOSING }, 500_000);
}

#[test]
fn three_hosts_and_losses() {
    check(Setup { hosts: 3, letters: [0, 0, 1], ..LOSING }, 40_000);
}

#[test]
fn three_hosts_and_losses_without_patience() {
    check(Setup { hosts: 3, letters: [0, 0, 1], hasty: true, ..LOSING }, 10_000);
}
