//! A program with a network card, which asks for addresses and answers for its own.

use ironloom_node::hyper::board::layout;
use ironloom_node::hyper::isa::registers::*;
use ironloom_node::hyper::isa::{Assembler, Label, Register, csr};

use crate::guests::{kernel, listen};

/// How many buffers a ring has.
const SLOTS: usize = 8;
/// How large a buffer is.
const BUFFER: usize = 2_048;
/// The bytes that a card puts before a frame.
const BEFORE: i32 = 12;
/// Where a frame has whom it is for, what it does, and who sends it.
const ETHERNET_TARGET: i32 = BEFORE;
const ETHERNET_SOURCE: i32 = BEFORE + 6;
const OPERATION: i32 = BEFORE + 21;
const SENDER_CARD: i32 = BEFORE + 22;
const SENDER: i32 = BEFORE + 28;
const TARGET_CARD: i32 = BEFORE + 32;
const TARGET: i32 = BEFORE + 38;
const FRAME_BYTES: u32 = 12 + 42;
/// That the card writes to a buffer.
const WRITE: u16 = 2;

/// A ring of a card: its descriptors, what is offered, what was used.
struct Ring {
    table: Label,
    offered: Label,
    used: Label,
}

/// A program with a card, which asks who has an address, each time that so many microseconds are over, and answers who
/// asks for its own.
///
/// Of each frame that it hears it says whether it was a question (1) or an answer (2), who sent it (the last byte of the
/// address, as a letter), and when (the millisecond, and a letter for what is below).
pub(crate) fn asker(own: [u8; 4], asked: [u8; 4], micros: u64) -> Vec<u8> {
    kernel(|text| {
        let [input, output] = [(); 2].map(|()| Ring::new(text));
        let [question, answer] = [(); 2].map(|()| text.label());
        let buffers = [(); SLOTS].map(|()| text.label());
        text.li(S0, layout::UART).li(S4, layout::VIRTIO).la(S5, question).la(A5, answer);
        text.la(S6, output.offered).la(S8, input.used).la(S10, buffers[0]).la(S11, input.offered);
        text.li(S9, 0).csrr(S1, csr::TIME);
        listen(text, &[layout::VIRTIO_SOURCE], 1 << 5);
        begin(text, [&input, &output]);
        converse(text, micros);
        input.lay(text, &buffers.map(|buffer| (buffer, BUFFER as u32, WRITE)), SLOTS as u16);
        output.lay(text, &[question, answer].map(|frame| (frame, FRAME_BYTES, 0)), 0);
        lay_frame(text, question, 1, own, asked);
        lay_frame(text, answer, 2, own, [0; 4]);
        text.align(BUFFER as u64);
        for buffer in buffers {
            text.bind(buffer).zeros(BUFFER);
        }
    })
}

impl Ring {
    fn new(text: &mut Assembler) -> Self {
        Self { table: text.label(), offered: text.label(), used: text.label() }
    }

    /// Lays its parts, with these descriptors, of which so many are offered.
    fn lay(&self, text: &mut Assembler, descriptors: &[(Label, u32, u16)], offered: u16) {
        text.align(16).bind(self.table);
        for (buffer, bytes, flags) in descriptors {
            text.address_of(*buffer).word(*bytes).half(*flags).half(0);
        }
        text.zeros(16 * (SLOTS - descriptors.len())).bind(self.offered).half(0).half(offered);
        (0..SLOTS as u16).for_each(|slot| _ = text.half(if slot < offered { slot } else { 0 }));
        text.half(0).align(16).bind(self.used).zeros(4 + 8 * SLOTS + 2);
    }
}

/// Writes to a register of the card.
fn set(text: &mut Assembler, register: i32, value: u64) {
    text.li(T1, value).sw(T1, register, S4);
}

