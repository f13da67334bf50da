//! Quotients.

use super::format::{Double, Format};
use super::number::{
    self, Finite, is_infinite, is_nan, is_negative, is_normal, is_plain, is_zero, significand,
};
use super::round::round;
use super::{Flags, Rounding};

/// The quotient of two numbers.
///
/// A plain result of the host's (see [`is_plain`]) has no other flag than "inexact", which is either set already or
/// decided by the remainder. (A divisor that is zero makes an infinity or a NaN, which are not plain.)
#[inline]
pub(super) fn div<F: Format>(a: u64, b: u64, rounding: Rounding, flags: &mut Flags) -> u64 {
    let bits = F::bits(F::host(a) / F::host(b));
    if is_plain::<F>(bits) {
        let nearest = rounding == Rounding::Nearest;
        if nearest && flags.contains(Flags::INEXACT) {
            return bits;
        }
        if is_normal::<F>(a) && is_normal::<F>(b) {
            if is_exact::<F>(a, b, bits) {
                return bits;
            }
            if nearest {
                *flags |= Flags::INEXACT;
                return bits;
            }
        }
    }
    div_carefully::<F>(a, b, rounding, flags)
}

/// Whether the host's quotient of two normal numbers has no remainder.
///
/// With integer significands `A`, `B` and `Q` of `p` bits each, the remainder is `A*2^k - Q*B` where `k` is the difference
/// of the exponents: `p - 1` or `p`. As `Q` is rounded to nearest it is at most half of `B`; so it fits an `i64` and is
/// computed without loss modulo `2^64`.
#[inline(always)]
fn is_exact<F: Format>(a: u64, b: u64, quotient: u64) -> bool {
    let k = number::exponent::<F>(a) - number::exponent::<F>(b) - number::exponent::<F>(quotient)
        + F::BIAS
        + F::FRACTION_BITS as i32;
    let dividend = significand::<F>(a) << (k as u32 & 63);
    dividend == significand::<F>(quotient).wrapping_mul(significand::<F>(b))
}

#[cold]
#[inline(never)]
pub(super) fn div_carefully<F: Format>(a: u64, b: u64, rounding: Rounding, flags: &mut Flags) -> u64 {
    let negative = is_negative::<F>(a ^ b);
    if is_nan::<F>(a) || is_nan::<F>(b) {
        return number::nan::<F>(&[a, b], flags);
    }
    match (is_infinite::<F>(a), is_infinite::<F>(b)) {
        (true, true) => return number::invalid::<F>(flags),
        (true, false) => return number::infinity::<F>(negative),
        (false, true) => return number::zero::<F>(negative),
        (false, false) => {}
    }
    match (is_zero::<F>(a), is_zero::<F>(b)) {
        (true, true) => return number::invalid::<F>(flags),
        (true, false) => return number::zero::<F>(negative),
        (false, true) => {
            *flags |= Flags::DIVIDE_BY_ZERO;
            return number::infinity::<F>(negative);
        }
        (false, false) => {}
    }
    let (x, y) = (Finite::new::<F>(a), Finite::new::<F>(b));
    let (significand, carry) = divide_significands(x.significand, y.significand);
    round::<F>(Finite { negative, exponent: x.exponent - y.exponent - carry, significand }, rounding, flags)
}

/// The quotient of two significands with a sticky bit, and by how many bits it was shifted left.
///
/// Both have at most 53 bits, so the host's binary64 holds them exactly and rounds their quotient to 53 bits, `Q`, to
/// nearest. The sign of the exact remainder tells on which side of `Q` the true quotient lies. It lies within half a unit
/// of `Q`, never on that border (the border has 54 bits, and 54 bits times the divisor are more than the dividend has);
/// so one unit of 2^-63 more or less stands for the difference, in whatever way the result is rounded later.
#[inline]
fn divide_significands(a: u64, b: u64) -> (u64, i32) {
    let (a, b) = (a >> Double::SPARE_BITS, b >> Double::SPARE_BITS);
    let carry = i32::from(a < b);
    let a = a << carry;
    // Now 1 <= a/b <= 2 - 2^-52: without carry as a < 2^53 and b >= 2^52, with it as a <= 2b - 2 and b < 2^53. So `Q` is
    // below two. Both numbers are below 2^54, hence the same as signed ones, which hosts convert faster.
    let quotient = significand::<Double>((a as i64 as f64 / b as i64 as f64).to_bits());
    let remainder = (a << Double::FRACTION_BITS).wrapping_sub(quotient.wrapping_mul(b)) as i64;
    let sticky = remainder.signum() as u64;
    ((quotient << Double::SPARE_BITS).wrapping_add(sticky), carry)
}
