//! False sharing: two harts on two hosts that each write a word of their own, in one page, with work of their own between;
//! with the page going back and forth, and with what is wanted of it done where it is.

use std::sync::Arc;

use ironloom_benches::{OURS, Suite, Unit, timed};
use ironloom_core::{Instant, WallClock};
use ironloom_hyper::board::layout;
use ironloom_hyper::cluster::HostSet;
use ironloom_hyper::cluster::tcp::Links;
use ironloom_hyper::computer::{Host, Inbox, Kernel, RemoteConfig, Share};
use ironloom_hyper::isa::{Assembler, registers::*};
use ironloom_hyper::{Computer, ComputerConfig, GuestAddress};

use crate::HOST;
use crate::process::{Process, gather, hear, listen, meet, say};

const NAME: &str = "hyper::spread::lines";
/// How this program is told to be the other host of such a computer, and to use pages where they are.
pub(crate) const PART: &str = "lines";
pub(crate) const REMOTE_PART: &str = "lines-remote";
const TEXT: u64 = layout::MEMORY + (2 << 20);
const WORDS: u64 = layout::MEMORY + (8 << 20);
/// Where it is written how often each hart counts, and how many turns of a loop it takes between.
const SETTING: u64 = layout::MEMORY + (12 << 20);
/// Longer than it takes.
const DEADLINE: Instant = Instant::from_nanos(100_000_000_000);

/// How many turns of a loop of two instructions there are between two writes, and how many writes.
const SETTINGS: [(u64, u64); 3] = [(0, 4_000_000), (5_000, 20_000), (100_000, 1_000)];

/// Each hart counts in its own word; then the first waits for the other's, and powers off.
fn image() -> Vec<u8> {
    const HSM: u64 = 0x0048_534d;
    const RESET: u64 = 0x5352_5354;
    let mut text = Assembler::new(GuestAddress::new(TEXT));
    let (start, play, over, halt) = (text.label(), text.label(), text.label(), text.label());
    // Behind the jump: where it belongs from the begin of memory, how much of that it needs, flags, version, magic.
    text.j(start).align(8).dwords(&[2 << 20, 64 << 10]).zeros(56 - 24).bytes(b"RSC\x05").zeros(4).bind(start);
    text.li(A0, 1).la(A1, play).li(A2, 0).li(A7, HSM).li(A6, 0).ecall().li(A0, 0);
    text.bind(play).li(S2, WORDS).slli(T0, A0, 6).add(S3, S2, T0).li(T0, SETTING).ld(S4, 0, T0).ld(S5, 8, T0);
    let count = text.here();
    text.ld(T0, 0, S3).addi(T0, T0, 1).sd(T0, 0, S3).mv(T1, S4);
    let (loop_over, again) = (text.label(), text.here());
    text.beqz(T1, loop_over).addi(T1, T1, -1).j(again).bind(loop_over);
    text.addi(S5, S5, -1).bnez(S5, count);
    text.bnez(A0, halt).li(T0, SETTING).ld(S5, 8, T0);
    let wait = text.here();
    text.ld(T0, 64, S2).bgeu(T0, S5, over).pause().j(wait);
    text.bind(over).li(A0, 0).li(A1, 0).li(A7, RESET).li(A6, 0).ecall();
    text.bind(halt);
    let sleep = text.here();
    text.wfi().j(sleep);
    text.finish().expect("every label is bound").bytes().to_vec()
}

fn computer((work, writes): (u64, u64)) -> Computer {
    let mut computer = Computer::new(ComputerConfig::new(16 << 20).harts(2)).expect("the computer is made");
    computer.boot_kernel(&Kernel { image: &image(), ..Kernel::default() }).expect("it fits");
    for (place, value) in [(SETTING, work), (SETTING + 8, writes)] {
        computer.memory().store(GuestAddress::new(place), value).expect("it is in memory");
    }
    computer
}

fn join(
    links: &Links,
    inbox: Inbox,
    hosts: HostSet,
    setting: (u64, u64),
    remote: bool,
) -> (Computer, Arc<Host>) {
    let mut computer = computer(setting);
    let mut share = Share::new(links.here(), hosts, &computer);
    share.remote = remote.then(RemoteConfig::default);
    let post = Arc::new(links.peers().clone());
    let host = computer.join(share, post, Arc::new(WallClock::start())).expect("it is joined once");
    inbox.open(&host);
    (computer, host)
}

/// The other host.
pub(crate) fn serve(remote: bool) {
    let inbox = Inbox::default();
    let links = listen(1, inbox.handler());
    say(&links.address().to_string());
    let hosts = meet(&links, &hear().unwrap_or_default());
    let setting = hear().and_then(|text| text.parse::<usize>().ok()).expect("the first host says which");
    let (mut computer, host) = join(&links, inbox, hosts, SETTINGS[setting], remote);
    computer.run_freely_until(DEADLINE).expect("the machine runs");
    say(&format!("{:?}", host.remote_counters()));
    while hear().is_some() {}
}

/// What a write costs, of both harts together.
fn measure(number: usize, remote: bool) -> f64 {
    let setting = SETTINGS[number];
    let part = if remote { REMOTE_PART } else { PART };
    let mut others = [Process::start(&[&format!("{HOST}{part}")])];
    let inbox = Inbox::default();
    let links = listen(0, inbox.handler());
    let hosts = gather(&links, &mut others);
    others[0].say(&number.to_string());
    let (mut computer, host) = join(&links, inbox, hosts, setting, remote);
    let taken = timed(|| _ = computer.run_freely_until(DEADLINE).expect("the machine runs"));
    let words = [WORDS, WORDS + 64].map(|word| computer.memory().load::<u64>(GuestAddress::new(word)));
    for word in words {
        assert_eq!(word.expect("it is in memory"), setting.1, "each write counts");
    }
    let visits = host.counters().write_misses + host.counters().upgrades;
    println!("{NAME}: work {}, remote {remote}: {visits} visits; {:?}", setting.0, host.remote_counters());
    println!("{NAME}: the other host: {}", others[0].hear());
    taken.as_nanos() as f64 / setting.1 as f64
}

pub(crate) fn benches(suite: &mut Suite) {
    if !suite.selects(NAME) {
        return;
    }
    for (number, setting) in SETTINGS.into_iter().enumerate() {
        let (without, with) = (measure(number, false), measure(number, true));
        let mut computer = computer(setting);
        let together = timed(|| _ = computer.run_freely_until(DEADLINE).expect("the machine runs"));
        suite
            .compare_values(&format!("{NAME}/work={}", setting.0), Unit::Nanos, [])
            .found(OURS, with)
            .found("ironloom, page goes round", without)
            .found("ironloom, one host", together.as_nanos() as f64 / setting.1 as f64);
    }
}
