//! Pages that harts of several hosts use where they are.

use ironloom_core::{Duration, Instant};
use ironloom_hyper::ComputerConfig;
use ironloom_hyper::cluster::link::Incarnation;
use ironloom_hyper::cluster::members::MembersConfig;
use ironloom_hyper::computer::{Pause, RemoteConfig, RemoteCounters};
use ironloom_hyper::isa::{Assembler, registers::*};

use crate::code::{fences, instructions, translated_instructions, translations};
use crate::hosts::Hosts;
use crate::locks::{lock, lost_reservations, reservations, stack};
use crate::orders::{
    coherence, independent_reads, load_buffering, message_passing, news, store_buffering, two_writes,
};
use crate::race::{Ground, wait_by_chance};
use crate::rig::{Apart, DATA, MEMORY_BYTES, Part, Ran, Stage, boot, meet, repeat, run};
use crate::weather::Weather;

/// Every page that leaves is used where it is, and fetched now and then.
const ALWAYS: RemoteConfig = RemoteConfig {
    turns: 0,
    within: Duration::from_secs(10),
    operations: 60,
    burst_max: u8::MAX,
    gap: Duration::from_micros(1),
    pages_max: 1_024,
};

/// Words of each hart that are written by it alone, each in a line of its own and all in one page.
const COUNTS: u64 = DATA;
/// A word of the same page that all change, and a lock.
const SUM: u64 = DATA + 0x800;
const LOCK: u64 = DATA + 0x880;
const LOCKED: u64 = DATA + 0x8c0;

/// Rounds in lines of one page, and in two pages whose homes are dealt out.
fn grounds(hosts: u8, weather: Weather) -> [Ground; 2] {
    let apart = Apart { remote: Some((ALWAYS, 1)), weather, ..Apart::new(hosts) };
    let ground = Ground {
        stage: Stage::Apart(apart),
        stride: 128,
        distance: 64,
        forked: false,
        read_before: false,
        beside: 1,
        meetings: 10,
        batch: 10,
        skew: 15,
        gap: 12,
    };
    [ground, Ground { distance: 2 << 20, stride: 512, read_before: true, ..ground }]
}

