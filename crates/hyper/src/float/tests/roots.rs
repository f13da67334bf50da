//! Roots against roots of integers.

use super::operands::{Kind, Operands};
use crate::float::{Flags, Rounding, sqrt32, sqrt64};

/// The root of `significand * 2^exponent` to `bits` bits, and whether it is inexact: by integers alone.
fn expected(significand: u64, exponent: i32, bits: u32, rounding: Rounding) -> (u64, i32, bool) {
    // As many bits as it takes for the integer root to have two more than are wanted, and an even exponent.
    let mut shift = 2 * (bits + 2) - significand.ilog2();
    if (exponent - shift as i32) % 2 != 0 {
        shift += 1;
    }
    let square = u128::from(significand) << shift;
    let root = square.isqrt();
    let inexact_below = root * root != square;
    let cut = root.ilog2() + 1 - bits;
    let (kept, rest) = ((root >> cut) as u64, (root & ((1 << cut) - 1)) as u64);
    let half = 1 << (cut - 1);
    let inexact = rest != 0 || inexact_below;
    let up = match rounding {
        Rounding::Zero | Rounding::Down => false,
        Rounding::Up => inexact,
        Rounding::Nearest => rest > half || rest == half && (inexact_below || kept & 1 == 1),
        Rounding::NearestMaxMagnitude => rest >= half,
    };
    (kept + u64::from(up), (exponent - shift as i32) / 2 + cut as i32, inexact)
}

fn take_apart(bits: u64, fraction_bits: u32, bias: i32) -> (u64, i32) {
    let stored = (bits >> fraction_bits) as i32;
    let fraction = bits & ((1 << fraction_bits) - 1);
    let below = bias + fraction_bits as i32;
    if stored == 0 { (fraction, 1 - below) } else { (fraction | 1 << fraction_bits, stored - below) }
}

#[test]
fn roots_are_those_of_integers() {
    let mut operands = Operands::new(3, Kind::Double);
    for _ in 0..20_000 {
        let a = operands.triple()[0] & (u64::MAX >> 1);
        if a == 0 || a >= 0x7ff0_0000_0000_0000 {
            continue;
        }
        for rounding in Rounding::ALL {
            let mut flags = Flags::NONE;
            let root = sqrt64(a, rounding, &mut flags);
            let (significand, exponent) = take_apart(a, 52, 1_023);
            let (wanted, power, inexact) = expected(significand, exponent, 53, rounding);
            let wanted = wanted as f64 * 2_f64.powi(power);
            assert_eq!(f64::from_bits(root), wanted, "root of {a:#x}, {rounding:?}");
            assert_eq!(flags == Flags::INEXACT, inexact, "root of {a:#x}, {rounding:?}: {flags:?}");
        }
    }
}

#[test]
fn short_roots_are_those_of_integers() {
    let mut operands = Operands::new(4, Kind::Single);
    for _ in 0..20_000 {
        let a = operands.triple()[0] & 0x7fff_ffff;
        if a == 0 || a >= 0x7f80_0000 {
            continue;
        }
        for rounding in Rounding::ALL {
            let mut flags = Flags::NONE;
            let root = sqrt32(a as u32, rounding, &mut flags);
            let (significand, exponent) = take_apart(a, 23, 127);
            let (wanted, power, inexact) = expected(significand, exponent, 24, rounding);
            let wanted = wanted as f64 * 2_f64.powi(power);
            assert_eq!(f64::from(f32::from_bits(root)), wanted, "root of {a:#x}, {rounding:?}");
            assert_eq!(flags == Flags::INEXACT, inexact, "root of {a:#x}, {rounding:?}: {flags:?}");
        }
    }
}