/// Gets the card ready, and puts its address into the frames that are sent.
fn begin(text: &mut Assembler, rings: [&Ring; 2]) {
    for status in [0, 1, 3] {
        set(text, 0x70, status);
    }
    for (half, features) in [(1, 1), (0, 0)] {
        set(text, 0x24, half);
        set(text, 0x20, features);
    }
    set(text, 0x70, 11);
    for (number, ring) in rings.into_iter().enumerate() {
        set(text, 0x30, number as u64);
        set(text, 0x38, SLOTS as u64);
        for (register, label) in [(0x80, ring.table), (0x90, ring.offered), (0xa0, ring.used)] {
            text.la(T1, label).sw(T1, register, S4);
        }
        set(text, 0x44, 1);
    }
    set(text, 0x70, 15);
    set(text, 0x50, 0);
    for byte in 0..6 {
        text.lbu(T0, 0x100 + byte, S4);
        for frame in [S5, A5] {
            text.sb(T0, ETHERNET_SOURCE + byte, frame).sb(T0, SENDER_CARD + byte, frame);
        }
    }
}

/// Offers the buffer with the number in `T2` to the ring whose offers are at `offered`.
fn offer(text: &mut Assembler, offered: Register) {
    text.lhu(T4, 2, offered).andi(T5, T4, SLOTS as i32 - 1).slli(T5, T5, 1).add(T5, T5, offered);
    text.sh(T2, 4, T5).addi(T4, T4, 1).fence(15, 15).sh(T4, 2, offered).fence(15, 15);
}

fn converse(text: &mut Assembler, micros: u64) {
    let [ask, wait, more, heard, rest, time] = [(); 6].map(|()| text.label());
    text.bind(ask).li(T2, 0);
    offer(text, S6);
    set(text, 0x50, 1);
    text.li(T0, micros * 1_000 / layout::TICK_NANOS).add(S1, S1, T0).csrw(csr::STIMECMP, S1);
    text.bind(wait).wfi().lw(T0, 0x60, S4).sw(T0, 0x64, S4).lw(S3, 4, S7);
    text.bind(more).lhu(T0, 2, S8).beq(T0, S9, rest);
    text.andi(T1, S9, SLOTS as i32 - 1).slli(T1, T1, 3).add(T1, T1, S8).lw(S2, 4, T1);
    text.slli(T3, S2, 11).add(T3, T3, S10);
    text.lbu(A0, OPERATION, T3).addi(A1, A0, b'0'.into()).sb(A1, 0, S0);
    text.lbu(A1, SENDER + 3, T3).andi(A1, A1, 15).addi(A1, A1, b'a'.into()).sb(A1, 0, S0);
    text.csrr(A1, csr::TIME).li(T1, 10_000).remu(T0, A1, T1).divu(A1, A1, T1).li(T1, 10).remu(A1, A1, T1);
    text.addi(A1, A1, b'0'.into()).sb(A1, 0, S0).andi(T0, T0, 15).addi(T0, T0, b'A'.into()).sb(T0, 0, S0);
    text.addi(A0, A0, -1).bnez(A0, heard);
    for byte in 0..6 {
        text.lbu(T0, SENDER_CARD + byte, T3).sb(T0, ETHERNET_TARGET + byte, A5).sb(
            T0,
            TARGET_CARD + byte,
            A5,
        );
    }
    for byte in 0..4 {
        text.lbu(T0, SENDER + byte, T3).sb(T0, TARGET + byte, A5);
    }
    text.li(T2, 1);
    offer(text, S6);
    set(text, 0x50, 1);
    text.bind(heard).mv(T2, S2);
    offer(text, S11);
    set(text, 0x50, 0);
    text.addi(S9, S9, 1).zext_h(S9, S9).j(more);
    text.bind(rest).beqz(S3, time).sw(S3, 4, S7);
    text.bind(time).csrr(T0, csr::TIME).bltu(T0, S1, wait).j(ask);
}

/// Lays a frame without the card's address.
fn lay_frame(text: &mut Assembler, label: Label, operation: u8, own: [u8; 4], asked: [u8; 4]) {
    text.align(8).bind(label).zeros(12).bytes(&[0xff; 6]).zeros(6).bytes(&[8, 6]);
    text.bytes(&[0, 1, 8, 0, 6, 4, 0, operation]).zeros(6).bytes(&own).zeros(6).bytes(&asked);
}
