//! Comparisons, the smaller and the larger, signs and classes: nothing here is rounded.

use super::Flags;
use super::format::Format;
use super::number::{self, is_nan, is_negative, is_signalling, is_zero, magnitude};

/// Whether two numbers are equal; invalid only if one is a NaN that signals.
#[inline]
pub(super) fn eq<F: Format>(a: u64, b: u64, flags: &mut Flags) -> bool {
    let equal = F::host(a) == F::host(b);
    // Whatever is equal to something is no NaN.
    if !equal && (is_signalling::<F>(a) || is_signalling::<F>(b)) {
        *flags |= Flags::INVALID;
    }
    equal
}

/// Whether one number is less than another; invalid if one is a NaN.
#[inline]
pub(super) fn lt<F: Format>(a: u64, b: u64, flags: &mut Flags) -> bool {
    note_nan::<F>(a, b, flags);
    F::host(a) < F::host(b)
}

/// Whether one number is less than another or equal to it; invalid if one is a NaN.
#[inline]
pub(super) fn le<F: Format>(a: u64, b: u64, flags: &mut Flags) -> bool {
    note_nan::<F>(a, b, flags);
    F::host(a) <= F::host(b)
}

#[inline(always)]
fn note_nan<F: Format>(a: u64, b: u64, flags: &mut Flags) {
    if is_nan::<F>(a) || is_nan::<F>(b) {
        *flags |= Flags::INVALID;
    }
}

/// The smaller of two numbers, or the one that is a number; minus zero is smaller than plus zero.
#[inline]
pub(super) fn min<F: Format>(a: u64, b: u64, flags: &mut Flags) -> u64 {
    match not_numbers::<F>(a, b, flags) {
        Some(result) => result,
        None if is_below::<F>(a, b) => a,
        None => b,
    }
}

/// The larger of two numbers, or the one that is a number; plus zero is larger than minus zero.
#[inline]
pub(super) fn max<F: Format>(a: u64, b: u64, flags: &mut Flags) -> u64 {
    match not_numbers::<F>(a, b, flags) {
        Some(result) => result,
        None if is_below::<F>(a, b) => b,
        None => a,
    }
}

/// What the smaller and the larger of two operands are if not both are numbers.
#[inline(always)]
fn not_numbers<F: Format>(a: u64, b: u64, flags: &mut Flags) -> Option<u64> {
    let (first, second) = (is_nan::<F>(a), is_nan::<F>(b));
    if !first && !second {
        return None;
    }
    if is_signalling::<F>(a) || is_signalling::<F>(b) {
        *flags |= Flags::INVALID;
    }
    Some(match (first, second) {
        (true, true) => F::CANONICAL,
        (true, false) => b,
        _ => a,
    })
}

/// Whether one number is below another, with the zeros in order.
#[inline(always)]
fn is_below<F: Format>(a: u64, b: u64) -> bool {
    match (is_negative::<F>(a), is_negative::<F>(b)) {
        (false, false) => a < b,
        (true, true) => a > b,
        (first, _) => first,
    }
}

/// The class of a number as `fclass` tells it: one of ten bits.
#[inline]
pub(super) fn class<F: Format>(a: u64) -> u64 {
    let size = magnitude::<F>(a);
    if is_nan::<F>(a) {
        return if is_signalling::<F>(a) { 1 << 8 } else { 1 << 9 };
    }
    // Counted from the zero outwards.
    let distance = if size == F::INFINITY {
        3
    } else if is_zero::<F>(a) {
        0
    } else if number::exponent::<F>(a) == 0 {
        1
    } else {
        2
    };
    if is_negative::<F>(a) { 1 << (3 - distance) } else { 1 << (4 + distance) }
}

/// The first number with the sign of the second.
#[inline]
pub(super) fn sgnj<F: Format>(a: u64, b: u64) -> u64 {
    magnitude::<F>(a) | b & F::SIGN
}

/// The first number with the opposite of the sign of the second.
#[inline]
pub(super) fn sgnjn<F: Format>(a: u64, b: u64) -> u64 {
    magnitude::<F>(a) | !b & F::SIGN
}

/// The first number with its sign turned if the second is negative.
#[inline]
pub(super) fn sgnjx<F: Format>(a: u64, b: u64) -> u64 {
    a ^ b & F::SIGN
}
