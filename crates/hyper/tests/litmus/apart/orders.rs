//! Races between harts on different hosts.
//!
//! `IRONLOOM_LITMUS_TIMES=100 cargo test -p ironloom-hyper --test litmus apart::orders` runs each race a hundred times, which
//! are more than a million rounds in sum; `--nocapture` prints how often harts saw what.

use ironloom_core::Duration;

use crate::orders::{
    coherence, independent_reads, load_buffering, message_passing, news, store_buffering, two_writes,
};
use crate::race::Ground;
use crate::rig::{Apart, Stage};

/// A meeting costs more than a round: hosts pass the page around at which harts meet.
const APART: Ground = Ground {
    stage: Stage::Together,
    stride: 512,
    distance: 2 << 20,
    forked: false,
    read_before: false,
    beside: 1,
    meetings: 10,
    batch: 10,
    skew: 15,
    gap: 0,
};

/// Places in one page; in two pages whose homes are one host; in two pages whose homes are dealt out.
fn grounds(hosts: u8) -> [Ground; 4] {
    let stage = |grain_pages, hold| {
        let hold = Duration::from_micros(hold);
        Stage::Apart(Apart { grain_pages, hold, ..Apart::new(hosts) })
    };
    [
        Ground { stage: stage(1, 5), stride: 64, distance: 32, skew: 17, gap: 17, ..APART },
        Ground { stage: stage(1 << 12, 50), read_before: true, ..APART },
        Ground { stage: stage(1, 50), ..APART },
        Ground { stage: stage(1, 0), read_before: true, gap: 15, ..APART },
    ]
}

/// A race with a hart on each of so many hosts at most, and one with two such races beside each other on fewer.
fn check(shape: fn(&Ground), hosts_max: u8) {
    for hosts in 2..=hosts_max {
        grounds(hosts).iter().for_each(shape);
    }
    let [one_page, .., pages] = grounds(2);
    shape(&Ground { beside: 2, ..one_page });
    shape(&Ground { beside: 2, ..pages });
}

#[test]
fn stores_are_seen_before_loads_behind_a_fence() {
    check(store_buffering, 2);
}

#[test]
fn a_message_is_there_when_its_flag_is() {
    check(message_passing, 2);
}

#[test]
fn what_is_written_to_a_page_that_others_read_is_seen_by_all() {
    check(news, 3);
}

#[test]
fn loads_are_not_answered_by_stores_that_follow_them() {
    check(load_buffering, 2);
}

#[test]
fn harts_agree_on_the_order_of_independent_writes() {
    check(independent_reads, 4);
}

#[test]
fn a_place_never_goes_back() {
    check(coherence, 3);
}

#[test]
fn two_writes_of_each_have_an_order() {
    check(two_writes, 2);
}
