//! Compressed instructions, expanded to what they stand for.

use super::{Instruction, Opcode};

/// The registers that calls and stacks use by convention, to which some compressed instructions are bound.
const RA: u8 = 1;
const SP: u8 = 2;

/// What a half word means, or nothing if it is reserved.
pub(super) fn decode(half: u16) -> Option<Instruction> {
    let bits = u32::from(half);
    match bits & 3 {
        0 => memory(bits),
        1 => arithmetic(bits),
        2 => stack(bits),
        _ => None,
    }
}

/// Quadrant 0: loads and stores by the eight popular registers.
fn memory(bits: u32) -> Option<Instruction> {
    let (near, base) = (popular(bits, 2), popular(bits, 7));
    let word = (bits >> 10 & 7) << 3 | (bits >> 6 & 1) << 2 | (bits >> 5 & 1) << 6;
    let double = (bits >> 10 & 7) << 3 | (bits >> 5 & 3) << 6;
    Some(match bits >> 13 & 7 {
        0 => {
            let offset =
                (bits >> 11 & 3) << 4 | (bits >> 7 & 15) << 6 | (bits >> 6 & 1) << 2 | (bits >> 5 & 1) << 3;
            if offset == 0 {
                return None;
            }
            immediate(Opcode::Addi, near, SP, offset as i32)
        }
        1 => immediate(Opcode::Fld, near, base, double as i32),
        2 => immediate(Opcode::Lw, near, base, word as i32),
        3 => immediate(Opcode::Ld, near, base, double as i32),
        5 => store(Opcode::Fsd, base, near, double),
        6 => store(Opcode::Sw, base, near, word),
        7 => store(Opcode::Sd, base, near, double),
        _ => return None,
    })
}

/// Quadrant 1: constants, arithmetic, jumps and branches.
fn arithmetic(bits: u32) -> Option<Instruction> {
    let rd = five(bits, 7);
    let small = small(bits);
    Some(match bits >> 13 & 7 {
        0 => immediate(Opcode::Addi, rd, rd, small),
        1 if rd != 0 => immediate(Opcode::Addiw, rd, rd, small),
        2 => immediate(Opcode::Addi, rd, 0, small),
        3 if small == 0 => return None,
        3 if rd == SP => immediate(Opcode::Addi, SP, SP, stack_step(bits)),
        3 => immediate(Opcode::Lui, rd, 0, small << 12),
        4 => return between(bits),
        5 => immediate(Opcode::Jal, 0, 0, jump_target(bits)),
        6 => branch(Opcode::Beq, bits),
        7 => branch(Opcode::Bne, bits),
        _ => return None,
    })
}

/// Those of quadrant 1 that work on the eight popular registers.
fn between(bits: u32) -> Option<Instruction> {
    let (rd, rs2) = (popular(bits, 7), popular(bits, 2));
    let opcode = match (bits >> 10 & 3, bits >> 12 & 1, bits >> 5 & 3) {
        (0, ..) => return Some(immediate(Opcode::Srli, rd, rd, small(bits) & 63)),
        (1, ..) => return Some(immediate(Opcode::Srai, rd, rd, small(bits) & 63)),
        (2, ..) => return Some(immediate(Opcode::Andi, rd, rd, small(bits))),
        (_, 0, 0) => Opcode::Sub,
        (_, 0, 1) => Opcode::Xor,
        (_, 0, 2) => Opcode::Or,
        (_, 0, _) => Opcode::And,
        (_, _, 0) => Opcode::Subw,
        (_, _, 1) => Opcode::Addw,
        _ => return None,
    };
    Some(register(opcode, rd, rd, rs2))
}

