//! RV64I, M, Zba, Zbb and Zbs over operands at the edges, against sums in 128 bits and loops over bits.

use ironloom_hyper::isa::{Assembler, Instruction, Opcode, Opcode::*, registers::*};

use crate::machine::{DATA, Machine};

const EDGES: [u64; 20] = [
    0,
    1,
    2,
    3,
    31,
    32,
    63,
    64,
    0x7f,
    0x80,
    0x8000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x0123_4567_89ab_cdef,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_8000_0000,
    u64::MAX,
];

/// How many results there are of each case: into a third register, into the first, into the second, and into none.
const RESULTS: u64 = 4;

const fn s(a: u64) -> i128 {
    a as i64 as i128
}
const fn u(a: u64) -> i128 {
    a as i128
}
const fn low(a: i128) -> u64 {
    a as u64
}
/// The low word with its sign.
const fn w(a: i128) -> u64 {
    a as i32 as i64 as u64
}
const fn power(b: u64) -> i128 {
    1 << b
}
const fn sw(a: u64) -> i128 {
    a as u32 as i32 as i128
}
const fn uw(a: u64) -> i128 {
    a as u32 as i128
}
/// A word of so many bits made of the bits of two.
fn bits(count: u32, bit: impl Fn(u32) -> bool) -> u64 {
    (0..count).map(|index| u64::from(bit(index)) << index).sum()
}
const fn is(a: u64, index: u64) -> bool {
    a / 2_u64.pow((index % 64) as u32) % 2 == 1
}
fn both(a: u64, b: u64, of: impl Fn(bool, bool) -> bool) -> u64 {
    bits(64, |index| of(is(a, index.into()), is(b, index.into())))
}
/// Turned to the right by so many bits in a word of so many.
fn turned(a: u64, by: u64, width: u64) -> u64 {
    bits(width as u32, |index| is(a, (u64::from(index) + by) % width))
}
fn divided(a: i128, b: i128) -> i128 {
    if b == 0 { -1 } else { a / b }
}
fn rest(a: i128, b: i128) -> i128 {
    if b == 0 { a } else { a - a / b * b }
}

type Binary = fn(u64, u64) -> u64;

#[rustfmt::skip]
const REGISTERS: &[(Opcode, Binary)] = &[
    (Add, |a, b| low(u(a) + u(b))),
    (Sub, |a, b| low(u(a) - u(b))),
    (Sll, |a, b| low((u(a) as u128 * power(b % 64) as u128) as i128)),
    (Slt, |a, b| (s(a) < s(b)).into()),
    (Sltu, |a, b| (u(a) < u(b)).into()),
    (Xor, |a, b| both(a, b, |a, b| a != b)),
    (Srl, |a, b| low(u(a) / power(b % 64))),
    (Sra, |a, b| low(s(a).div_euclid(power(b % 64)))),
    (Or, |a, b| both(a, b, |a, b| a || b)),
    (And, |a, b| both(a, b, |a, b| a && b)),
    (Addw, |a, b| w(u(a) + u(b))),
    (Subw, |a, b| w(u(a) - u(b))),
    (Sllw, |a, b| w(uw(a) * power(b % 32))),
    (Srlw, |a, b| w(uw(a) / power(b % 32))),
    (Sraw, |a, b| w(sw(a).div_euclid(power(b % 32)))),
    (Mul, |a, b| low(s(a) * s(b))),
    (Mulh, |a, b| low((s(a) * s(b)).div_euclid(power(64)))),
    (Mulhsu, |a, b| low((s(a) * u(b)).div_euclid(power(64)))),
    (Mulhu, |a, b| ((u128::from(a) * u128::from(b)) / (1 << 64)) as u64),
    (Div, |a, b| low(divided(s(a), s(b)))),
    (Divu, |a, b| low(divided(u(a), u(b)))),
    (Rem, |a, b| low(rest(s(a), s(b)))),
    (Remu, |a, b| low(rest(u(a), u(b)))),
    (Mulw, |a, b| w(sw(a) * sw(b))),
    (Divw, |a, b| w(divided(sw(a), sw(b)))),
    (Divuw, |a, b| w(divided(uw(a), uw(b)))),
    (Remw, |a, b| w(rest(sw(a), sw(b)))),
    (Remuw, |a, b| w(rest(uw(a), uw(b)))),
    (AddUw, |a, b| low(uw(a) + u(b))),
    (Sh1add, |a, b| low(u(a) * 2 + u(b))),
    (Sh2add, |a, b| low(u(a) * 4 + u(b))),
    (Sh3add, |a, b| low(u(a) * 8 + u(b))),
    (Sh1addUw, |a, b| low(uw(a) * 2 + u(b))),
    (Sh2addUw, |a, b| low(uw(a) * 4 + u(b))),
    (Sh3addUw, |a, b| low(uw(a) * 8 + u(b))),
    (Andn, |a, b| both(a, b, |a, b| a && !b)),
    (Orn, |a, b| both(a, b, |a, b| a || !b)),
    (Xnor, |a, b| both(a, b, |a, b| a == b)),
    (Max, |a, b| if s(a) < s(b) { b } else { a }),
    (Maxu, |a, b| if u(a) < u(b) { b } else { a }),
    (Min, |a, b| if s(a) < s(b) { a } else { b }),
    (Minu, |a, b| if u(a) < u(b) { a } else { b }),
    (Rol, |a, b| turned(a, 64 - b % 64, 64)),
    (Ror, |a, b| turned(a, b % 64, 64)),
    (Rolw, |a, b| w(u(turned(a, 32 - b % 32, 32)))),
    (Rorw, |a, b| w(u(turned(a, b % 32, 32)))),
    (Bclr, |a, b| bits(64, |index| is(a, index.into()) && u64::from(index) != b % 64)),
    (Bext, |a, b| is(a, b % 64).into()),
    (Binv, |a, b| bits(64, |index| is(a, index.into()) != (u64::from(index) == b % 64))),
    (Bset, |a, b| bits(64, |index| is(a, index.into()) || u64::from(index) == b % 64)),
];

