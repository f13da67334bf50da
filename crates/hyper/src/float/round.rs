//! The one place where the careful way rounds.

use super::format::Format;
use super::number::{Finite, infinity, shift_right_sticky, zero};
use super::{Flags, Rounding};

/// The number of the format that stands for this one.
#[inline]
pub(super) fn round<F: Format>(number: Finite, rounding: Rounding, flags: &mut Flags) -> u64 {
    let stored = number.exponent + F::BIAS;
    let sign = zero::<F>(number.negative);
    if stored <= 0 {
        return sign | round_tiny::<F>(number, stored, rounding, flags);
    }
    let (kept, inexact) = cut::<F>(number.significand, number.negative, rounding);
    if stored >= F::EXPONENT_MAX {
        return overflow::<F>(number.negative, rounding, flags);
    }
    // `kept` brings the unsaid bit along, hence one less; if rounding carried into the next power of two then the
    // fraction is zero and the carry goes where it belongs: into the exponent.
    let magnitude = ((stored as u64 - 1) << F::FRACTION_BITS) + kept;
    if magnitude >= F::INFINITY {
        return overflow::<F>(number.negative, rounding, flags);
    }
    if inexact {
        *flags |= Flags::INEXACT;
    }
    sign | magnitude
}

/// A significand without its spare bits, rounded, and whether that changed it.
#[inline(always)]
fn cut<F: Format>(significand: u64, negative: bool, rounding: Rounding) -> (u64, bool) {
    let kept = significand >> F::SPARE_BITS;
    let rest = significand & ((1 << F::SPARE_BITS) - 1);
    let up = rounding.is_up(negative, kept & 1 != 0, rest, 1 << (F::SPARE_BITS - 1));
    (kept + u64::from(up), rest != 0)
}

/// A magnitude below the smallest normal one.
///
/// Tiny after rounding means: rounded as if exponents had no end, it would still be below the smallest normal number.
/// That fails only for numbers just below it (`stored == 0`) whose significand carries over.
#[inline(never)]
fn round_tiny<F: Format>(number: Finite, stored: i32, rounding: Rounding, flags: &mut Flags) -> u64 {
    let carries = || cut::<F>(number.significand, number.negative, rounding).0 >> (F::FRACTION_BITS + 1) != 0;
    let is_tiny = stored < 0 || !carries();
    let shifted = shift_right_sticky(number.significand, (1 - stored) as u32);
    let (kept, inexact) = cut::<F>(shifted, number.negative, rounding);
    if inexact {
        *flags |= Flags::INEXACT;
        if is_tiny {
            *flags |= Flags::UNDERFLOW;
        }
    }
    kept
}

/// What stands for a magnitude beyond the largest.
#[cold]
fn overflow<F: Format>(negative: bool, rounding: Rounding, flags: &mut Flags) -> u64 {
    *flags |= Flags::OVERFLOW | Flags::INEXACT;
    let infinite = match rounding {
        Rounding::Nearest | Rounding::NearestMaxMagnitude => true,
        Rounding::Zero => false,
        Rounding::Down => negative,
        Rounding::Up => !negative,
    };
    infinity::<F>(negative) - u64::from(!infinite)
}
