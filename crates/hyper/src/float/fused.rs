//! Products and sums in one, rounded once.

use super::add::{add, error_of_sum};
use super::format::{Double, Format, Single};
use super::multiply::error_of_product;
use super::number::{self, Finite, is_infinite, is_nan, is_negative, is_normal, is_plain, is_zero, zero};
use super::round::round;
use super::{Flags, Rounding};

/// `a * b + c` in binary64.
///
/// Two ways are quick. Where "inexact" is set and rounding is to nearest, the host's fused result if it is plain (see
/// [`is_plain`]). And where the product is exact the result is a sum, which has ways of its own.
#[inline]
pub(super) fn fma_double(a: u64, b: u64, c: u64, rounding: Rounding, flags: &mut Flags) -> u64 {
    let (x, y) = (f64::from_bits(a), f64::from_bits(b));
    if rounding == Rounding::Nearest && flags.contains(Flags::INEXACT) {
        let bits = x.mul_add(y, f64::from_bits(c)).to_bits();
        if is_plain::<Double>(bits) {
            return bits;
        }
    }
    let product = (x * y).to_bits();
    if is_plain::<Double>(product)
        && is_normal::<Double>(a)
        && is_normal::<Double>(b)
        && error_of_product::<Double>(a, b, product) == 0
    {
        return add::<Double>(product, c, rounding, flags);
    }
    fma_carefully::<Double>(a, b, c, rounding, flags)
}

/// `a * b + c` in binary32.
///
/// In binary64 the product is exact (24 bits times 24 bits, exponents far from the ends), so only the sum is rounded there.
/// Rounding that once more, to 24 bits, goes wrong only if the first rounding hit the very middle between two numbers of
/// binary32: else the exact sum and the rounded one lie on the same side of every middle, as each middle is a number of
/// binary64. A plain result lies where those middles have the 29 low bits `1000…`. The result is exact if it is the same
/// as the sum and the sum has no error: an exact sum that fits 24 bits would not have been rounded at all.
#[inline]
pub(super) fn fma_single(a: u64, b: u64, c: u64, rounding: Rounding, flags: &mut Flags) -> u64 {
    const LOW: u64 = (1 << 29) - 1;
    const MIDDLE: u64 = 1 << 28;
    let product = f64::from(Single::host(a)) * f64::from(Single::host(b));
    let addend = f64::from(Single::host(c));
    let sum = product + addend;
    let result = sum as f32;
    let bits = Single::bits(result);
    if is_plain::<Single>(bits) {
        let right = rounding == Rounding::Nearest && sum.to_bits() & LOW != MIDDLE;
        if right && flags.contains(Flags::INEXACT) {
            return bits;
        }
        if f64::from(result) == sum && error_of_sum::<Double>(product, addend, sum) == 0.0 {
            return bits;
        }
        if right {
            *flags |= Flags::INEXACT;
            return bits;
        }
    }
    fma_carefully::<Single>(a, b, c, rounding, flags)
}

#[cold]
#[inline(never)]
pub(super) fn fma_carefully<F: Format>(a: u64, b: u64, c: u64, rounding: Rounding, flags: &mut Flags) -> u64 {
    let negative = is_negative::<F>(a ^ b);
    let infinite = is_infinite::<F>(a) || is_infinite::<F>(b);
    let zero_factor = is_zero::<F>(a) || is_zero::<F>(b);
    if infinite && zero_factor {
        // Invalid even if the addend is a quiet NaN.
        return number::invalid::<F>(flags);
    }
    if is_nan::<F>(a) || is_nan::<F>(b) || is_nan::<F>(c) {
        return number::nan::<F>(&[a, b, c], flags);
    }
    if infinite {
        let opposed = is_infinite::<F>(c) && is_negative::<F>(c) != negative;
        return if opposed { number::invalid::<F>(flags) } else { number::infinity::<F>(negative) };
    }
    if is_infinite::<F>(c) {
        return c;
    }
    if zero_factor {
        return add::<F>(zero::<F>(negative), c, rounding, flags);
    }
    let product = Wide::product(Finite::new::<F>(a), Finite::new::<F>(b));
    let exact = if is_zero::<F>(c) { Some(product) } else { product.plus(Finite::new::<F>(c)) };
    match exact {
        Some(sum) => round::<F>(sum.narrow(), rounding, flags),
        None => zero::<F>(rounding == Rounding::Down),
    }
}

/// A [`Finite`] with twice the bits: `significand / 2^127 * 2^exponent`.
#[derive(Clone, Copy)]
struct Wide {
    negative: bool,
    exponent: i32,
    significand: u128,
}

impl Wide {
    /// The product of two numbers, exactly: at most 106 bits, so the 22 lowest are zero.
    #[inline]
    fn product(a: Finite, b: Finite) -> Self {
        let product = u128::from(a.significand) * u128::from(b.significand);
        let shift = product.leading_zeros();
        Self {
            negative: a.negative != b.negative,
            exponent: a.exponent + b.exponent + 1 - shift as i32,
            significand: product << shift,
        }
    }

    /// This product and a number, with a sticky bit, unless the sum is zero.
    ///
    /// One bit of room is made for the carry. Shifting the smaller one by less than two places loses nothing, as 21 bits
    /// are free; and if it is shifted further then a difference loses at most one leading bit, so that far more exact
    /// bits than any format has stay above the sticky one.
    #[inline]
    fn plus(self, addend: Finite) -> Option<Self> {
        let addend = Self {
            negative: addend.negative,
            exponent: addend.exponent,
            significand: u128::from(addend.significand) << 64,
        };
        let is_larger = (self.exponent, self.significand) >= (addend.exponent, addend.significand);
        let (large, small) = if is_larger { (self, addend) } else { (addend, self) };
        let aligned = shift_right_sticky(small.significand >> 1, (large.exponent - small.exponent) as u32);
        let whole = large.significand >> 1;
        let significand = if large.negative == small.negative { whole + aligned } else { whole - aligned };
        if significand == 0 {
            return None;
        }
        let shift = significand.leading_zeros();
        Some(Self {
            negative: large.negative,
            exponent: large.exponent + 1 - shift as i32,
            significand: significand << shift,
        })
    }

    /// The upper half; the lower one becomes the sticky bit.
    #[inline]
    fn narrow(self) -> Finite {
        Finite {
            negative: self.negative,
            exponent: self.exponent,
            significand: (self.significand >> 64) as u64 | u64::from(self.significand as u64 != 0),
        }
    }
}

/// The integer shifted right; a lost bit that was set sets the lowest bit.
#[inline]
fn shift_right_sticky(value: u128, count: u32) -> u128 {
    match count {
        0 => value,
        1..128 => value >> count | u128::from(value << (128 - count) != 0),
        _ => u128::from(value != 0),
    }
}
