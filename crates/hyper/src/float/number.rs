//! What bits stand for: kinds of numbers, and [`Finite`], a number taken apart.

use super::Flags;
use super::format::Format;

/// Whether the bits are a NaN.
#[inline(always)]
pub(super) fn is_nan<F: Format>(bits: u64) -> bool {
    magnitude::<F>(bits) > F::INFINITY
}

/// Whether the bits are a NaN that signals.
#[inline(always)]
pub(super) fn is_signalling<F: Format>(bits: u64) -> bool {
    is_nan::<F>(bits) && bits & F::QUIET == 0
}

/// Whether the bits are an infinity.
#[inline(always)]
pub(super) fn is_infinite<F: Format>(bits: u64) -> bool {
    magnitude::<F>(bits) == F::INFINITY
}

/// Whether the bits are a zero.
#[inline(always)]
pub(super) fn is_zero<F: Format>(bits: u64) -> bool {
    magnitude::<F>(bits) == 0
}

/// Whether the bits are neither an infinity nor a NaN.
#[inline(always)]
pub(super) fn is_finite<F: Format>(bits: u64) -> bool {
    magnitude::<F>(bits) < F::INFINITY
}

/// Whether the bits are a finite number that is neither zero nor subnormal.
#[inline(always)]
pub(super) fn is_normal<F: Format>(bits: u64) -> bool {
    let magnitude = magnitude::<F>(bits);
    magnitude >= F::UNIT && magnitude < F::INFINITY
}

/// Whether the bits are a finite number above the smallest normal one.
///
/// A rounded result of this kind was not tiny, for what is tiny before rounding is at most the smallest normal number
/// after it; and it did not overflow. So its flags are "inexact" or none.
#[inline(always)]
pub(super) fn is_plain<F: Format>(bits: u64) -> bool {
    let magnitude = magnitude::<F>(bits);
    magnitude > F::UNIT && magnitude < F::INFINITY
}

/// Whether the sign is minus.
#[inline(always)]
pub(super) fn is_negative<F: Format>(bits: u64) -> bool {
    bits & F::SIGN != 0
}

/// The bits without their sign.
#[inline(always)]
pub(super) fn magnitude<F: Format>(bits: u64) -> u64 {
    bits & (F::SIGN - 1)
}

/// A zero.
#[inline(always)]
pub(super) fn zero<F: Format>(negative: bool) -> u64 {
    if negative { F::SIGN } else { 0 }
}

/// An infinity.
#[inline(always)]
pub(super) fn infinity<F: Format>(negative: bool) -> u64 {
    F::INFINITY | zero::<F>(negative)
}

/// The result of an operation that has none.
#[inline]
pub(super) fn invalid<F: Format>(flags: &mut Flags) -> u64 {
    *flags |= Flags::INVALID;
    F::CANONICAL
}

/// The result of an operation on operands of which one is a NaN: canonical, and invalid if one signals.
#[inline]
pub(super) fn nan<F: Format>(operands: &[u64], flags: &mut Flags) -> u64 {
    if operands.iter().any(|operand| is_signalling::<F>(*operand)) {
        *flags |= Flags::INVALID;
    }
    F::CANONICAL
}

/// The significand of a normal number as an integer: `FRACTION_BITS + 1` bits.
#[inline(always)]
pub(super) fn significand<F: Format>(bits: u64) -> u64 {
    bits & F::FRACTION | F::UNIT
}

/// The exponent of a number as it is stored.
#[inline(always)]
pub(super) fn exponent<F: Format>(bits: u64) -> i32 {
    (magnitude::<F>(bits) >> F::FRACTION_BITS) as i32
}

/// A finite number other than zero: `significand / 2^63 * 2^exponent`, and the highest bit of the significand is set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finite {
    /// Whether the sign is minus.
    pub(super) negative: bool,
    /// The exponent of the highest bit.
    pub(super) exponent: i32,
    /// The bits from the highest one on; in an inexact one the lowest bit stands for all that follow ("sticky").
    pub(super) significand: u64,
}

impl Finite {
    /// Takes a finite number other than zero apart.
    #[inline]
    pub(super) fn new<F: Format>(bits: u64) -> Self {
        let negative = is_negative::<F>(bits);
        let stored = exponent::<F>(bits);
        if stored != 0 {
            let significand = significand::<F>(bits) << F::SPARE_BITS;
            return Self { negative, exponent: stored - F::BIAS, significand };
        }
        let fraction = bits & F::FRACTION;
        debug_assert!(fraction != 0, "zero has no highest bit");
        let shift = fraction.leading_zeros();
        // The lowest bit of a subnormal number weighs `2^(1 - BIAS - FRACTION_BITS)`.
        let exponent = 1 - F::BIAS - F::FRACTION_BITS as i32 + 63 - shift as i32;
        Self { negative, exponent, significand: fraction << shift }
    }
}

/// The integer shifted right; a lost bit that was set sets the lowest bit.
#[inline(always)]
pub(super) fn shift_right_sticky(value: u64, count: u32) -> u64 {
    match count {
        0 => value,
        1..64 => value >> count | u64::from(value << (64 - count) != 0),
        _ => u64::from(value != 0),
    }
}