fn check(shape: fn(&Ground), hosts_max: u8) {
    let late = Weather { seed: 3, delay: Duration::from_micros(300), ..Weather::FAIR };
    for hosts in 2..=hosts_max {
        grounds(hosts, Weather::FAIR).iter().for_each(shape);
    }
    grounds(hosts_max, late).iter().for_each(shape);
    grounds(2, Weather { lost: 20, doubled: 100, letters: true, ..late }).iter().for_each(shape);
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

/// Hosts of which pages are used where they are, and harts on all of them.
fn each_crowd(check: impl Fn(Stage, usize)) {
    for (hosts, harts) in [(2, 2), (2, 4), (3, 3)] {
        check(Stage::Apart(Apart { remote: Some((ALWAYS, 0)), ..Apart::new(hosts) }), harts);
    }
}

#[test]
fn a_lock_of_atomics_lets_in_one_at_a_time() {
    each_crowd(|stage, harts| lock(stage, harts, 5_000));
}

#[test]
fn reservations_lose_nothing_beside_stores_to_the_same_line() {
    each_crowd(|stage, harts| reservations(stage, harts, 20_000));
}

#[test]
fn a_reservation_is_lost_when_somebody_stores_what_was_there() {
    each_crowd(|stage, _| _ = lost_reservations(stage, 20));
}

#[test]
fn a_stack_of_reservations_keeps_its_nodes() {
    each_crowd(|stage, harts| stack(stage, harts, 4_000, 64));
}

#[test]
fn instructions_and_translations_are_old_until_a_fence_and_no_longer() {
    each_crowd(|stage, harts| {
        instructions(stage, harts - 1, 30);
        translations(stage, harts - 1, 30);
        fences(stage, harts, 20);
    });
    each_crowd(|stage, _| translated_instructions(stage, 30));
}

/// How often harts do what is done where the page is, for each time that they have it come.
const FETCHES: u64 = 16;

/// Each hart counts in a line of its own by loads and stores, in half a word and by an operation, and with all others in one
/// word by an operation. Now and then they count with all others by a reservation and under a lock as well.
fn count(text: &mut Assembler, each: u64) {
    text.li(S2, COUNTS).slli(T0, A0, 6).add(S3, S2, T0).li(S5, SUM).li(S7, LOCK).mv(S10, A0);
    repeat(text, S4, each, |text| {
        wait_by_chance(text, 18);
        text.ld(T0, 0, S3).addi(T0, T0, 1).sd(T0, 0, S3);
        text.lhu(T0, 8, S3).addi(T0, T0, 1).sh(T0, 8, S3);
        text.li(T0, 1).addi(T1, S3, 12).amoadd_w(ZERO, T0, T1);
        text.li(T0, 2).amoadd_d(ZERO, T0, S5);
        let (retry, take, taken, over) = (text.label(), text.label(), text.label(), text.label());
        text.andi(T0, S4, FETCHES as i32 - 1).bnez(T0, over);
        text.addi(T3, S5, 8).bind(retry).lr_d(T0, T3).addi(T0, T0, 1).sc_d(T1, T0, T3).bnez(T1, retry);
        text.bind(take).li(T0, 1).amoswap_w(T1, T0, S7).beqz(T1, taken).pause().j(take);
        text.bind(taken).fence(3, 3).li(T0, LOCKED);
        text.ld(T2, 0, T0).addi(T2, T2, 1).sd(T2, 0, T0).fence(3, 3).sw(ZERO, 0, S7);
        text.bind(over);
    });
}

/// What was counted is what harts counted.
fn check_counts(dword: impl Fn(u64) -> u64, harts: u64, each: u64, what: &str) {
    for hart in 0..harts {
        let place = COUNTS + hart * 64;
        assert_eq!(dword(place), each, "{what}: hart {hart}'s words");
        assert_eq!(dword(place + 8), each << 32 | each & 0xffff, "{what}: hart {hart}'s parts of words");
    }
    let sums = [SUM, SUM + 8, LOCKED].map(dword);
    let (all, few) = (each * harts, each / FETCHES * harts);
    assert_eq!(sums, [2 * all, few, few], "{what}: what all have counted");
}

fn sum(hosts: &Hosts) -> RemoteCounters {
    let counters = hosts.hosts.iter().map(|host| host.remote_counters());
    counters.fold(RemoteCounters::default(), |sum, counters| RemoteCounters {
        found: sum.found + counters.found,
        done: sum.done + counters.done,
        refused: sum.refused + counters.refused,
        served: sum.served + counters.served,
        bursts: sum.bursts + counters.bursts,
    })
}

#[test]
fn harts_count_right_in_a_page_that_stays_where_it_is() {
    let late = Weather { seed: 1, delay: Duration::from_micros(300), ..Weather::FAIR };
    let days = [
        Weather::FAIR,
        late,
        Weather { lost: 30, doubled: 200, letters: true, ..late },
        Weather { doubled: 200, letters: true, burst: Duration::from_millis(1), ..late },
    ];
    for (hosts, harts) in [(2, 2), (3, 4)] {
        for weather in days {
            let each = 320;
            let part = |text: &mut Assembler| {
                count(text, each);
                meet(text, harts);
            };
            let apart = Apart { weather, remote: Some((ALWAYS, FETCHES)), ..Apart::new(hosts) };
            let ran = run(Stage::Apart(apart), &vec![&part as Part<'_>; harts]);
            check_counts(|at| ran.dword(at), harts as u64, each, &format!("{apart:?}"));
            let Ran::Apart(hosts) = ran else { unreachable!("it ran on several hosts") };
            let counters = sum(&hosts);
            println!("{} hosts, {weather:?}: {counters:?}", hosts.hosts.len());
        }
    }
}

/// The policy as it is: a page of which each hart writes a line of its own now and then is found, and used where it is.
#[test]
fn a_falsely_shared_page_is_found() {
    const EACH: u64 = 400;
    let part = |text: &mut Assembler| {
        text.li(S2, COUNTS).slli(T0, A0, 6).add(S3, S2, T0);
        repeat(text, S4, EACH, |text| {
            text.ld(T0, 0, S3).addi(T0, T0, 1).sd(T0, 0, S3);
            repeat(text, S5, 50_000, |_| {});
        });
    };
    let apart = Apart { remote: Some((RemoteConfig::default(), EACH / 4)), ..Apart::new(2) };
    let ran = run(Stage::Apart(apart), &[&part, &part]);
    assert_eq!([ran.dword(COUNTS), ran.dword(COUNTS + 64)], [EACH, EACH]);
    let Ran::Apart(hosts) = ran else { unreachable!("it ran on several hosts") };
    let counters = sum(&hosts);
    assert!(counters.found > 0, "{counters:?}");
    assert_eq!(counters.bursts, 0, "nothing follows closely: {counters:?}");
}

/// Lets time go by between two moves.
#[expect(clippy::disallowed_methods, reason = "moves are to be spread over what goes on, whatever that is")]
fn rest() {
    std::thread::sleep(std::time::Duration::from_millis(2));
}

/// Harts go from host to host, and a host leaves, while others use pages where they are.
#[test]
fn harts_count_right_while_they_move_and_a_host_leaves() {
    const HARTS: usize = 4;
    const EACH: u64 = 640;
    let part = |text: &mut Assembler| {
        count(text, EACH);
        meet(text, HARTS);
    };
    let parts: Vec<Part<'_>> = vec![&part; HARTS];
    let computers = (0..3).map(|_| boot(ComputerConfig::new(MEMORY_BYTES), &parts)).collect();
    let apart = Apart { remote: Some((ALWAYS, 1)), ..Apart::new(3) };
    let mut hosts = Hosts::join(computers, |share| {
        apart.change(share);
        let lease = Duration::from_secs(20);
        share.members = Some(MembersConfig { lease, ..MembersConfig::new(Incarnation::new(1)) });
    });
    let beside = hosts.hosts.clone();
    let over = std::sync::atomic::AtomicBool::new(false);
    let is_over = || over.load(std::sync::atomic::Ordering::SeqCst);
    let pauses = std::thread::scope(|scope| {
        scope.spawn(|| {
            let moves = (0..u64::MAX).take_while(|_| !is_over() && !beside[2].has_left());
            for turn in moves {
                let hart = (turn % HARTS as u64) as u8;
                for host in &beside {
                    let to = beside[(usize::from(host.id().number()) + 1) % 2].id();
                    let _ = host.move_hart(hart, to); // it lives elsewhere, or is on its way
                }
                if turn == 8 {
                    beside[2].leave().unwrap();
                }
                rest();
            }
        });
        let pauses = hosts.run_until(Instant::ZERO.saturating_add(Duration::from_secs(20)));
        over.store(true, std::sync::atomic::Ordering::SeqCst);
        pauses
    });
    assert_eq!(pauses, [Pause::Deadline, Pause::Deadline, Pause::Left]);
    let memory = hosts.computers[0].memory();
    let dword = |at| memory.load(ironloom_hyper::GuestAddress::new(at)).unwrap();
    check_counts(dword, HARTS as u64, EACH, "harts that move");
    let counters = sum(&hosts);
    println!("{counters:?}");
    assert!(counters.done > 0, "{counters:?}");
}
