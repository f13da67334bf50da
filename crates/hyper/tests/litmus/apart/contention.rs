//! Harts that contend for one page from three hosts, with other load on the machine: all get on.

use std::sync::atomic::{AtomicBool, Ordering};

use ironloom_core::{Clock, Duration, WallClock};
use ironloom_hyper::isa::{Assembler, registers::*};

use crate::rig::{Apart, DATA, Part, Ran, Stage, repeat, run};

const WORD: u64 = DATA;
/// Where each hart leaves how far all had counted when it was through, in a page of its own.
const ENDS: u64 = DATA + 0x10_000;

const HOSTS: u8 = 3;
const HARTS: usize = 6;

/// Counts so often, then leaves how far all have counted.
fn contend(text: &mut Assembler, each: u64, count: &dyn Fn(&mut Assembler)) {
    text.li(S2, WORD).li(S5, ENDS).slli(T0, A0, 12).add(S5, S5, T0);
    repeat(text, S4, each, count);
    text.addi(T0, T0, 1).sd(T0, 0, S5);
}

/// Threads that take what they can of the machine, until this is dropped.
struct Load<'a>(&'a AtomicBool);

impl Drop for Load<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn under_load(threads: usize, body: impl FnOnce()) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let _load = Load(&over);
        body();
    });
}

/// How often each host got a page to write it.
fn visits(ran: &Ran) -> Vec<u64> {
    let Ran::Apart(hosts) = ran else { return Vec::new() };
    let counters = hosts.hosts.iter().map(|host| host.counters());
    counters.map(|counters| counters.write_misses + counters.upgrades).collect()
}

/// Lets each hart count so often; prints how fast, and how far all were when each was through.
///
/// If all get on alike, all are through at the end; if one after another does, they are through one after another.
fn check(what: &str, hold: u64, each: u64, count: &dyn Fn(&mut Assembler)) {
    let part = |text: &mut Assembler| contend(text, each, count);
    let parts: [Part<'_>; HARTS] = [&part; HARTS];
    let clock = WallClock::start();
    let apart = Apart { hold: Duration::from_micros(hold), ..Apart::new(HOSTS) };
    let ran = run(Stage::Apart(apart), &parts);
    let taken = clock.now().as_nanos();
    let total = each * HARTS as u64;
    assert_eq!(ran.dword(WORD), total, "{what}: each was counted once");
    let ends: Vec<u64> =
        (0..HARTS as u64).map(|hart| ran.dword(ENDS + hart * 0x1000) * 100 / total).collect();
    println!(
        "{what}, held for {hold} µs: {} a second; harts were through at {ends:?} %; hosts came for it {:?} times",
        u128::from(total) * 1_000_000_000 / u128::from(taken),
        visits(&ran)
    );
}

/// Counts by a reservation; `t0` is what was there.
fn reserve(text: &mut Assembler) {
    let retry = text.label();
    text.bind(retry).lr_d(T0, S2).addi(T1, T0, 1).sc_d(T2, T1, S2).bnez(T2, retry);
}

fn operate(text: &mut Assembler) {
    text.li(T1, 1).amoadd_d(T0, T1, S2);
}

#[test]
fn harts_that_contend_all_get_on() {
    under_load(2, || {
        for hold in [0, 50] {
            check("reservations", hold, 100_000, &reserve);
            check("operations", hold, 100_000, &operate);
            // Who pauses lets others have it.
            check("reservations and pauses", hold, 50, &|text| {
                reserve(text);
                text.pause();
            });
            check("operations and pauses", hold, 50, &|text| {
                operate(text);
                text.pause();
            });
        }
    });
}
