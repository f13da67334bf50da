//! Values and flags of every instruction against `qemu-riscv64`, where that is installed.
//!
//! One static program is written: for each operation a loop that reads operands and a rounding mode from a table, does the
//! instruction, and stores result and flags; in the end it writes all of them to its standard output.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::operands::{Kind, Operands};
use super::operations::{OPERATIONS, Operation};
use crate::float::{Flags, Rounding, box32};

const CASES_PER_OPERATION: usize = 3_000;
const CODE: u64 = 0x10_0000;
const TABLE: u64 = 0x100_0000;
const RESULTS: u64 = 0x1000_0000;
const CASE_BYTES: u64 = 32;
const RESULT_BYTES: u64 = 16;

/// One line of the table.
struct Case {
    operands: [u64; 3],
    rounding: Rounding,
}

/// An instruction with an immediate of twelve bits.
const fn immediate(opcode: u32, function: u32, target: u32, source: u32, value: i32) -> u32 {
    (value as u32 & 0xfff) << 20 | source << 15 | function << 12 | target << 7 | opcode
}

/// A store.
const fn store(opcode: u32, base: u32, source: u32, offset: u32) -> u32 {
    source << 20 | base << 15 | 3 << 12 | offset << 7 | opcode
}

/// `lui` and `addi`: a number below 2^31 into a register.
fn load_number(code: &mut Vec<u32>, register: u32, number: u64) {
    let low = ((number as i32) << 20) >> 20;
    let high = (number as i32).wrapping_sub(low) as u32;
    code.push(high | register << 7 | 0x37);
    code.push(immediate(0x1b, 0, register, register, low));
}

/// A branch to where `target` words lie, if the register is not zero.
fn branch_back(code: &mut Vec<u32>, register: u32, target: usize) {
    let offset = ((target as i32 - code.len() as i32) * 4) as u32;
    let word = (offset >> 12 & 1) << 31
        | (offset >> 5 & 0x3f) << 25
        | register << 15
        | 1 << 12
        | (offset >> 1 & 0xf) << 8
        | (offset >> 11 & 1) << 7
        | 0x63;
    code.push(word);
}

const FFLAGS: i32 = 1;
const FRM: i32 = 2;
/// Registers: where the next case is, where its result goes, how many are left.
const CASE: u32 = 8;
const RESULT: u32 = 9;
const LEFT: u32 = 18;

/// The loop of one operation.
fn push_loop(code: &mut Vec<u32>, operation: &Operation) {
    load_number(code, LEFT, CASES_PER_OPERATION as u64);
    let start = code.len();
    for register in 0..3 {
        // fld
        code.push(immediate(0x07, 3, register, CASE, 8 * register as i32));
    }
    // ld x7 and x5
    code.push(immediate(0x03, 3, 7, CASE, 0));
    code.push(immediate(0x03, 3, 5, CASE, 24));
    // csrrw x0
    code.push(immediate(0x73, 1, 0, 5, FRM));
    code.push(immediate(0x73, 1, 0, 0, FFLAGS));
    code.push(operation.word);
    // csrrs x28
    code.push(immediate(0x73, 2, 28, 0, FFLAGS));
    if operation.result == Kind::Integer {
        code.push(store(0x23, RESULT, 6, 0));
    } else {
        code.push(store(0x27, RESULT, 3, 0));
    }
    code.push(store(0x23, RESULT, 28, 8));
    code.push(immediate(0x13, 0, CASE, CASE, CASE_BYTES as i32));
    code.push(immediate(0x13, 0, RESULT, RESULT, RESULT_BYTES as i32));
    code.push(immediate(0x13, 0, LEFT, LEFT, -1));
    branch_back(code, LEFT, start);
}