#[rustfmt::skip]
const UNARY: &[(Opcode, fn(u64) -> u64)] = &[
    (Clz, |a| (0..64).take_while(|index| !is(a, 63 - index)).count() as u64),
    (Clzw, |a| (0..32).take_while(|index| !is(a, 31 - index)).count() as u64),
    (Ctz, |a| (0..64).take_while(|index| !is(a, *index)).count() as u64),
    (Ctzw, |a| (0..32).take_while(|index| !is(a, *index)).count() as u64),
    (Cpop, |a| (0..64).filter(|index| is(a, *index)).count() as u64),
    (Cpopw, |a| (0..32).filter(|index| is(a, *index)).count() as u64),
    (SextB, |a| low(u(a % 256) - if is(a, 7) { 256 } else { 0 })),
    (SextH, |a| low(u(a % 65536) - if is(a, 15) { 65536 } else { 0 })),
    (ZextH, |a| a % 65536),
    (OrcB, |a| bits(64, |index| (0..8).any(|bit| is(a, u64::from(index) / 8 * 8 + bit)))),
    (Rev8, |a| bits(64, |index| is(a, (7 - u64::from(index) / 8) * 8 + u64::from(index) % 8))),
];

/// With which of [`REGISTERS`] an immediate form agrees, and which immediates it has.
#[rustfmt::skip]
const IMMEDIATE: &[(Opcode, Opcode, i32)] = &[
    (Addi, Add, 2048), (Slti, Slt, 2048), (Sltiu, Sltu, 2048), (Xori, Xor, 2048), (Ori, Or, 2048), (Andi, And, 2048),
    (Addiw, Addw, 2048), (Slli, Sll, 64), (Srli, Srl, 64), (Srai, Sra, 64), (Slliw, Sllw, 32), (Srliw, Srlw, 32),
    (Sraiw, Sraw, 32), (Rori, Ror, 64), (Roriw, Rorw, 32), (Bclri, Bclr, 64), (Bexti, Bext, 64), (Binvi, Binv, 64),
    (Bseti, Bset, 64),
];

fn reference(opcode: Opcode) -> Binary {
    REGISTERS.iter().find(|(other, _)| *other == opcode).unwrap().1
}

/// Runs an operation over pairs of operands and gives back the results of each.
fn results(pairs: &[(u64, u64)], operation: impl Fn(&mut Assembler)) -> Vec<[u64; RESULTS as usize]> {
    let count = pairs.len() as u64;
    let target = DATA + count * 16;
    let mut machine = Machine::new(|program| {
        program.li(S0, DATA).li(S1, target).li(S2, count);
        let again = program.here();
        program.ld(A1, 0, S0).ld(A2, 8, S0);
        operation(program);
        program.addi(S0, S0, 16).addi(S1, S1, RESULTS as i32 * 8).addi(S2, S2, -1).bnez(S2, again);
        Vec::new()
    });
    let operands =
        pairs.iter().flat_map(|(a, b)| [a.to_le_bytes(), b.to_le_bytes()].concat()).collect::<Vec<_>>();
    machine.memory.write_bytes(ironloom_hyper::GuestAddress::new(DATA), &operands).unwrap();
    machine.go();
    let results = (target..).step_by(8 * RESULTS as usize).take(pairs.len());
    results.map(|at| [0, 1, 2, 3].map(|place| machine.load(at + place * 8))).collect()
}

fn pairs() -> Vec<(u64, u64)> {
    EDGES.into_iter().flat_map(|a| EDGES.map(|b| (a, b))).collect()
}

/// Writes an operation of two registers with its results in every register that there is a question about.
fn every_target(program: &mut Assembler, operation: Instruction) {
    let operation = |rd: u8, rs1: u8, rs2: u8| Instruction { rd, rs1, rs2, ..operation };
    program.emit(operation(13, 11, 12)).sd(A3, 0, S1);
    program.mv(A4, A1).emit(operation(14, 14, 12)).sd(A4, 8, S1);
    program.mv(A5, A2).emit(operation(15, 11, 15)).sd(A5, 16, S1);
    program.emit(operation(0, 11, 12)).sd(ZERO, 24, S1);
}

