//! Products.

use super::format::Format;
use super::number::{
    self, Finite, is_infinite, is_nan, is_negative, is_normal, is_plain, is_zero, significand,
};
use super::round::round;
use super::{Flags, Rounding};

/// The product of two numbers.
///
/// A plain result of the host's (see [`is_plain`]) has no other flag than "inexact", which is either set already or
/// decided by the error.
#[inline]
pub(super) fn mul<F: Format>(a: u64, b: u64, rounding: Rounding, flags: &mut Flags) -> u64 {
    let bits = F::bits(F::host(a) * F::host(b));
    if is_plain::<F>(bits) {
        let nearest = rounding == Rounding::Nearest;
        if nearest && flags.contains(Flags::INEXACT) {
            return bits;
        }
        if is_normal::<F>(a) && is_normal::<F>(b) {
            if error_of_product::<F>(a, b, bits) == 0 {
                return bits;
            }
            if nearest {
                *flags |= Flags::INEXACT;
                return bits;
            }
        }
    }
    mul_carefully::<F>(a, b, rounding, flags)
}

/// What is missing from the host's product of two normal numbers, in units of `2^(exponents of a and b)`.
///
/// With integer significands `A`, `B` and `P` of `p` bits each, the error is `A*B - P*2^k` where `k` is the difference of
/// the exponents: `p - 1` or `p`. It is at most half a unit of `P`, `2^(k-1)`, so that it fits an `i64` and is computed
/// without loss modulo `2^64`.
#[inline(always)]
pub(super) fn error_of_product<F: Format>(a: u64, b: u64, product: u64) -> i64 {
    let exact = significand::<F>(a).wrapping_mul(significand::<F>(b));
    // Stored exponents carry the bias, integer significands are `2^FRACTION_BITS` times as large as what they stand for.
    let k = number::exponent::<F>(product) - number::exponent::<F>(a) - number::exponent::<F>(b)
        + F::BIAS
        + F::FRACTION_BITS as i32;
    exact.wrapping_sub(significand::<F>(product) << (k as u32 & 63)) as i64
}

#[cold]
#[inline(never)]
pub(super) fn mul_carefully<F: Format>(a: u64, b: u64, rounding: Rounding, flags: &mut Flags) -> u64 {
    let negative = is_negative::<F>(a ^ b);
    if is_nan::<F>(a) || is_nan::<F>(b) {
        return number::nan::<F>(&[a, b], flags);
    }
    let zero = is_zero::<F>(a) || is_zero::<F>(b);
    if is_infinite::<F>(a) || is_infinite::<F>(b) {
        return if zero { number::invalid::<F>(flags) } else { number::infinity::<F>(negative) };
    }
    if zero {
        return number::zero::<F>(negative);
    }
    let (x, y) = (Finite::new::<F>(a), Finite::new::<F>(b));
    let product = u128::from(x.significand) * u128::from(y.significand);
    let shift = product.leading_zeros();
    let product = product << shift;
    let significand = (product >> 64) as u64 | u64::from(product as u64 != 0);
    let exponent = x.exponent + y.exponent + 1 - shift as i32;
    round::<F>(Finite { negative, exponent, significand }, rounding, flags)
}