/// The whole program: the loops, then writing until nothing is left, then the end.
fn program(result_bytes: u64) -> Vec<u8> {
    let mut code = Vec::new();
    load_number(&mut code, CASE, TABLE);
    load_number(&mut code, RESULT, RESULTS);
    for operation in OPERATIONS {
        push_loop(&mut code, operation);
    }
    load_number(&mut code, RESULT, RESULTS);
    load_number(&mut code, LEFT, result_bytes);
    let start = code.len();
    code.push(immediate(0x13, 0, 10, 0, 1));
    code.push(immediate(0x13, 0, 11, RESULT, 0));
    code.push(immediate(0x13, 0, 12, LEFT, 0));
    code.push(immediate(0x13, 0, 17, 0, 64));
    code.push(0x73);
    // add x9, x9, x10; sub x18, x18, x10
    code.push(10 << 20 | RESULT << 15 | RESULT << 7 | 0x33);
    code.push(0x20 << 25 | 10 << 20 | LEFT << 15 | LEFT << 7 | 0x33);
    branch_back(&mut code, LEFT, start);
    code.push(immediate(0x13, 0, 10, 0, 0));
    code.push(immediate(0x13, 0, 17, 0, 93));
    code.push(0x73);
    code.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// A static executable of three segments: code, table, room for results.
fn executable(code: &[u8], table: &[u8], result_bytes: u64) -> Vec<u8> {
    const READ_EXECUTE: u32 = 5;
    const READ_WRITE: u32 = 6;
    let table_offset = (0x1000 + code.len() as u64).next_multiple_of(0x1000);
    let mut elf = Vec::new();
    elf.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    elf.extend([2_u16, 243].map(u16::to_le_bytes).concat());
    elf.extend(1_u32.to_le_bytes());
    elf.extend([CODE, 64, 0].map(u64::to_le_bytes).concat());
    // Flags: the double-float calling convention.
    elf.extend(4_u32.to_le_bytes());
    elf.extend([64_u16, 56, 3, 64, 0, 0].map(u16::to_le_bytes).concat());
    let segments = [
        (READ_EXECUTE, 0x1000, CODE, code.len() as u64, code.len() as u64),
        (READ_WRITE, table_offset, TABLE, table.len() as u64, table.len() as u64),
        (READ_WRITE, 0, RESULTS, 0, result_bytes),
    ];
    for (flags, offset, address, file_bytes, memory_bytes) in segments {
        elf.extend([1, flags].map(u32::to_le_bytes).concat());
        elf.extend(
            [offset, address, address, file_bytes, memory_bytes, 0x1000].map(u64::to_le_bytes).concat(),
        );
    }
    elf.resize(0x1000, 0);
    elf.extend(code);
    elf.resize(table_offset as usize, 0);
    elf.extend(table);
    elf
}

fn cases(seed: u64) -> Vec<(&'static Operation, Case)> {
    let mut cases = Vec::new();
    for (index, operation) in OPERATIONS.iter().enumerate() {
        let mut operands = Operands::new(seed + index as u64, operation.operand);
        for number in 0..CASES_PER_OPERATION {
            let rounding = Rounding::ALL[number % Rounding::ALL.len()];
            cases.push((operation, Case { operands: operands.triple(), rounding }));
        }
    }
    cases
}

fn table(cases: &[(&Operation, Case)]) -> Vec<u8> {
    let mut table = Vec::new();
    for (operation, case) in cases {
        for operand in case.operands {
            let held = if operation.operand == Kind::Single { box32(operand as u32) } else { operand };
            table.extend(held.to_le_bytes());
        }
        table.extend((case.rounding as u64).to_le_bytes());
    }
    table
}

/// What the emulator wrote, unless there is none.
fn run(executable: &[u8]) -> Option<Vec<u8>> {
    let name = format!("ironloom-float-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, executable).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).unwrap();
    let output = Command::new("qemu-riscv64").arg(&path).output();
    std::fs::remove_file(&path).unwrap();
    match output {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!("skipped: qemu-riscv64 is not installed");
            None
        }
        output => {
            let output = output.unwrap();
            assert!(output.status.success(), "{output:?}");
            Some(output.stdout)
        }
    }
}

#[test]
fn values_and_flags_are_those_of_the_emulator() {
    let seed = 1_000;
    let cases = cases(seed);
    let result_bytes = cases.len() as u64 * RESULT_BYTES;
    let Some(output) = run(&executable(&program(result_bytes), &table(&cases), result_bytes)) else { return };
    assert_eq!(output.len() as u64, result_bytes);
    for ((operation, case), result) in cases.iter().zip(output.chunks_exact(RESULT_BYTES as usize)) {
        let word = |at: usize| u64::from_le_bytes(result[at..at + 8].try_into().unwrap());
        let [a, b, c] = case.operands;
        let mut found = Flags::NONE;
        let value = (operation.evaluate)(a, b, c, case.rounding, &mut found);
        let held = if operation.result == Kind::Single { box32(value as u32) } else { value };
        assert_eq!(
            (held, found),
            (word(0), Flags::from_bits(word(8) as u8)),
            "{} of {a:#x}, {b:#x}, {c:#x}, {:?}, seed {seed}: left is ours",
            operation.name,
            case.rounding
        );
    }
}
