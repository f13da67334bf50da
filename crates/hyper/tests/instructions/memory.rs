//! Loads and stores of every width at every offset, across pages, and at the end of memory.

use ironloom_hyper::GuestAddress;
use ironloom_hyper::isa::{Instruction, Opcode, registers::*};

use crate::machine::{BASE, DATA, End, MEMORY_BYTES, Machine};

/// Loads, their bytes and whether they keep the sign.
const LOADS: [(Opcode, u64, bool); 7] = [
    (Opcode::Lb, 1, true),
    (Opcode::Lh, 2, true),
    (Opcode::Lw, 4, true),
    (Opcode::Ld, 8, true),
    (Opcode::Lbu, 1, false),
    (Opcode::Lhu, 2, false),
    (Opcode::Lwu, 4, false),
];
const STORES: [(Opcode, u64); 4] = [(Opcode::Sb, 1), (Opcode::Sh, 2), (Opcode::Sw, 4), (Opcode::Sd, 8)];
/// Offsets around the end of a page.
const OFFSETS: std::ops::Range<u64> = 4080..4104;

fn pattern(offset: u64) -> u8 {
    (offset.wrapping_mul(0x9e37_79b9) >> 7) as u8
}

#[test]
fn loads_of_every_width_and_offset() {
    let bytes = (0..8192).map(pattern).collect::<Vec<_>>();
    for (opcode, width, is_signed) in LOADS {
        for offset in OFFSETS {
            let mut machine = Machine::new(|program| {
                let load = Instruction { rd: 10, rs1: 11, immediate: -8, ..Instruction::new(opcode) };
                program.li(A1, DATA + offset + 8).emit(load);
                Vec::new()
            });
            machine.memory.write_bytes(GuestAddress::new(DATA), &bytes).unwrap();
            machine.go();
            let value = (0..width).map(|byte| u64::from(pattern(offset + byte)) << (8 * byte)).sum::<u64>();
            let sign = if is_signed && pattern(offset + width - 1) > 127 { -1_i64 as u64 } else { 0 };
            let above = if width == 8 { 0 } else { sign << (8 * width) };
            assert_eq!(
                (machine.end(), machine.hart.register(10)),
                (End::Done, value | above),
                "{opcode:?} {offset}"
            );
        }
    }
}

#[test]
fn stores_of_every_width_and_offset() {
    const VALUE: u64 = 0x8899_aabb_ccdd_eeff;
    for (opcode, width) in STORES {
        for offset in OFFSETS {
            let mut machine = Machine::new(|program| {
                let store = Instruction { rs1: 11, rs2: 12, immediate: 8, ..Instruction::new(opcode) };
                program.li(A1, DATA + offset - 8).li(A2, VALUE).emit(store);
                Vec::new()
            });
            let mut expected = (0..8192).map(pattern).collect::<Vec<_>>();
            machine.memory.write_bytes(GuestAddress::new(DATA), &expected).unwrap();
            machine.go();
            let place = offset as usize;
            expected[place..place + width as usize].copy_from_slice(&VALUE.to_le_bytes()[..width as usize]);
            let mut bytes = vec![0; expected.len()];
            machine.memory.read_bytes(GuestAddress::new(DATA), &mut bytes).unwrap();
            assert!(machine.end() == End::Done && bytes == expected, "{opcode:?} {offset}");
        }
    }
}

/// An access that is half outside of memory traps with the address that is, and changes nothing.
#[test]
fn accesses_across_the_end_of_memory_trap() {
    let end = BASE + MEMORY_BYTES;
    let cases = LOADS.iter().map(|(opcode, width, _)| (*opcode, *width, 5));
    for (opcode, width, cause) in cases.chain(STORES.iter().map(|(opcode, width)| (*opcode, *width, 7))) {
        for address in end - width + 1..=end {
            let machine = Machine::run_with(|program| {
                let access = match cause {
                    5 => Instruction { rd: 10, rs1: 11, ..Instruction::new(opcode) },
                    _ => Instruction { rs2: 10, rs1: 11, ..Instruction::new(opcode) },
                };
                program.li(A0, 0x5a5a_5a5a_5a5a_5a5a).li(A1, address);
                let at = program.here();
                program.emit(access);
                vec![at]
            });
            let End::Trap { cause: found, value, pc } = machine.end() else {
                panic!("{opcode:?} does not trap")
            };
            assert_eq!((found, pc), (cause, machine.label(0)), "{opcode:?} {address:#x}");
            // The manual says: the address of the part that failed.
            assert!(value == end || value == address, "{opcode:?} {address:#x}: {value:#x}");
            assert_eq!(machine.hart.register(10), 0x5a5a_5a5a_5a5a_5a5a);
            assert_eq!(machine.load(end - 8), 0);
        }
    }
}

#[test]
fn floating_loads_and_stores_move_bits() {
    const VALUE: u64 = 0x7ff4_0000_7f80_0001; // a signalling NaN in either width
    let mut machine = Machine::new(|program| {
        program
            .li(A1, DATA)
            .fld(FT0, 0, A1)
            .fsd(FT0, 8, A1)
            .flw(FT1, 0, A1)
            .fsw(FT1, 16, A1)
            .fsd(FT1, 24, A1);
        program.fsw(FT0, 32, A1).fmv_x_d(A2, FT1).fmv_x_w(A3, FT0).flw(FT2, 3, A1).fmv_x_w(A4, FT2);
        Vec::new()
    });
    machine.memory.store(GuestAddress::new(DATA), VALUE).unwrap();
    machine.go();
    let boxed = 0xffff_ffff_7f80_0001;
    assert_eq!(
        [8, 16, 24, 32].map(|offset| machine.load(DATA + offset)),
        [VALUE, 0x7f80_0001, boxed, 0x7f80_0001]
    );
    assert_eq!(
        [12, 13, 14].map(|number| machine.hart.register(number)),
        [boxed, 0x7f80_0001, i64::from((VALUE >> 24) as u32 as i32) as u64]
    );
}
