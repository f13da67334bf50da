//! Programs for each hart of a computer, and what they have in common.

use ironloom_core::{Duration, Instant};
use ironloom_hyper::board::layout;
use ironloom_hyper::computer::{Kernel, Pause, Share};
use ironloom_hyper::isa::{Assembler, Register, registers::*};
use ironloom_hyper::{Computer, ComputerConfig, GuestAddress};

use crate::hosts::Hosts;

const MEMORY_BYTES: u64 = 16 << 20;
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

/// A computer whose harts each run a part, in supervisor mode, until all are through.
pub(crate) fn run(parts: &[Part<'_>]) -> Computer {
    run_after(parts, |_| {})
}

/// The same, with something done to the computer before.
pub(crate) fn run_after(parts: &[Part<'_>], before: impl FnOnce(&mut Computer)) -> Computer {
    let mut computer = Computer::new(ComputerConfig::new(MEMORY_BYTES).harts(parts.len() as u16)).unwrap();
    let image = image(parts);
    computer.boot_kernel(&Kernel { image: &image, ..Kernel::default() }).unwrap();
    before(&mut computer);
    let deadline = computer.now().saturating_add(TIME_MAX);
    assert_eq!(computer.run_freely_until(deadline).unwrap(), Pause::Deadline);
    assert_eq!(dword(&computer, DONE), parts.len() as u64, "all harts came to their end");
    computer
}

/// A computer whose harts each run a part, on a host of its own each or as `change` says, until all are through.
pub(crate) fn run_apart(hosts: usize, parts: &[Part<'_>], change: impl Fn(&mut Share)) -> Hosts {
    let image = image(parts);
    let boot = |_| {
        let mut computer =
            Computer::new(ComputerConfig::new(MEMORY_BYTES).harts(parts.len() as u16)).unwrap();
        computer.boot_kernel(&Kernel { image: &image, ..Kernel::default() }).unwrap();
        computer
    };
    let mut hosts = Hosts::join((0..hosts).map(boot).collect(), change);
    let deadline = Instant::ZERO.saturating_add(TIME_MAX);
    for pause in hosts.run_until(deadline) {
        assert_eq!(pause, Pause::Deadline);
    }
    assert_eq!(dword(&hosts.computers[0], DONE), parts.len() as u64, "all harts came to their end");
    hosts
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

/// A word of memory.
pub(crate) fn dword(computer: &Computer, at: u64) -> u64 {
    computer.memory().load(GuestAddress::new(at)).unwrap()
}
