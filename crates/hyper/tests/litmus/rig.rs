//! Programs for each hart of a computer, and what they have in common.

use std::fmt;
use std::sync::Arc;

use ironloom_blob::{BlobStore, MemoryStore};
use ironloom_core::{Duration, Instant};
use ironloom_hyper::board::layout;
use ironloom_hyper::computer::{Kernel, Pause, RemoteConfig, Share};
use ironloom_hyper::isa::{Assembler, Register, registers::*};
use ironloom_hyper::{Computer, ComputerConfig, GuestAddress};

use crate::hosts::Hosts;
use crate::weather::Weather;

pub(crate) const MEMORY_BYTES: u64 = 16 << 20;
/// Where programs begin.
const TEXT: u64 = layout::MEMORY + (2 << 20);
/// Where harts count that they have come to a point, and that they are done.
const BARRIER: u64 = layout::MEMORY + 0x1000;
const DONE: u64 = layout::MEMORY + 0x2000;
/// What tests keep in memory, from here on.
pub(crate) const DATA: u64 = layout::MEMORY + (4 << 20);

/// The most guest time that a test takes.
const TIME_MAX: Duration = Duration::from_secs(20);

/// What one hart does.
pub(crate) type Part<'a> = &'a dyn Fn(&mut Assembler);

/// Where harts are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stage {
    /// All on one host.
    Together,
    /// Dealt out among hosts, one after another.
    Apart(Apart),
}

/// How a computer is shared among hosts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Apart {
    pub(crate) hosts: u8,
    /// How many neighbouring pages have a home together.
    pub(crate) grain_pages: u32,
    /// How long a page stays at least where somebody waited for it.
    pub(crate) hold: Duration,
    /// What becomes of messages on their way.
    pub(crate) weather: Weather,
    /// When pages are used where they are, and how often at least.
    pub(crate) remote: Option<(RemoteConfig, u64)>,
    /// Where pages are put that nobody has room for.
    pub(crate) stores: Stores,
}

/// Where pages are put that no host has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stores {
    Nowhere,
    /// Each host has a store of its own.
    Own,
    /// All hosts have the same store.
    Common,
}

impl Apart {
    /// So many hosts in fair weather; homes are dealt out page by page.
    pub(crate) const fn new(hosts: u8) -> Self {
        let hold = Duration::from_micros(50);
        Self { hosts, grain_pages: 1, hold, weather: Weather::FAIR, remote: None, stores: Stores::Nowhere }
    }

    pub(crate) fn change(&self, share: &mut Share) {
        share.remote = self.remote.map(|(config, _)| config);
        share.coherence.grain_pages = self.grain_pages;
        share.coherence.hold = self.hold;
        if self.weather.loses() {
            share.coherence.retry = Duration::from_millis(5);
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Together => write!(f, "one host"),
            Self::Apart(Apart { hosts, grain_pages, hold, .. }) => {
                write!(f, "{hosts} hosts, {grain_pages} pages a home, held for {hold}")
            }
        }
    }
}

/// A computer whose harts are all through.
pub(crate) enum Ran {
    Together(Box<Computer>),
    Apart(Hosts),
}

impl Ran {
    /// A word of memory.
    pub(crate) fn dword(&self, at: u64) -> u64 {
        let computer = match self {
            Self::Together(computer) => computer,
            Self::Apart(hosts) => &hosts.computers[0],
        };
        computer.memory().load(GuestAddress::new(at)).unwrap()
    }
}

