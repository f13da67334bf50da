//! Sums.

use super::format::Format;
use super::number::{
    self, Finite, is_finite, is_infinite, is_nan, is_negative, is_zero, shift_right_sticky, zero,
};
use super::round::round;
use super::{Flags, Rounding};

/// The sum of two numbers.
///
/// If the host's sum is finite then so are the operands and nothing overflowed. A sum below the smallest normal number
/// is exact, because both operands are multiples of the smallest subnormal one; so there is no underflow, and the only
/// possible flag is "inexact". If that is set already and rounding is to nearest, the host's sum is all there is to know.
/// Otherwise the error of the host's sum tells: where it is zero the sum is exact, hence the same in all modes (save the
/// sign of a zero), and where it is not, the sum rounded to nearest is inexact.
#[inline]
pub(super) fn add<F: Format>(a: u64, b: u64, rounding: Rounding, flags: &mut Flags) -> u64 {
    let (x, y) = (F::host(a), F::host(b));
    let sum = x + y;
    let bits = F::bits(sum);
    if is_finite::<F>(bits) {
        let nearest = rounding == Rounding::Nearest;
        if nearest && flags.contains(Flags::INEXACT) {
            return bits;
        }
        let error = F::bits(error_of_sum::<F>(x, y, sum));
        if is_zero::<F>(error) {
            if nearest || !is_zero::<F>(bits) {
                return bits;
            }
        } else if nearest && is_finite::<F>(error) {
            *flags |= Flags::INEXACT;
            return bits;
        }
    }
    add_carefully::<F>(a, b, rounding, flags)
}

/// The difference of two numbers: a sum, for a sign costs nothing and no NaN's sign is ever seen.
#[inline]
pub(super) fn sub<F: Format>(a: u64, b: u64, rounding: Rounding, flags: &mut Flags) -> u64 {
    add::<F>(a, b ^ F::SIGN, rounding, flags)
}

/// What is missing from the host's sum of two numbers: `sum + error == x + y`, exactly, if the error is finite.
///
/// This is Knuth's TwoSum. It holds in every binary format with rounding to nearest and gradual underflow as long as
/// none of its steps overflows. A step that overflows makes an infinity, and sums and differences never make an infinity
/// finite again; so a finite error is right.
#[inline(always)]
pub(super) fn error_of_sum<F: Format>(x: F::Host, y: F::Host, sum: F::Host) -> F::Host {
    let of_y = sum - x;
    let of_x = sum - of_y;
    (x - of_x) + (y - of_y)
}

#[cold]
#[inline(never)]
pub(super) fn add_carefully<F: Format>(a: u64, b: u64, rounding: Rounding, flags: &mut Flags) -> u64 {
    if is_nan::<F>(a) || is_nan::<F>(b) {
        return number::nan::<F>(&[a, b], flags);
    }
    match (is_infinite::<F>(a), is_infinite::<F>(b)) {
        (true, true) if a != b => return number::invalid::<F>(flags),
        (true, _) => return a,
        (_, true) => return b,
        (false, false) => {}
    }
    match (is_zero::<F>(a), is_zero::<F>(b)) {
        (true, true) if a == b => a,
        (true, true) => zero::<F>(rounding == Rounding::Down),
        (true, false) => b,
        (false, true) => a,
        (false, false) => match add_finite::<F>(a, b) {
            Some(sum) => round::<F>(sum, rounding, flags),
            None => zero::<F>(rounding == Rounding::Down),
        },
    }
}

/// The sum of two finite numbers other than zero, unless it is zero.
///
/// One bit of room is made for the carry, which leaves ten spare bits or more: shifting the smaller number by two or
/// more places keeps at least one exact bit below the rounding position and the sticky bit, since a difference then
/// loses at most one leading bit; and shifting it by less loses nothing.
#[inline]
fn add_finite<F: Format>(a: u64, b: u64) -> Option<Finite> {
    let (a, b) = if number::magnitude::<F>(a) >= number::magnitude::<F>(b) { (a, b) } else { (b, a) };
    let (large, small) = (Finite::new::<F>(a), Finite::new::<F>(b));
    let apart = (large.exponent - small.exponent) as u32;
    let aligned = shift_right_sticky(small.significand >> 1, apart);
    let whole = large.significand >> 1;
    let significand =
        if is_negative::<F>(a) == is_negative::<F>(b) { whole + aligned } else { whole - aligned };
    if significand == 0 {
        return None;
    }
    let shift = significand.leading_zeros();
    Some(Finite {
        negative: large.negative,
        exponent: large.exponent + 1 - shift as i32,
        significand: significand << shift,
    })
}