/// Quadrant 2: loads and stores by the stack pointer, and what takes any two registers.
fn stack(bits: u32) -> Option<Instruction> {
    let (rd, rs2) = (five(bits, 7), five(bits, 2));
    let load_word = (bits >> 12 & 1) << 5 | (bits >> 4 & 7) << 2 | (bits >> 2 & 3) << 6;
    let load_double = (bits >> 12 & 1) << 5 | (bits >> 5 & 3) << 3 | (bits >> 2 & 7) << 6;
    let store_word = (bits >> 9 & 15) << 2 | (bits >> 7 & 3) << 6;
    let store_double = (bits >> 10 & 7) << 3 | (bits >> 7 & 7) << 6;
    Some(match bits >> 13 & 7 {
        0 => immediate(Opcode::Slli, rd, rd, small(bits) & 63),
        1 => immediate(Opcode::Fld, rd, SP, load_double as i32),
        2 if rd != 0 => immediate(Opcode::Lw, rd, SP, load_word as i32),
        3 if rd != 0 => immediate(Opcode::Ld, rd, SP, load_double as i32),
        4 => match (bits >> 12 & 1, rd, rs2) {
            (0, 0, 0) => return None,
            (0, _, 0) => immediate(Opcode::Jalr, 0, rd, 0),
            (0, ..) => register(Opcode::Add, rd, 0, rs2),
            (_, 0, 0) => immediate(Opcode::Ebreak, 0, 0, 0),
            (_, _, 0) => immediate(Opcode::Jalr, RA, rd, 0),
            _ => register(Opcode::Add, rd, rd, rs2),
        },
        5 => store(Opcode::Fsd, SP, rs2, store_double),
        6 => store(Opcode::Sw, SP, rs2, store_word),
        7 => store(Opcode::Sd, SP, rs2, store_double),
        _ => return None,
    })
}

const fn five(bits: u32, low: u32) -> u8 {
    (bits >> low & 31) as u8
}

/// One of the registers 8 to 15, named by three bits.
const fn popular(bits: u32, low: u32) -> u8 {
    8 + (bits >> low & 7) as u8
}

/// The immediate of six bits, with its sign.
const fn small(bits: u32) -> i32 {
    let value = (bits >> 12 & 1) << 5 | bits >> 2 & 31;
    (value as i32) << 26 >> 26
}

/// What `c.addi16sp` adds.
const fn stack_step(bits: u32) -> i32 {
    let value = (bits >> 12 & 1) << 9
        | (bits >> 6 & 1) << 4
        | (bits >> 5 & 1) << 6
        | (bits >> 3 & 3) << 7
        | (bits >> 2 & 1) << 5;
    (value as i32) << 22 >> 22
}

const fn jump_target(bits: u32) -> i32 {
    let value = (bits >> 12 & 1) << 11
        | (bits >> 11 & 1) << 4
        | (bits >> 9 & 3) << 8
        | (bits >> 8 & 1) << 10
        | (bits >> 7 & 1) << 6
        | (bits >> 6 & 1) << 7
        | (bits >> 3 & 7) << 1
        | (bits >> 2 & 1) << 5;
    (value as i32) << 20 >> 20
}

const fn branch_target(bits: u32) -> i32 {
    let value = (bits >> 12 & 1) << 8
        | (bits >> 10 & 3) << 3
        | (bits >> 5 & 3) << 6
        | (bits >> 3 & 3) << 1
        | (bits >> 2 & 1) << 5;
    (value as i32) << 23 >> 23
}

fn branch(opcode: Opcode, bits: u32) -> Instruction {
    let immediate = branch_target(bits);
    Instruction { rs1: popular(bits, 7), immediate, length: 2, ..Instruction::new(opcode) }
}

fn immediate(opcode: Opcode, rd: u8, rs1: u8, immediate: i32) -> Instruction {
    Instruction { rd, rs1, immediate, length: 2, ..Instruction::new(opcode) }
}

fn store(opcode: Opcode, rs1: u8, rs2: u8, offset: u32) -> Instruction {
    Instruction { rs1, rs2, immediate: offset as i32, length: 2, ..Instruction::new(opcode) }
}

fn register(opcode: Opcode, rd: u8, rs1: u8, rs2: u8) -> Instruction {
    Instruction { rd, rs1, rs2, length: 2, ..Instruction::new(opcode) }
}
