//! Rounding to nearest is what the host does too, and Rust promises it.

use super::operands::{Kind, Operands};
use super::operations::OPERATIONS;
use crate::float::{Flags, Rounding};

/// What the host says, with NaN in the one form that RISC-V has.
fn expected32(name: &str, [a, b, c]: [f32; 3]) -> Option<u64> {
    let result = match name {
        "fadd" => a + b,
        "fsub" => a - b,
        "fmul" => a * b,
        "fdiv" => a / b,
        "fsqrt" => a.sqrt(),
        "fmadd" => a.mul_add(b, c),
        "fmsub" => a.mul_add(b, -c),
        "fnmsub" => (-a).mul_add(b, c),
        "fnmadd" => (-a).mul_add(b, -c),
        _ => return None,
    };
    Some(if result.is_nan() { 0x7fc0_0000 } else { result.to_bits().into() })
}

/// See [`expected32`].
fn expected64(name: &str, [a, b, c]: [f64; 3]) -> Option<u64> {
    let result = match name {
        "fadd" => a + b,
        "fsub" => a - b,
        "fmul" => a * b,
        "fdiv" => a / b,
        "fsqrt" => a.sqrt(),
        "fmadd" => a.mul_add(b, c),
        "fmsub" => a.mul_add(b, -c),
        "fnmsub" => (-a).mul_add(b, c),
        "fnmadd" => (-a).mul_add(b, -c),
        _ => return None,
    };
    Some(if result.is_nan() { 0x7ff8_0000_0000_0000 } else { result.to_bits() })
}

#[test]
fn rounding_to_nearest_is_what_the_host_does() {
    let mut compared = 0;
    for (seed, operation) in (1..).zip(OPERATIONS) {
        let name = operation.name.split('.').next().unwrap();
        let mut operands = Operands::new(seed, operation.operand);
        for _ in 0..20_000 {
            let [a, b, c] = operands.triple();
            let expected = match operation.operand {
                Kind::Single => expected32(name, [a, b, c].map(|bits| f32::from_bits(bits as u32))),
                _ => expected64(name, [a, b, c].map(f64::from_bits)),
            };
            let Some(expected) = expected else { break };
            for flags in [Flags::NONE, Flags::INEXACT] {
                let mut found = flags;
                let result = (operation.evaluate)(a, b, c, Rounding::Nearest, &mut found);
                assert_eq!(
                    result, expected,
                    "{} of {a:#x}, {b:#x}, {c:#x} is {result:#x}, not {expected:#x} (seed {seed}, {flags:?})",
                    operation.name
                );
                compared += 1;
            }
        }
    }
    assert!(compared >= 18 * 40_000, "only {compared} results were compared");
}
