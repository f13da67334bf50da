//! Square roots.

use super::format::{Double, Format};
use super::number::{
    self, Finite, is_infinite, is_nan, is_negative, is_normal, is_zero, magnitude, significand,
};
use super::round::round;
use super::{Flags, Rounding};

/// The square root of a number.
///
/// The root of a positive number is neither tiny nor too large, so the only possible flag is "inexact", which is either
/// set already or decided by the remainder.
#[inline]
pub(super) fn sqrt<F: Format>(a: u64, rounding: Rounding, flags: &mut Flags) -> u64 {
    let bits = F::bits(F::root(F::host(a)));
    let nearest = rounding == Rounding::Nearest;
    if is_normal::<F>(a) && !is_negative::<F>(a) {
        if nearest && flags.contains(Flags::INEXACT) || is_exact::<F>(a, bits) {
            return bits;
        }
        if nearest {
            *flags |= Flags::INEXACT;
            return bits;
        }
    }
    sqrt_carefully::<F>(a, rounding, flags)
}

/// Whether the host's root of a normal number has no remainder.
///
/// With integer significands `A` and `R` of `p` bits each, the remainder is `A*2^k - R*R` where `k` is `p - 1` or `p`. As
/// `R` is rounded to nearest it is at most `R` (and a bit); so it fits an `i64` and is computed without loss modulo `2^64`.
#[inline(always)]
fn is_exact<F: Format>(a: u64, root: u64) -> bool {
    let k = number::exponent::<F>(a) - 2 * number::exponent::<F>(root) + F::BIAS + F::FRACTION_BITS as i32;
    let root = significand::<F>(root);
    significand::<F>(a) << (k as u32 & 63) == root.wrapping_mul(root)
}

#[cold]
#[inline(never)]
pub(super) fn sqrt_carefully<F: Format>(a: u64, rounding: Rounding, flags: &mut Flags) -> u64 {
    if is_nan::<F>(a) {
        return number::nan::<F>(&[a], flags);
    }
    if is_zero::<F>(a) {
        return a;
    }
    if is_negative::<F>(a) {
        return number::invalid::<F>(flags);
    }
    if is_infinite::<F>(a) {
        return magnitude::<F>(a);
    }
    let number = Finite::new::<F>(a);
    let odd = number.exponent & 1;
    let significand = root_of_significand(number.significand, odd);
    let exponent = (number.exponent - odd) / 2;
    round::<F>(Finite { negative: false, exponent, significand }, rounding, flags)
}

/// The root of a significand (twice as large if its exponent is odd) with a sticky bit.
///
/// It has at most 54 bits and no more than 53 that are not zero, so the host's binary64 holds it exactly and rounds its
/// root to 53 bits, `R`, to nearest. The sign of the exact remainder tells on which side of `R` the true root lies. It
/// lies within half a unit of `R`, never on that border (the square of 54 bits has 107 or more); so one unit of 2^-63
/// more or less stands for the difference.
#[inline]
fn root_of_significand(significand: u64, odd: i32) -> u64 {
    let square = (significand >> Double::SPARE_BITS) << odd;
    // 2^52 <= square <= 2^54 - 2: its root is below (2^53 - 1/2) / 2^26, so `R` does not reach the next power of two.
    let root = number::significand::<Double>((square as i64 as f64).sqrt().to_bits());
    let remainder = (square << Double::FRACTION_BITS).wrapping_sub(root.wrapping_mul(root)) as i64;
    let sticky = remainder.signum() as u64;
    (root << Double::SPARE_BITS).wrapping_add(sticky)
}