#[test]
fn operations_of_two_registers() {
    let pairs = pairs();
    for (opcode, expected) in REGISTERS {
        let results = results(&pairs, |program| every_target(program, Instruction::new(*opcode)));
        for ((a, b), results) in pairs.iter().zip(results) {
            let expected = expected(*a, *b);
            assert_eq!(results, [expected, expected, expected, 0], "{opcode:?} {a:#x} {b:#x}");
        }
    }
}

#[test]
fn operations_of_one_register() {
    for (opcode, expected) in UNARY {
        let pairs = EDGES.map(|a| (a, a));
        let results = results(&pairs, |program| {
            let operation = |rd: u8, rs1: u8| Instruction { rd, rs1, ..Instruction::new(*opcode) };
            program.emit(operation(13, 11)).sd(A3, 0, S1);
            program
                .emit(operation(11, 11))
                .sd(A1, 8, S1)
                .sd(A1, 16, S1)
                .emit(operation(0, 12))
                .sd(ZERO, 24, S1);
        });
        for (a, results) in EDGES.iter().zip(results) {
            let expected = expected(*a);
            assert_eq!(results, [expected, expected, expected, 0], "{opcode:?} {a:#x}");
        }
    }
}

#[test]
fn operations_with_an_immediate() {
    let pairs = EDGES.map(|a| (a, a));
    let cases = IMMEDIATE.iter().map(|(opcode, like, limit)| (*opcode, reference(*like), *limit));
    let slli_uw: Binary = |a, b| low(uw(a) * power(b % 64));
    for (opcode, expected, limit) in cases.chain([(SlliUw, slli_uw, 64)]) {
        let lowest = if limit == 2048 { -2048 } else { 0 };
        let immediates =
            [lowest, 0, 1, 5, limit / 2, limit - 1].into_iter().chain((limit == 2048).then_some(-1));
        for immediate in immediates {
            let operation = |rd: u8, rs1: u8| Instruction { rd, rs1, immediate, ..Instruction::new(opcode) };
            let results = results(&pairs, |program| {
                program.emit(operation(13, 11)).sd(A3, 0, S1).emit(operation(11, 11)).sd(A1, 8, S1);
                program.sd(A1, 16, S1).emit(operation(0, 12)).sd(ZERO, 24, S1);
            });
            for (a, results) in EDGES.iter().zip(results) {
                let expected = expected(*a, i64::from(immediate) as u64);
                assert_eq!(results, [expected, expected, expected, 0], "{opcode:?} {a:#x} {immediate}");
            }
        }
    }
}

#[test]
fn branches_go_where_comparisons_say() {
    let cases: [(Opcode, fn(u64, u64) -> bool); 6] = [
        (Beq, |a, b| u(a) - u(b) == 0),
        (Bne, |a, b| u(a) - u(b) != 0),
        (Blt, |a, b| s(a) - s(b) < 0),
        (Bge, |a, b| s(a) - s(b) >= 0),
        (Bltu, |a, b| u(a) - u(b) < 0),
        (Bgeu, |a, b| u(a) - u(b) >= 0),
    ];
    let pairs = pairs();
    for (opcode, expected) in cases {
        let results = results(&pairs, |program| {
            let branch = Instruction { rs1: 11, rs2: 12, immediate: 8, ..Instruction::new(opcode) };
            program.li(A3, 1).emit(branch).li(A3, 0).sd(A3, 0, S1);
        });
        for ((a, b), results) in pairs.iter().zip(results) {
            assert_eq!(results[0] == 1, expected(*a, *b), "{opcode:?} {a:#x} {b:#x}");
        }
    }
}

#[test]
fn constants_and_links() {
    let machine = Machine::run_with(|program| {
        program.lui(A0, i32::MIN).lui(A1, 0x7fff_f000);
        let here = program.here();
        let [over, back, end] = [(); 3].map(|()| program.label());
        program.auipc(A2, i32::MIN).auipc(A3, 0x1000).jal(A4, over);
        program.bind(back).jalr(A6, 1, T0).nop().nop();
        program.bind(over).la(T0, end).jal(A5, back);
        program.bind(end);
        // The target is read before the link is written.
        let last = program.label();
        program.la(A7, last).jalr(A7, 0, A7).nop().bind(last);
        vec![here, over, back, end, last]
    });
    let [here, over, back, end, last] = [0, 1, 2, 3, 4].map(|index| machine.label(index));
    let expected = [
        0xffff_ffff_8000_0000,
        0x7fff_f000,
        here.wrapping_sub(0x8000_0000),
        here + 4 + 0x1000,
        here + 12,
        end,
        back + 4,
        last - 4,
    ];
    assert!(over > back);
    assert_eq!([10, 11, 12, 13, 14, 15, 16, 17].map(|number| machine.hart.register(number)), expected);
}