/// A computer whose harts each run a part, in supervisor mode, until all are through.
pub(crate) fn run(stage: Stage, parts: &[Part<'_>]) -> Ran {
    run_after(stage, parts, |_| {})
}

/// The same, with something done to the computer before: on each host, if there are several.
pub(crate) fn run_after(stage: Stage, parts: &[Part<'_>], before: impl FnMut(&mut Computer)) -> Ran {
    run_in(stage, &ComputerConfig::new(MEMORY_BYTES), parts, before)
}

/// The same, with a computer that is made of something else.
pub(crate) fn run_in(
    stage: Stage,
    config: &ComputerConfig,
    parts: &[Part<'_>],
    mut before: impl FnMut(&mut Computer),
) -> Ran {
    let mut boot = || {
        let mut computer = boot(config.clone(), parts);
        before(&mut computer);
        computer
    };
    let deadline = Instant::ZERO.saturating_add(TIME_MAX);
    let ran = match stage {
        Stage::Together => {
            let mut computer = boot();
            assert_eq!(computer.run_freely_until(deadline).unwrap(), Pause::Deadline);
            Ran::Together(Box::new(computer))
        }
        Stage::Apart(apart) => {
            let computers = (0..apart.hosts).map(|_| boot()).collect();
            let common = store();
            let change = |share: &mut Share| {
                apart.change(share);
                share.has_common_store = apart.stores == Stores::Common;
                share.store = match apart.stores {
                    Stores::Nowhere => None,
                    Stores::Own => Some(store()),
                    Stores::Common => Some(common.clone()),
                };
            };
            let mut hosts = if apart.weather.is_fair() {
                Hosts::join(computers, change)
            } else {
                Hosts::join_by(computers, change, |from, wires| apart.weather.over(from, wires))
            };
            for pause in hosts.run_until(deadline) {
                assert_eq!(pause, Pause::Deadline);
            }
            if let Some((_, least)) = apart.remote {
                let done = hosts.hosts.iter().map(|host| host.remote_counters().done);
                let done: Vec<u64> = done.collect();
                println!("{done:?} operations were done elsewhere");
                assert!(done.iter().sum::<u64>() >= least, "{done:?} of {least}: {apart:?}");
            }
            Ran::Apart(hosts)
        }
    };
    assert_eq!(ran.dword(DONE), parts.len() as u64, "all harts came to their end");
    ran
}

fn store() -> Arc<dyn BlobStore> {
    Arc::new(MemoryStore::new())
}

/// A computer whose harts are about to run a part each.
pub(crate) fn boot(config: ComputerConfig, parts: &[Part<'_>]) -> Computer {
    let mut computer = Computer::new(config.harts(parts.len() as u16)).unwrap();
    computer.boot_kernel(&Kernel { image: &image(parts), ..Kernel::default() }).unwrap();
    computer
}

/// A kernel whose first hart starts the others; then each runs its part and waits for ever.
fn image(parts: &[Part<'_>]) -> Vec<u8> {
    let mut text = Assembler::new(GuestAddress::new(TEXT));
    let (start, begin) = (text.label(), text.label());
    // Behind the jump: where it belongs from the begin of memory, how much of that it needs, flags, version, magic.
    text.j(start).align(8).dwords(&[2 << 20, 64 << 10]).zeros(56 - 24).bytes(b"RSC\x05").zeros(4).bind(start);
    text.bnez(A0, begin);
    for hart in 1..parts.len() {
        text.li(A0, hart as u64).la(A1, begin).li(A2, 0);
        call(&mut text, 0x0048_534d, 0);
    }
    text.li(A0, 0).bind(begin);
    for (hart, part) in parts.iter().enumerate() {
        let next = text.label();
        let (enter, over) = (text.label(), text.label());
        text.li(T0, hart as u64).beq(A0, T0, enter).j(next).bind(enter);
        meet(&mut text, parts.len());
        part(&mut text);
        text.j(over).bind(over).li(T0, DONE).li(T1, 1).amoadd_d(ZERO, T1, T0);
        if hart == 0 {
            // It sees all come to their end, so the host of the first hart knows when nobody runs any more.
            let (wait, seen) = (text.label(), text.label());
            text.li(T2, parts.len() as u64)
                .bind(wait)
                .ld(T1, 0, T0)
                .bgeu(T1, T2, seen)
                .pause()
                .j(wait)
                .bind(seen);
        }
        let halt = text.here();
        text.wfi().j(halt).bind(next);
    }
    text.finish().unwrap().bytes().to_vec()
}

/// Waits until all harts have come here. `s11` counts how many that is.
pub(crate) fn meet(text: &mut Assembler, harts: usize) {
    let (wait, through) = (text.label(), text.label());
    text.addi(S11, S11, harts as i32).li(T0, BARRIER).li(T1, 1).amoadd_d(ZERO, T1, T0);
    text.bind(wait).ld(T1, 0, T0).bgeu(T1, S11, through).pause().j(wait).bind(through);
    text.fence(3, 3);
}

/// Calls the firmware with what is in the registers.
pub(crate) fn call(text: &mut Assembler, extension: u64, function: u64) {
    text.li(A7, extension).li(A6, function).ecall();
}

/// Does something so often; `counter` counts down.
pub(crate) fn repeat(text: &mut Assembler, counter: Register, times: u64, body: impl FnOnce(&mut Assembler)) {
    let (again, over) = (text.label(), text.label());
    text.li(counter, times).bind(again).beqz(counter, over).addi(counter, counter, -1);
    body(text);
    text.j(again).bind(over);
}

/// How often tests of races are run: once, or as often as the environment says.
#[expect(clippy::disallowed_methods, reason = "who runs tests by hand says how long")]
pub(crate) fn times() -> u64 {
    std::env::var("IRONLOOM_LITMUS_TIMES").map_or(1, |times| times.parse().expect("a number of times"))
}
