//! False sharing: two harts on two hosts that pass a ball, and with each pass write a word of their own, in a line of its
//! own of one page; with that page going back and forth as well, and with what is wanted of it done where it is.

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
/// How often the ball is passed, a word that is odd or even.
const TURNS: u64 = 2_000;
const BALL: u64 = layout::MEMORY + (8 << 20);
/// The words of each hart.
const WORDS: u64 = layout::MEMORY + (10 << 20);
/// How many turns of a loop of three instructions a hart works after it has passed the ball: 45 µs of its time.
const WORK: u64 = 15_000;
/// Longer than it takes.
const DEADLINE: Instant = Instant::from_nanos(100_000_000_000);

/// Each hart waits until the ball is its own number, writes its word, passes the ball on, and works; at the end the first
/// powers off.
fn image() -> Vec<u8> {
    const HSM: u64 = 0x0048_534d;
    const RESET: u64 = 0x5352_5354;
    let mut text = Assembler::new(GuestAddress::new(TEXT));
    let (start, play, over, halt) = (text.label(), text.label(), text.label(), text.label());
    // Behind the jump: where it belongs from the begin of memory, how much of that it needs, flags, version, magic.
    text.j(start).align(8).dwords(&[2 << 20, 64 << 10]).zeros(56 - 24).bytes(b"RSC\x05").zeros(4).bind(start);
    text.li(A0, 1).la(A1, play).li(A2, 0).li(A7, HSM).li(A6, 0).ecall().li(A0, 0);
    text.bind(play).li(S2, BALL).li(S3, TURNS).li(S4, WORDS).slli(T0, A0, 6).add(S4, S4, T0);
    let wait = text.here();
    text.ld(T0, 0, S2).bgeu(T0, S3, over).andi(T1, T0, 1).bne(T1, A0, wait);
    text.ld(T2, 0, S4).addi(T2, T2, 1).sd(T2, 0, S4);
    text.addi(T0, T0, 1).sd(T0, 0, S2).li(T1, WORK);
    let work = text.here();
    text.addi(T1, T1, -1).addi(T2, T2, 1).bnez(T1, work).j(wait);
    text.bind(over).bnez(A0, halt).li(A0, 0).li(A1, 0).li(A7, RESET).li(A6, 0).ecall();
    text.bind(halt);
    let sleep = text.here();
    text.wfi().j(sleep);
    text.finish().expect("every label is bound").bytes().to_vec()
}

fn computer() -> Computer {
    let mut computer = Computer::new(ComputerConfig::new(16 << 20).harts(2)).expect("the computer is made");
    computer.boot_kernel(&Kernel { image: &image(), ..Kernel::default() }).expect("it fits");
    computer
}

fn join(links: &Links, inbox: Inbox, hosts: HostSet, remote: bool) -> (Computer, Arc<Host>) {
    let mut computer = computer();
    let mut share = Share::new(links.here(), hosts, &computer);
    share.remote = remote.then(RemoteConfig::default);
    let post = Arc::new(links.peers().clone());
    let host = computer.join(share, post, Arc::new(WallClock::start())).expect("it is joined once");
    inbox.open(&host);
    (computer, host)
}

/// The other player.
pub(crate) fn serve(remote: bool) {
    let inbox = Inbox::default();
    let links = listen(1, inbox.handler());
    say(&links.address().to_string());
    let hosts = meet(&links, &hear().unwrap_or_default());
    let (mut computer, host) = join(&links, inbox, hosts, remote);
    computer.run_freely_until(DEADLINE).expect("the machine runs");
    say(&format!("{:?}", host.remote_counters()));
    while hear().is_some() {}
}

/// What a turn costs, in nanoseconds.
fn measure(remote: bool) -> f64 {
    let part = if remote { REMOTE_PART } else { PART };
    let mut others = [Process::start(&[&format!("{HOST}{part}")])];
    let inbox = Inbox::default();
    let links = listen(0, inbox.handler());
    let hosts = gather(&links, &mut others);
    let (mut computer, host) = join(&links, inbox, hosts, remote);
    let taken = timed(|| _ = computer.run_freely_until(DEADLINE).expect("the machine runs"));
    let visits = host.counters().write_misses + host.counters().upgrades;
    println!("{NAME}: remote {remote}: {visits} visits, {:?}", host.remote_counters());
    println!("{NAME}: the other host: {}", others[0].hear());
    taken.as_nanos() as f64 / TURNS as f64
}

pub(crate) fn benches(suite: &mut Suite) {
    if !suite.selects(NAME) {
        return;
    }
    let (without, with) = (measure(false), measure(true));
    let mut computer = computer();
    let together = timed(|| _ = computer.run_freely_until(DEADLINE).expect("the machine runs"));
    for word in [WORDS, WORDS + 64] {
        let written = computer.memory().load::<u64>(GuestAddress::new(word)).expect("it is in memory");
        assert_eq!(written, TURNS / 2, "each turn counts");
    }
    suite
        .compare_values(&format!("{NAME}/turn"), Unit::Nanos, [])
        .found(OURS, with)
        .found("ironloom, page goes round", without)
        .found("ironloom, one host", together.as_nanos() as f64 / TURNS as f64);
}
