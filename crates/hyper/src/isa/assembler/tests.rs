//! What the assembler writes, read back by the decoder.

use proptest::prelude::*;

use super::{Assembler, AssemblyError, Program};
use crate::GuestAddress;
use crate::isa::registers::{A0, A1, RA, T0, ZERO};
use crate::isa::{Instruction, Opcode};

const BASE: u64 = 0x8000_0000;

fn assembler() -> Assembler {
    Assembler::new(GuestAddress::new(BASE))
}

/// The text of every instruction of a program.
fn text(program: &Program) -> Vec<String> {
    (program.base().get()..)
        .step_by(4)
        .zip(program.bytes().chunks_exact(4))
        .map(|(address, bytes)| {
            let bits = u32::from_le_bytes(bytes.try_into().unwrap());
            Instruction::decode(bits).unwrap().at(address).to_string()
        })
        .collect()
}

/// Runs what `li` is made of.
fn constant(program: &Program) -> u64 {
    program.bytes().chunks_exact(4).fold(0xdead_beef, |value, bytes| {
        let instruction = Instruction::decode(u32::from_le_bytes(bytes.try_into().unwrap())).unwrap();
        let source = if instruction.rs1 == 0 { 0 } else { value };
        let immediate = i64::from(instruction.immediate);
        match instruction.opcode {
            Opcode::Lui => immediate as u64,
            Opcode::Addi => source.wrapping_add_signed(immediate),
            Opcode::Addiw => i64::from(source.wrapping_add_signed(immediate) as i32) as u64,
            Opcode::Slli => source << immediate,
            other => panic!("{other:?} is no part of a constant"),
        }
    })
}

proptest! {
    #[test]
    fn constants_of_any_size_are_made(value in any::<u64>(), shift in 0_u32..64, sign in any::<bool>()) {
        let value = if sign { (value as i64 >> shift) as u64 } else { value << shift };
        let mut program = assembler();
        program.li(A0, value);
        let program = program.finish().unwrap();
        prop_assert!(program.bytes().len() <= 32);
        prop_assert_eq!(constant(&program), value);
    }
}

#[test]
fn constants_at_the_edges_are_made() {
    let edges = [0, 1, 0x7ff, 0x800, 0xfff, 0x7fff_f7ff, 0x7fff_f800, 0x7fff_ffff, 0x8000_0000, 1 << 63];
    for value in edges.into_iter().flat_map(|edge: u64| [edge, edge.wrapping_neg(), !edge]) {
        let mut program = assembler();
        program.li(A0, value);
        assert_eq!(constant(&program.finish().unwrap()), value, "{value:#x}");
    }
}

#[test]
fn labels_lead_forward_and_back() {
    let mut program = assembler();
    let end = program.label();
    let start = program.here();
    program.beq(A0, A1, end).bnez(A0, start).j(start).jal(RA, end).call(start).la(T0, end).bind(end).ret();
    let program = program.finish().unwrap();
    assert_eq!(program.address(end).get(), BASE + 32);
    let expected = [
        "beq a0,a1,0x80000020",
        "bne a0,zero,0x80000000",
        "jal zero,0x80000000",
        "jal ra,0x80000020",
        "auipc ra,0x0",
        "jalr ra,-16(ra)",
        "auipc t0,0x0",
        "addi t0,t0,8",
        "jalr zero,0(ra)",
    ];
    assert_eq!(text(&program), expected);
}

#[test]
fn data_lies_where_it_was_put() {
    let mut program = assembler();
    let data = program.label();
    program.half(1).align(8).address_of(data).bind(data).bytes(b"abc").align(4).dwords(&[7]);
    let program = program.finish().unwrap();
    let mut expected = vec![1, 0, 0, 0, 0, 0, 0, 0];
    expected.extend_from_slice(&(BASE + 16).to_le_bytes());
    expected.extend_from_slice(b"abc\0");
    expected.extend_from_slice(&7_u64.to_le_bytes());
    assert_eq!(program.bytes(), expected);
}

#[test]
fn mistakes_are_told_at_the_end() {
    let check = |write: &dyn Fn(&mut Assembler), expected: AssemblyError| {
        let mut program = assembler();
        write(&mut program);
        assert_eq!(program.finish(), Err(expected));
    };
    let instruction = Instruction { rd: 10, immediate: 5000, ..Instruction::new(Opcode::Addi) };
    check(
        &|program| _ = program.nop().addi(A0, ZERO, 5000),
        AssemblyError::Operand { instruction, offset: 4 },
    );
    check(
        &|program| {
            let label = program.label();
            program.j(label);
        },
        AssemblyError::Unbound { label: 0 },
    );
    check(
        &|program| {
            let label = program.here();
            program.bind(label);
        },
        AssemblyError::BoundTwice { label: 0 },
    );
    check(
        &|program| {
            let label = program.label();
            program.beqz(A0, label).zeros(4096).bind(label);
        },
        AssemblyError::OutOfReach { offset: 0, distance: 4100 },
    );
}
