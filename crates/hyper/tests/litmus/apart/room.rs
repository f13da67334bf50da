//! A computer with more memory than any of its hosts has room for.

use ironloom_core::{Duration, Instant};
use ironloom_hyper::ComputerConfig;
use ironloom_hyper::cluster::link::Incarnation;
use ironloom_hyper::cluster::members::{MembersConfig, Why};
use ironloom_hyper::computer::{ComputerError, RoomCounters};
use ironloom_hyper::isa::{Assembler, registers::*};
use ironloom_hyper::memory::MemoryError;

use crate::hosts::Hosts;
use crate::rig::{Apart, DATA, MEMORY_BYTES, Part, Ran, Stage, Stores, boot, meet, run_in};

const PAGES: u64 = 2_048;
/// Where each hart leaves how many words were not as they should be.
const WRONG: u64 = DATA - 0x10_000;

/// Does something with the address of each word of pages from `first` on, in `t0`, every so many bytes.
fn sweep(text: &mut Assembler, first: u64, pages: u64, body: impl FnOnce(&mut Assembler)) {
    let (again, over) = (text.label(), text.label());
    text.li(T0, DATA + first * 4_096).li(T2, DATA + (first + pages) * 4_096).li(T3, 512);
    text.bind(again).bgeu(T0, T2, over);
    body(text);
    text.add(T0, T0, T3).j(again).bind(over);
}

/// What belongs into the word at `t0`, into `t1`: `s3` times its address, and `s4`.
fn pattern(text: &mut Assembler) {
    text.mul(T1, T0, S3).add(T1, T1, S4);
}

/// Each hart fills its part of a large array, all read all of it, then each changes its neighbour's part, and all read again.
fn fill_and_read(apart: Apart, harts: u64, frames_max: u64) -> Hosts {
    let each = PAGES / harts;
    let part = |hart: u64| {
        move |text: &mut Assembler| {
            text.li(S3, 0x9e37_79b9_7f4a_7c15).li(S4, 1).li(S5, 0);
            for (round, writer) in [hart, (hart + 1) % harts].into_iter().enumerate() {
                text.li(S4, 1 + round as u64);
                sweep(text, writer * each, each, |text| {
                    pattern(text);
                    text.sd(T1, 0, T0);
                });
                meet(text, harts as usize);
                sweep(text, 0, each * harts, |text| {
                    let right = text.label();
                    pattern(text);
                    text.ld(T4, 0, T0).beq(T1, T4, right).addi(S5, S5, 1).bind(right);
                });
                meet(text, harts as usize);
            }
            text.li(T0, WRONG + 4_096 * hart).sd(S5, 0, T0);
        }
    };
    let parts: Vec<_> = (0..harts).map(part).collect();
    let parts: Vec<Part<'_>> = parts.iter().map(|part| part as Part<'_>).collect();
    let config = ComputerConfig { frames_max, ..ComputerConfig::new(MEMORY_BYTES) };
    let ran = run_in(Stage::Apart(apart), &config, &parts, |_| {});
    for hart in 0..harts {
        assert_eq!(ran.dword(WRONG + 4_096 * hart), 0, "hart {hart} read what was written");
    }
    let Ran::Apart(hosts) = ran else { unreachable!("it ran on several hosts") };
    for computer in &hosts.computers {
        assert!(computer.memory().frames_used() <= frames_max);
    }
    hosts
}

/// What became of pages for want of room.
fn counters(hosts: &Hosts) -> Vec<RoomCounters> {
    hosts.hosts.iter().map(|host| host.room_counters()).collect()
}

#[test]
fn harts_use_more_memory_than_a_host_has() {
    for (hosts, harts, frames_max) in [(2, 2, PAGES * 3 / 4), (2, 4, PAGES * 3 / 4), (3, 3, PAGES / 2)] {
        let counters = counters(&fill_and_read(Apart::new(hosts), harts, frames_max));
        println!("{hosts} hosts of {frames_max} frames, {PAGES} pages: {counters:?}");
        assert!(counters.iter().any(|counters| counters.given > 0), "hosts gave pages away: {counters:?}");
    }
}

#[test]
fn pages_that_no_host_has_room_for_are_stored() {
    for (hosts, harts, frames_max) in [(2, 2, PAGES * 3 / 8), (3, 3, PAGES / 4)] {
        for stores in [Stores::Own, Stores::Common] {
            let ran = fill_and_read(Apart { stores, ..Apart::new(hosts) }, harts, frames_max);
            let counters = counters(&ran);
            println!("{hosts} hosts of {frames_max} frames, {PAGES} pages: {counters:?}");
            let aside: u64 = counters.iter().map(|counters| counters.aside).sum();
            assert!(aside > PAGES - u64::from(hosts) * frames_max, "{aside} pages were put aside");
            let named: u64 = ran.hosts.iter().map(|host| host.counters().stored).sum();
            println!("{named} were told by name");
            assert_eq!(named > 0, stores == Stores::Common, "{named} were told by name");
        }
    }
}

/// A hart that writes to all pages.
fn fill(text: &mut Assembler) {
    sweep(text, 0, PAGES, |text| {
        text.sd(T0, 0, T0);
    });
}

fn is_full<T>(result: &Result<T, ComputerError>) -> bool {
    matches!(result, Err(ComputerError::Memory(MemoryError::Full { .. })))
}

/// Only one host runs; the other takes what it has room for.
#[test]
fn a_computer_larger_than_all_its_hosts_ends() {
    let parts: [Part<'_>; 1] = [&fill];
    let config = ComputerConfig { frames_max: PAGES / 4, ..ComputerConfig::new(MEMORY_BYTES) };
    let computers = (0..2).map(|_| boot(config.clone(), &parts)).collect();
    let mut hosts = Hosts::join(computers, |share| {
        share.room_patience = Duration::from_millis(300);
        share.lead = Duration::from_secs(1_000);
    });
    let result = hosts.computers[0].run_freely_until(Instant::ZERO.saturating_add(Duration::from_secs(20)));
    assert!(is_full(&result), "{result:?}");
    let used = [0, 1].map(|host| hosts.computers[host].memory().frames_used());
    assert!(used[0] + used[1] > PAGES * 3 / 8, "both are rather full: {used:?}");
}

#[test]
fn when_a_host_cannot_go_on_nobody_waits_for_it() {
    let parts: [Part<'_>; 1] = [&fill];
    let config = ComputerConfig { frames_max: PAGES / 4, ..ComputerConfig::new(MEMORY_BYTES) };
    let computers = (0..3).map(|_| boot(config.clone(), &parts)).collect();
    let mut hosts = Hosts::join(computers, |share| {
        share.room_patience = Duration::from_millis(300);
        share.members = Some(MembersConfig::new(Incarnation::new(1)));
    });
    let results = hosts.try_run_until(Instant::ZERO.saturating_add(Duration::from_secs(20)));
    assert!(is_full(&results[0]), "{results:?}");
    let halted = |result| matches!(result, &Err(ComputerError::HostLost { why: Why::Halted, .. }));
    assert!(results[1..].iter().all(halted), "{results:?}");
}
