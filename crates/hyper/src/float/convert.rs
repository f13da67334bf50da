//! From one format to the other.

use super::format::{Double, Format, Single};
use super::number::{self, Finite, is_infinite, is_nan, is_negative, is_plain, is_zero};
use super::round::round;
use super::{Flags, Rounding};

/// A number of binary32 in binary64, which holds all of them.
#[inline]
pub(super) fn widen(a: u64, flags: &mut Flags) -> u64 {
    if is_nan::<Single>(a) {
        return nan_of_other::<Single, Double>(a, flags);
    }
    f64::from(Single::host(a)).to_bits()
}

/// A number of binary64 in binary32.
///
/// If the host's result widens to the operand again it is exact, and the same in all modes. Else it is right for rounding
/// to nearest, and inexact; and if it is plain (see [`is_plain`]) there is nothing more to tell.
#[inline]
pub(super) fn narrow(a: u64, rounding: Rounding, flags: &mut Flags) -> u64 {
    let number = f64::from_bits(a);
    let result = number as f32;
    if f64::from(result) == number {
        return Single::bits(result);
    }
    if rounding == Rounding::Nearest && is_plain::<Single>(Single::bits(result)) {
        *flags |= Flags::INEXACT;
        return Single::bits(result);
    }
    narrow_carefully(a, rounding, flags)
}

#[cold]
#[inline(never)]
fn narrow_carefully(a: u64, rounding: Rounding, flags: &mut Flags) -> u64 {
    if is_nan::<Double>(a) {
        return nan_of_other::<Double, Single>(a, flags);
    }
    let negative = is_negative::<Double>(a);
    if is_infinite::<Double>(a) {
        return number::infinity::<Single>(negative);
    }
    if is_zero::<Double>(a) {
        return number::zero::<Single>(negative);
    }
    round::<Single>(Finite::new::<Double>(a), rounding, flags)
}

/// The NaN of one format that a NaN of another becomes.
#[cold]
fn nan_of_other<F: Format, G: Format>(a: u64, flags: &mut Flags) -> u64 {
    number::nan::<F>(&[a], flags);
    G::CANONICAL
}
