//! The quick way and the careful one agree, whatever flags were set before.

use super::operands::{Kind, Operands};
use super::operations::OPERATIONS;
use crate::float::format::{Double, Format, Single};
use crate::float::{Flags, Rounding, add, divide, fused, multiply, root};

#[test]
fn flags_that_are_set_change_nothing_but_flags() {
    for (seed, operation) in (100..).zip(OPERATIONS) {
        let mut operands = Operands::new(seed, operation.operand);
        for _ in 0..4_000 {
            let [a, b, c] = operands.triple();
            for rounding in Rounding::ALL {
                let (mut fresh, mut sticky) = (Flags::NONE, Flags::INEXACT);
                let first = (operation.evaluate)(a, b, c, rounding, &mut fresh);
                let second = (operation.evaluate)(a, b, c, rounding, &mut sticky);
                assert_eq!(
                    (first, fresh | Flags::INEXACT),
                    (second, sticky),
                    "{} of {a:#x}, {b:#x}, {c:#x}, {rounding:?}, seed {seed}",
                    operation.name
                );
            }
        }
    }
}

fn check_both_ways<F: Format>(seed: u64, kind: Kind) {
    type Way = fn(u64, u64, u64, Rounding, &mut Flags) -> u64;
    let fma: Way = match kind {
        Kind::Single => fused::fma_single,
        _ => fused::fma_double,
    };
    let ways: [(Way, Way); 5] = [
        (|a, b, _, r, f| add::add::<F>(a, b, r, f), |a, b, _, r, f| add::add_carefully::<F>(a, b, r, f)),
        (
            |a, b, _, r, f| multiply::mul::<F>(a, b, r, f),
            |a, b, _, r, f| multiply::mul_carefully::<F>(a, b, r, f),
        ),
        (
            |a, b, _, r, f| divide::div::<F>(a, b, r, f),
            |a, b, _, r, f| divide::div_carefully::<F>(a, b, r, f),
        ),
        (|a, _, _, r, f| root::sqrt::<F>(a, r, f), |a, _, _, r, f| root::sqrt_carefully::<F>(a, r, f)),
        (fma, |a, b, c, r, f| fused::fma_carefully::<F>(a, b, c, r, f)),
    ];
    let mut operands = Operands::new(seed, kind);
    for _ in 0..40_000 {
        let [a, b, c] = operands.triple();
        for (which, (quick, careful)) in ways.iter().enumerate() {
            for rounding in Rounding::ALL {
                let (mut quickly, mut carefully) = (Flags::NONE, Flags::NONE);
                let first = quick(a, b, c, rounding, &mut quickly);
                let second = careful(a, b, c, rounding, &mut carefully);
                assert_eq!(
                    (first, quickly),
                    (second, carefully),
                    "way {which}: {a:#x}, {b:#x}, {c:#x}, {rounding:?}, seed {seed}"
                );
            }
        }
    }
}

#[test]
fn both_ways_agree() {
    check_both_ways::<Single>(7, Kind::Single);
    check_both_ways::<Double>(8, Kind::Double);
}
