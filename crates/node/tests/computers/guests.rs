//! Small programs for computers, which need no system: they are booted as kernels are.

use ironloom_node::hyper::GuestAddress;
use ironloom_node::hyper::board::layout;
use ironloom_node::hyper::isa::registers::*;
use ironloom_node::hyper::isa::{Assembler, csr};

/// The bits of `sie`: of the timer, and of devices.
const TIMER: u64 = 1 << 5;
const DEVICES: u64 = 1 << 9;

/// Registers of the serial port.
const LINE_STATUS: i32 = 5;

/// Places of the interrupt controller, for the first hart in supervisor mode.
const PLIC_ENABLE: u64 = layout::PLIC + 0x2080;
const PLIC_CLAIM: u64 = layout::PLIC + 0x20_1000;

/// A program as a file that a kernel would be: with the header of Linux.
pub(crate) fn kernel(write: impl FnOnce(&mut Assembler)) -> Vec<u8> {
    let mut text = Assembler::new(GuestAddress::new(layout::MEMORY));
    let begin = text.label();
    // A jump, how far from the beginning of memory, how large, flags, version and reserved.
    text.j(begin).nop().dwords(&[0; 5]);
    text.bytes(b"RISCV\0\0\0RSC\x05").word(0).bind(begin);
    write(&mut text);
    text.finish().unwrap().bytes().to_vec()
}

/// Lets interrupts of a device through to the hart, and `S7` be where they are claimed.
pub(crate) fn listen(text: &mut Assembler, sources: &[u32], also: u64) {
    let mask: u64 = sources.iter().map(|source| 1 << source).sum();
    for source in sources {
        text.li(T0, layout::PLIC + 4 * u64::from(*source)).li(T1, 1).sw(T1, 0, T0);
    }
    text.li(T0, PLIC_ENABLE).li(T1, mask).sw(T1, 0, T0);
    text.li(S7, PLIC_CLAIM).sw(ZERO, 0, S7);
    text.li(T0, DEVICES | also).csrs(csr::SIE, T0);
}

/// Stores a value in the register that powers off or resets.
fn finish(text: &mut Assembler, value: u64) {
    text.li(T0, layout::SYSCON).li(T1, value).sw(T1, 0, T0);
    let halt = text.here();
    text.wfi().j(halt);
}

/// Says `>`; then waits, says again what is typed, and how many letters that were by now, below eight. With `q` it
/// powers off, with `r` it begins again.
pub(crate) fn echo() -> Vec<u8> {
    kernel(|text| {
        let [wait, next, done, off, reset] = [(); 5].map(|()| text.label());
        listen(text, &[layout::UART_SOURCE], 0);
        text.li(S0, layout::UART).li(T1, 1).sb(T1, 1, S0).li(S2, 0);
        text.li(A0, b'>'.into()).sb(A0, 0, S0);
        text.bind(wait).wfi().lw(S3, 4, S7);
        text.bind(next).lbu(T0, LINE_STATUS, S0).andi(T0, T0, 1).beqz(T0, done);
        text.lbu(A0, 0, S0);
        text.li(T1, b'q'.into()).beq(A0, T1, off).li(T1, b'r'.into()).beq(A0, T1, reset);
        text.addi(S2, S2, 1).sb(A0, 0, S0).andi(T0, S2, 7).addi(T0, T0, b'0'.into()).sb(T0, 0, S0).j(next);
        text.bind(done).beqz(S3, wait).sw(S3, 4, S7).j(wait);
        text.bind(off);
        finish(text, 0x5555);
        text.bind(reset);
        finish(text, 0x7777);
    })
}

/// Says a letter each time that so many microseconds are over: `a` to `p`, and again.
pub(crate) fn clock(micros: u64) -> Vec<u8> {
    kernel(|text| {
        let [again, wait] = [(); 2].map(|()| text.label());
        text.li(T0, TIMER).csrs(csr::SIE, T0).li(S0, layout::UART).li(S2, 0).csrr(S1, csr::TIME);
        text.bind(again).li(T0, micros * 1_000 / layout::TICK_NANOS).add(S1, S1, T0).csrw(csr::STIMECMP, S1);
        text.bind(wait).wfi().csrr(T0, csr::TIME).bltu(T0, S1, wait);
        text.andi(A0, S2, 15).addi(A0, A0, b'a'.into()).sb(A0, 0, S0).addi(S2, S2, 1).j(again);
    })
}

/// Two harts that add to one number, and say what it is by now as a letter, the first in capitals: who is when depends on
/// how they take turns.
pub(crate) fn rivals() -> Vec<u8> {
    kernel(|text| {
        let [second, work, spin, number] = [(); 4].map(|()| text.label());
        text.la(A1, second).li(A0, 1).li(A2, 0).li(A7, 0x48_534d).li(A6, 0).ecall();
        text.li(S2, b'A'.into()).li(S4, 700).j(work);
        text.bind(second).li(S2, b'a'.into()).li(S4, 1_100);
        text.bind(work).li(S0, layout::UART).la(S1, number);
        let again = text.here();
        text.mv(T2, S4).bind(spin).li(T1, 3).amoadd_d(T0, T1, S1).addi(T2, T2, -1).bnez(T2, spin);
        text.srli(T0, T0, 4).andi(T0, T0, 15).add(T0, T0, S2).sb(T0, 0, S0).j(again);
        text.align(8).bind(number).dwords(&[0]);
    })
}

/// Runs and never waits.
pub(crate) fn busy() -> Vec<u8> {
    kernel(|text| {
        let again = text.here();
        text.addi(S0, S0, 1).j(again);
    })
}

/// Waits for what never comes.
pub(crate) fn waits() -> Vec<u8> {
    kernel(|text| {
        let again = text.here();
        text.wfi().j(again);
    })
}
