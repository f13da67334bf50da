//! The worst case: two harts on two hosts that write the same word in turns, so that its page goes back and forth.

use std::sync::Arc;

use ironloom_benches::{OURS, Suite, Unit, timed};
use ironloom_core::{Instant, WallClock};
use ironloom_hyper::board::layout;
use ironloom_hyper::cluster::HostSet;
use ironloom_hyper::cluster::tcp::Links;
use ironloom_hyper::computer::{Host, Inbox, Kernel, Share};
use ironloom_hyper::isa::{Assembler, registers::*};
use ironloom_hyper::{Computer, ComputerConfig, GuestAddress};

use crate::HOST;
use crate::process::{Process, gather, hear, listen, meet, say};

const NAME: &str = "hyper::spread::ball";
/// How often the word is written.
const TURNS: u64 = 4_000;
const TEXT: u64 = layout::MEMORY + (2 << 20);
const WORD: u64 = layout::MEMORY + (8 << 20);
/// Longer than it takes.
const DEADLINE: Instant = Instant::from_nanos(100_000_000_000);

/// Each hart waits until the word is its own number, odd or even, and adds one to it; then the first powers off.
fn image() -> Vec<u8> {
    const HSM: u64 = 0x0048_534d;
    const RESET: u64 = 0x5352_5354;
    let mut text = Assembler::new(GuestAddress::new(TEXT));
    let (start, play, over, halt) = (text.label(), text.label(), text.label(), text.label());
    // Behind the jump: where it belongs from the begin of memory, how much of that it needs, flags, version, magic.
    text.j(start).align(8).dwords(&[2 << 20, 64 << 10]).zeros(56 - 24).bytes(b"RSC\x05").zeros(4).bind(start);
    text.li(A0, 1).la(A1, play).li(A2, 0).li(A7, HSM).li(A6, 0).ecall().li(A0, 0);
    text.bind(play).li(S2, WORD).li(S3, TURNS);
    let wait = text.here();
    text.ld(T0, 0, S2).bgeu(T0, S3, over).andi(T1, T0, 1).bne(T1, A0, wait);
    text.addi(T0, T0, 1).sd(T0, 0, S2).j(wait);
    text.bind(over).bnez(A0, halt).li(A0, 0).li(A1, 0).li(A7, RESET).li(A6, 0).ecall();
    text.bind(halt);
    let again = text.here();
    text.wfi().j(again);
    text.finish().expect("every label is bound").bytes().to_vec()
}

fn computer() -> Computer {
    let mut computer = Computer::new(ComputerConfig::new(16 << 20).harts(2)).expect("the computer is made");
    computer.boot_kernel(&Kernel { image: &image(), ..Kernel::default() }).expect("it fits");
    computer
}

fn join(links: &Links, inbox: Inbox, hosts: HostSet) -> (Computer, Arc<Host>) {
    let mut computer = computer();
    let share = Share::new(links.here(), hosts, &computer);
    let post = Arc::new(links.peers().clone());
    let host = computer.join(share, post, Arc::new(WallClock::start())).expect("it is joined once");
    inbox.open(&host);
    (computer, host)
}

/// The other player.
pub(crate) fn serve() {
    let inbox = Inbox::default();
    let links = listen(1, inbox.handler());
    say(&links.address().to_string());
    let hosts = meet(&links, &hear().unwrap_or_default());
    let (mut computer, _) = join(&links, inbox, hosts);
    computer.run_freely_until(DEADLINE).expect("the machine runs");
    while hear().is_some() {}
}

pub(crate) fn benches(suite: &mut Suite) {
    if !suite.selects(NAME) {
        return;
    }
    let mut others = [Process::start(&[&format!("{HOST}ball")])];
    let inbox = Inbox::default();
    let links = listen(0, inbox.handler());
    let hosts = gather(&links, &mut others);
    let (mut computer, host) = join(&links, inbox, hosts);
    let apart = timed(|| _ = computer.run_freely_until(DEADLINE).expect("the machine runs"));
    let turns = computer.memory().load::<u64>(GuestAddress::new(WORD)).expect("it is in memory");
    assert_eq!(turns, TURNS, "nobody missed a turn");
    println!("{NAME}: {:?}", host.counters());
    let mut computer = self::computer();
    let together = timed(|| _ = computer.run_freely_until(DEADLINE).expect("the machine runs"));
    suite
        .compare_values(&format!("{NAME}/turn"), Unit::Nanos, [])
        .found(OURS, apart.as_nanos() as f64 / TURNS as f64)
        .found("ironloom, one host", together.as_nanos() as f64 / TURNS as f64);
}
