//! All rounding modes and flags against the soft floating point that rustc folds constants with.

use rustc_apfloat::ieee::{Double, Single};
use rustc_apfloat::{Float, FloatConvert, Round, Status, StatusAnd};

use super::operands::{Kind, Operands};
use super::operations::OPERATIONS;
use crate::float::{Flags, Rounding};

fn round(rounding: Rounding) -> Round {
    match rounding {
        Rounding::Nearest => Round::NearestTiesToEven,
        Rounding::Zero => Round::TowardZero,
        Rounding::Down => Round::TowardNegative,
        Rounding::Up => Round::TowardPositive,
        Rounding::NearestMaxMagnitude => Round::NearestTiesToAway,
    }
}

fn flags(status: Status) -> Flags {
    let pairs = [
        (Status::INVALID_OP, Flags::INVALID),
        (Status::DIV_BY_ZERO, Flags::DIVIDE_BY_ZERO),
        (Status::OVERFLOW, Flags::OVERFLOW),
        (Status::UNDERFLOW, Flags::UNDERFLOW),
        (Status::INEXACT, Flags::INEXACT),
    ];
    let mut flags = Flags::NONE;
    for (from, to) in pairs {
        if status.contains(from) {
            flags |= to;
        }
    }
    flags
}

/// Bits with the one NaN that RISC-V has, and flags.
fn canonical<F: Float>(result: StatusAnd<F>) -> (u64, Flags) {
    let bits = match (result.value.is_nan(), F::BITS) {
        (true, 32) => 0x7fc0_0000,
        (true, _) => 0x7ff8_0000_0000_0000,
        (false, _) => result.value.to_bits() as u64,
    };
    (bits, flags(result.status))
}

/// Arithmetic; nothing if the operation is another one.
fn arithmetic<F: Float>(name: &str, [a, b, c]: [F; 3], round: Round) -> Option<(u64, Flags)> {
    Some(canonical(match name {
        "fadd" => a.add_r(b, round),
        "fsub" => a.sub_r(b, round),
        "fmul" => a.mul_r(b, round),
        "fdiv" => a.div_r(b, round),
        "fmadd" => a.mul_add_r(b, c, round),
        "fmsub" => a.mul_add_r(b, -c, round),
        "fnmsub" => (-a).mul_add_r(b, c, round),
        "fnmadd" => (-a).mul_add_r(b, -c, round),
        _ => return None,
    }))
}

/// Conversions between numbers and integers.
fn conversion<F: Float>(name: &str, a: F, integer: u64, round: Round) -> Option<(u64, Flags)> {
    let mut exact = false;
    let mut signed = |width| a.to_i128_r(width, round, &mut exact).map(|value| value as u64);
    let result = match name {
        "fcvt.w" => signed(32),
        "fcvt.l" => signed(64),
        "fcvt.wu" => a.to_u128_r(32, round, &mut exact).map(|value| value as u32 as i32 as u64),
        "fcvt.lu" => a.to_u128_r(64, round, &mut exact).map(|value| value as u64),
        "from.w" => return Some(canonical(F::from_i128_r((integer as i32).into(), round))),
        "from.wu" => return Some(canonical(F::from_u128_r((integer as u32).into(), round))),
        "from.l" => return Some(canonical(F::from_i128_r((integer as i64).into(), round))),
        "from.lu" => return Some(canonical(F::from_u128_r(integer.into(), round))),
        _ => return None,
    };
    Some((result.value, flags(result.status)))
}

/// What the oracle says.
fn expected(name: &str, operands: [u64; 3], rounding: Rounding) -> Option<(u64, Flags)> {
    let round = round(rounding);
    let [a, ..] = operands;
    let single = |bits: u64| Single::from_bits(u128::from(bits as u32));
    let double = |bits: u64| Double::from_bits(bits.into());
    if name == "fcvt.s.d" {
        let mut loses = false;
        return Some(canonical::<Single>(double(a).convert_r(round, &mut loses)));
    }
    if name == "fcvt.d.s" {
        let mut loses = false;
        return Some(canonical::<Double>(single(a).convert_r(round, &mut loses)));
    }
    let parts: Vec<_> = name.split('.').collect();
    match parts[..] {
        ["fcvt", to, "s"] => conversion(&format!("fcvt.{to}"), single(a), 0, round),
        ["fcvt", to, "d"] => conversion(&format!("fcvt.{to}"), double(a), 0, round),
        ["fcvt", "s", from] => conversion(&format!("from.{from}"), single(0), a, round),
        ["fcvt", "d", from] => conversion(&format!("from.{from}"), double(0), a, round),
        [name, "s"] => arithmetic(name, operands.map(single), round),
        [name, "d"] => arithmetic(name, operands.map(double), round),
        _ => None,
    }
}

fn is_nan(kind: Kind, bits: u64) -> bool {
    match kind {
        Kind::Single => f32::from_bits(bits as u32).is_nan(),
        Kind::Double => f64::from_bits(bits).is_nan(),
        Kind::Integer => false,
    }
}

/// The flag that the oracle has another rule for than RISC-V.
///
/// It tells tiny from not tiny by the result, so that it errs where that is the smallest normal number; and it does not call
/// it an overflow if the largest finite number stands for something larger.
fn disputed(kind: Kind, bits: u64) -> Flags {
    let (smallest_normal, largest) = match kind {
        Kind::Single => (0x0080_0000, 0x7f7f_ffff),
        _ => (0x0010_0000_0000_0000, 0x7fef_ffff_ffff_ffff),
    };
    match (kind, magnitude(kind, bits)) {
        (Kind::Integer, _) => Flags::NONE,
        (_, bits) if bits == smallest_normal => Flags::UNDERFLOW,
        (_, bits) if bits == largest => Flags::OVERFLOW,
        _ => Flags::NONE,
    }
}

/// Bits without their sign.
fn magnitude(kind: Kind, bits: u64) -> u64 {
    if kind == Kind::Single { bits & 0x7fff_ffff } else { bits & (u64::MAX >> 1) }
}

#[test]
fn results_and_flags_are_those_of_another_implementation() {
    let mut compared = 0;
    for (seed, operation) in (200..).zip(OPERATIONS) {
        let mut operands = Operands::new(seed, operation.operand);
        for _ in 0..4_000 {
            let triple = operands.triple();
            // What NaN operands do is told apart from this, in `facts` and by the emulator.
            if triple.iter().any(|bits| is_nan(operation.operand, *bits)) {
                continue;
            }
            for rounding in Rounding::ALL {
                let Some((wanted, mut wanted_flags)) = expected(operation.name, triple, rounding) else {
                    break;
                };
                let [a, b, c] = triple;
                let mut found = Flags::NONE;
                let result = (operation.evaluate)(a, b, c, rounding, &mut found);
                let disputed = disputed(operation.result, result);
                found |= disputed;
                wanted_flags |= disputed;
                assert_eq!(
                    (result, found),
                    (wanted, wanted_flags),
                    "{} of {a:#x}, {b:#x}, {c:#x}, {rounding:?}, seed {seed}: left is ours",
                    operation.name
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 400_000, "only {compared} results were compared");
}
