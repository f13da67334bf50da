//! Load-reserved, store-conditional and atomic operations.

use ironloom_hyper::GuestAddress;
use ironloom_hyper::isa::{Instruction, Opcode, Opcode::*, registers::*};

use crate::machine::{DATA, End, Machine};

type Change = fn(i128, i128) -> i128;

/// Operations by their `.w`, how they see words, and what they make of them; `.d` is the same for double words.
#[rustfmt::skip]
const OPERATIONS: [(Opcode, Opcode, bool, Change); 9] = [
    (AmoswapW, AmoswapD, true, |_, with| with),
    (AmoaddW, AmoaddD, true, |old, with| old + with),
    (AmoxorW, AmoxorD, true, |old, with| (old | with) - (old & with)),
    (AmoandW, AmoandD, true, |old, with| old + with - (old | with)),
    (AmoorW, AmoorD, true, |old, with| old + with - (old & with)),
    (AmominW, AmominD, true, |old, with| if old < with { old } else { with }),
    (AmomaxW, AmomaxD, true, |old, with| if old > with { old } else { with }),
    (AmominuW, AmominuD, false, |old, with| if old < with { old } else { with }),
    (AmomaxuW, AmomaxuD, false, |old, with| if old > with { old } else { with }),
];

const VALUES: [u64; 8] =
    [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x1234_5678_9abc_def0, 1 << 63, u64::MAX];

#[test]
fn atomic_operations_give_the_old_and_store_the_new() {
    for (word, double, is_signed, change) in OPERATIONS {
        for (old, with) in VALUES.into_iter().flat_map(|old| VALUES.map(|with| (old, with))) {
            for (opcode, is_word) in [(word, true), (double, false)] {
                let machine = Machine::run(|program| {
                    program.li(A1, DATA).li(A2, with).li(A3, old).sd(A3, 0, A1);
                    program.emit(Instruction {
                        rd: 10,
                        rs1: 11,
                        rs2: 12,
                        mode: 3,
                        ..Instruction::new(opcode)
                    });
                });
                let seen = |value: u64| match (is_word, is_signed) {
                    (true, true) => i128::from(value as i32),
                    (true, false) => i128::from(value as u32),
                    (false, true) => i128::from(value as i64),
                    (false, false) => i128::from(value),
                };
                let new = change(seen(old), seen(with)) as u64;
                let (new, given) = match is_word {
                    true => (old >> 32 << 32 | new & 0xffff_ffff, i64::from(old as i32) as u64),
                    false => (new, old),
                };
                let found = (machine.end(), machine.hart.register(10), machine.load(DATA));
                assert_eq!(found, (End::Done, given, new), "{opcode:?} {old:#x} {with:#x}");
            }
        }
    }
}

#[test]
fn a_store_conditional_needs_its_reservation() {
    let run = |write: &dyn Fn(&mut ironloom_hyper::isa::Assembler)| {
        let machine = Machine::run(|program| {
            // The page is there for writing: else it moves between the two, which may fail once.
            program.li(A1, DATA).li(A2, 0x8000_0001).li(A0, 7).sd(ZERO, 0, A1);
            write(program);
        });
        assert_eq!(machine.end(), End::Done);
        (machine.hart.register(10), machine.load(DATA))
    };
    assert_eq!(run(&|program| _ = program.sc_w(A0, A2, A1)), (1, 0), "without any");
    assert_eq!(run(&|program| _ = program.lr_w(A3, A1).sc_w(A0, A2, A1)), (0, 0x8000_0001));
    assert_eq!(run(&|program| _ = program.lr_d(A3, A1).sc_d(A0, A2, A1)), (0, 0x8000_0001));
    assert_eq!(run(&|program| _ = program.lr_w(A3, A1).sc_w(A4, ZERO, A1).sc_w(A0, A2, A1)), (1, 0), "once");
    let elsewhere = |program: &mut ironloom_hyper::isa::Assembler| {
        program.addi(A4, A1, 1024).lr_w(A3, A4).sc_w(A0, A2, A1).mv(A5, A0).sc_w(A0, A2, A4);
    };
    assert_eq!(run(&elsewhere), (1, 0), "a failure takes the reservation away");
    // What a load-reserved gives has its sign.
    let machine = Machine::run(|program| {
        program.li(A1, DATA).li(A2, 0x8000_0000).sw(A2, 0, A1).lr_w(A0, A1);
    });
    assert_eq!(machine.hart.register(10), 0xffff_ffff_8000_0000);
}

#[test]
fn atomics_must_be_aligned_and_in_memory() {
    for opcode in Opcode::all().filter(|opcode| (LrW..=AmomaxuD).contains(opcode)) {
        let is_load = matches!(opcode, LrW | LrD);
        let width = if (LrW..=AmomaxuW).contains(&opcode) { 4 } else { 8 };
        let misaligned = (1..width).map(|offset| (DATA + offset, if is_load { 4 } else { 6 }));
        let outside = (0x1000, if is_load { 5 } else { 7 });
        for (address, cause) in misaligned.chain([outside]) {
            let machine = Machine::run_with(|program| {
                program.li(A0, 5).li(A1, address);
                let at = program.here();
                let rs2 = if is_load { 0 } else { 12 };
                program.emit(Instruction { rd: 10, rs1: 11, rs2, ..Instruction::new(opcode) });
                vec![at]
            });
            let expected = End::Trap { cause, value: address, pc: machine.label(0) };
            assert_eq!((machine.end(), machine.hart.register(10)), (expected, 5), "{opcode:?} {address:#x}");
            assert_eq!(machine.memory.load::<u64>(GuestAddress::new(DATA)).unwrap(), 0);
        }
    }
}
