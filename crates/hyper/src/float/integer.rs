//! To integers and from them.

use super::format::Format;
use super::number::{Finite, is_infinite, is_nan, is_negative, is_zero};
use super::round::round;
use super::{Flags, Rounding};

/// The integers of a type: from `-(negative)` to `positive`.
#[derive(Clone, Copy)]
pub(super) struct Range {
    /// The magnitude of the least one.
    negative: u64,
    /// The greatest one.
    positive: u64,
}

impl Range {
    /// `i32`.
    pub(super) const I32: Self = Self { negative: 1 << 31, positive: (1 << 31) - 1 };
    /// `u32`.
    pub(super) const U32: Self = Self { negative: 0, positive: (1 << 32) - 1 };
    /// `i64`.
    pub(super) const I64: Self = Self { negative: 1 << 63, positive: (1 << 63) - 1 };
    /// `u64`.
    pub(super) const U64: Self = Self { negative: 0, positive: u64::MAX };
}

/// The integer nearest to a number in the direction of `rounding`, modulo 2^64.
///
/// What no integer of the range stands for is invalid: it becomes the end of the range that is nearest to it, and a NaN
/// becomes the greatest integer. An invalid conversion is never inexact.
#[cold]
#[inline(never)]
pub(super) fn to_integer<F: Format>(a: u64, range: Range, rounding: Rounding, flags: &mut Flags) -> u64 {
    let negative = is_negative::<F>(a) && !is_nan::<F>(a);
    let limit = if negative { range.negative } else { range.positive };
    let signed = |magnitude: u64| if negative { magnitude.wrapping_neg() } else { magnitude };
    if is_zero::<F>(a) {
        return 0;
    }
    let rounded = if is_nan::<F>(a) || is_infinite::<F>(a) {
        None
    } else {
        round_to_integer(Finite::new::<F>(a), rounding)
    };
    match rounded {
        Some((magnitude, exact)) if magnitude <= limit => {
            if !exact {
                *flags |= Flags::INEXACT;
            }
            signed(magnitude)
        }
        _ => {
            *flags |= Flags::INVALID;
            signed(limit)
        }
    }
}

/// The magnitude of the integer that stands for a number, and whether it is the number; nothing if 64 bits are too few.
fn round_to_integer(number: Finite, rounding: Rounding) -> Option<(u64, bool)> {
    let (whole, rest) = match number.exponent {
        64.. => return None,
        63 => (number.significand, 0),
        exponent @ 0..63 => (number.significand >> (63 - exponent), number.significand << (exponent + 1)),
        // At least a half: exactly that if no other bit is set.
        -1 => (0, number.significand),
        // Less than a half.
        _ => (0, 1),
    };
    // In units of 2^-64; a rest that was not zero means less than 2^53, so that adding one is safe.
    let up = rounding.is_up(number.negative, whole & 1 != 0, rest, 1 << 63);
    Some((whole + u64::from(up), rest == 0))
}

/// An integer of at most 64 bits as a number.
///
/// Where its magnitude fits a significand the host converts it exactly.
#[inline]
pub(super) fn from_integer_quickly<F: Format>(integer: i128, rounding: Rounding, flags: &mut Flags) -> u64 {
    let magnitude = integer.unsigned_abs() as u64;
    if magnitude < 2 * F::UNIT {
        return F::bits(F::from_integer(integer as i64));
    }
    from_integer::<F>(integer < 0, magnitude, rounding, flags)
}

/// An integer other than zero as a number: `magnitude` with a sign.
#[cold]
#[inline(never)]
fn from_integer<F: Format>(negative: bool, magnitude: u64, rounding: Rounding, flags: &mut Flags) -> u64 {
    let shift = magnitude.leading_zeros();
    let number = Finite { negative, exponent: 63 - shift as i32, significand: magnitude << shift };
    round::<F>(number, rounding, flags)
}

/// The integer that a number is, if it is one below 2^62; or what it is cut to, if it is to be cut.
///
/// Cutting is what the host's conversion does, and converting back tells whether anything was cut off. (Below 2^62 an
/// integer that was cut from a number of either format has no more bits than the format, so that the way back is exact.)
#[inline]
pub(super) fn cut_quickly(number: f64, rounding: Rounding, flags: &mut Flags) -> Option<i64> {
    const LIMIT: f64 = (1_u64 << 62) as f64;
    if number.abs() < LIMIT {
        let integer = number as i64;
        if integer as f64 == number {
            return Some(integer);
        }
        if rounding == Rounding::Zero {
            *flags |= Flags::INEXACT;
            return Some(integer);
        }
    }
    None
}
