//! The operations by name: what it does, then the bits of the format, as in [`add64`].

use super::format::{Double, Single};
use super::integer::{Range, cut_quickly, from_integer_quickly, to_integer};
use super::{Flags, Rounding, add, compare, convert, divide, fused, multiply, root};

/// Operations with two operands that are rounded.
macro_rules! rounded {
    ($($(#[$doc:meta])* $single:ident $double:ident = $module:ident :: $function:ident;)*) => {$(
        $(#[$doc])*
        #[inline]
        #[must_use]
        pub fn $single(a: u32, b: u32, rounding: Rounding, flags: &mut Flags) -> u32 {
            $module::$function::<Single>(a.into(), b.into(), rounding, flags) as u32
        }

        $(#[$doc])*
        #[inline]
        #[must_use]
        pub fn $double(a: u64, b: u64, rounding: Rounding, flags: &mut Flags) -> u64 {
            $module::$function::<Double>(a, b, rounding, flags)
        }
    )*};
}

rounded! {
    /// `a + b`.
    add32 add64 = add::add;
    /// `a - b`.
    sub32 sub64 = add::sub;
    /// `a * b`.
    mul32 mul64 = multiply::mul;
    /// `a / b`.
    div32 div64 = divide::div;
}

/// The square root of `a`.
#[inline]
#[must_use]
pub fn sqrt32(a: u32, rounding: Rounding, flags: &mut Flags) -> u32 {
    root::sqrt::<Single>(a.into(), rounding, flags) as u32
}

/// The square root of `a`.
#[inline]
#[must_use]
pub fn sqrt64(a: u64, rounding: Rounding, flags: &mut Flags) -> u64 {
    root::sqrt::<Double>(a, rounding, flags)
}

/// The four products with an addend, rounded once; the first sign is that of the product, the second that of `c`.
macro_rules! fused {
    ($($(#[$doc:meta])* $single:ident $double:ident = $product:literal $addend:literal;)*) => {$(
        $(#[$doc])*
        #[inline]
        #[must_use]
        pub fn $single(a: u32, b: u32, c: u32, rounding: Rounding, flags: &mut Flags) -> u32 {
            let (a, c) = (a ^ $product << 31, c ^ $addend << 31);
            fused::fma_single(a.into(), b.into(), c.into(), rounding, flags) as u32
        }

        $(#[$doc])*
        #[inline]
        #[must_use]
        pub fn $double(a: u64, b: u64, c: u64, rounding: Rounding, flags: &mut Flags) -> u64 {
            fused::fma_double(a ^ $product << 63, b, c ^ $addend << 63, rounding, flags)
        }
    )*};
}

fused! {
    /// `a * b + c`: `fmadd`.
    fma32 fma64 = 0 0;
    /// `a * b - c`: `fmsub`.
    fmsub32 fmsub64 = 0 1;
    /// `-(a * b) + c`: `fnmsub`.
    fnmsub32 fnmsub64 = 1 0;
    /// `-(a * b) - c`: `fnmadd`.
    fnmadd32 fnmadd64 = 1 1;
}

/// Comparisons: they may be invalid.
macro_rules! compared {
    ($($(#[$doc:meta])* $single:ident $double:ident = $function:ident;)*) => {$(
        $(#[$doc])*
        #[inline]
        #[must_use]
        pub fn $single(a: u32, b: u32, flags: &mut Flags) -> bool {
            compare::$function::<Single>(a.into(), b.into(), flags)
        }

        $(#[$doc])*
        #[inline]
        #[must_use]
        pub fn $double(a: u64, b: u64, flags: &mut Flags) -> bool {
            compare::$function::<Double>(a, b, flags)
        }
    )*};
}

compared! {
    /// Whether `a` and `b` are equal: invalid only if a NaN signals.
    eq32 eq64 = eq;
    /// Whether `a` is less than `b`: invalid if either is a NaN.
    lt32 lt64 = lt;
    /// Whether `a` is not more than `b`: invalid if either is a NaN.
    le32 le64 = le;
}

/// One of two operands: invalid if a NaN signals.
macro_rules! chosen {
    ($($(#[$doc:meta])* $single:ident $double:ident = $function:ident;)*) => {$(
        $(#[$doc])*
        #[inline]
        #[must_use]
        pub fn $single(a: u32, b: u32, flags: &mut Flags) -> u32 {
            compare::$function::<Single>(a.into(), b.into(), flags) as u32
        }

        $(#[$doc])*
        #[inline]
        #[must_use]
        pub fn $double(a: u64, b: u64, flags: &mut Flags) -> u64 {
            compare::$function::<Double>(a, b, flags)
        }
    )*};
}

chosen! {
    /// The smaller of `a` and `b`; a number rather than a NaN, minus zero rather than plus zero.
    min32 min64 = min;
    /// The larger of `a` and `b`; a number rather than a NaN, plus zero rather than minus zero.
    max32 max64 = max;
}

/// What only moves a sign.
macro_rules! signs {
    ($($(#[$doc:meta])* $single:ident $double:ident = $function:ident;)*) => {$(
        $(#[$doc])*
        #[inline]
        #[must_use]
        pub fn $single(a: u32, b: u32) -> u32 {
            compare::$function::<Single>(a.into(), b.into()) as u32
        }

        $(#[$doc])*
        #[inline]
        #[must_use]
        pub fn $double(a: u64, b: u64) -> u64 {
            compare::$function::<Double>(a, b)
        }
    )*};
}

signs! {
    /// `a` with the sign of `b`: `fsgnj`.
    sgnj32 sgnj64 = sgnj;
    /// `a` with the opposite of the sign of `b`: `fsgnjn`.
    sgnjn32 sgnjn64 = sgnjn;
    /// `a` with its sign turned if `b` is negative: `fsgnjx`.
    sgnjx32 sgnjx64 = sgnjx;
}

/// The class of `a`: one of ten bits, in the order of `fclass`.
#[inline]
#[must_use]
pub fn class32(a: u32) -> u64 {
    compare::class::<Single>(a.into())
}

/// The class of `a`: one of ten bits, in the order of `fclass`.
#[inline]
#[must_use]
pub fn class64(a: u64) -> u64 {
    compare::class::<Double>(a)
}

/// `a` in binary64: exact.
#[inline]
#[must_use]
pub fn convert_32_to_64(a: u32, flags: &mut Flags) -> u64 {
    convert::widen(a.into(), flags)
}

/// `a` in binary32.
#[inline]
#[must_use]
pub fn convert_64_to_32(a: u64, rounding: Rounding, flags: &mut Flags) -> u32 {
    convert::narrow(a, rounding, flags) as u32
}

/// Conversions to integers: out of range is invalid and gives the nearest integer, a NaN gives the greatest one.
macro_rules! to_integers {
    ($($integer:ident $range:ident $from_single:ident $from_double:ident;)*) => {$(
        /// `a` as an integer; out of range is invalid and gives the nearest one, a NaN gives the greatest.
        #[inline]
        #[must_use]
        pub fn $from_single(a: u32, rounding: Rounding, flags: &mut Flags) -> $integer {
            let mut found = *flags;
            let quick = cut_quickly(f64::from(f32::from_bits(a)), rounding, &mut found);
            if let Some(integer) = quick.and_then(|integer| $integer::try_from(integer).ok()) {
                *flags = found;
                return integer;
            }
            to_integer::<Single>(a.into(), Range::$range, rounding, flags) as $integer
        }

        /// `a` as an integer; out of range is invalid and gives the nearest one, a NaN gives the greatest.
        #[inline]
        #[must_use]
        pub fn $from_double(a: u64, rounding: Rounding, flags: &mut Flags) -> $integer {
            let mut found = *flags;
            let quick = cut_quickly(f64::from_bits(a), rounding, &mut found);
            if let Some(integer) = quick.and_then(|integer| $integer::try_from(integer).ok()) {
                *flags = found;
                return integer;
            }
            to_integer::<Double>(a, Range::$range, rounding, flags) as $integer
        }
    )*};
}

to_integers! {
    i32 I32 to_i32_from_32 to_i32_from_64;
    u32 U32 to_u32_from_32 to_u32_from_64;
    i64 I64 to_i64_from_32 to_i64_from_64;
    u64 U64 to_u64_from_32 to_u64_from_64;
}

/// Conversions from integers.
macro_rules! from_integers {
    ($($integer:ident $to_single:ident $to_double:ident;)*) => {$(
        /// The integer as a number.
        #[inline]
        #[must_use]
        pub fn $to_single(integer: $integer, rounding: Rounding, flags: &mut Flags) -> u32 {
            from_integer_quickly::<Single>(integer.into(), rounding, flags) as u32
        }

        /// The integer as a number.
        #[inline]
        #[must_use]
        pub fn $to_double(integer: $integer, rounding: Rounding, flags: &mut Flags) -> u64 {
            from_integer_quickly::<Double>(integer.into(), rounding, flags)
        }
    )*};
}

from_integers! {
    i32 from_i32_to_32 from_i32_to_64;
    u32 from_u32_to_32 from_u32_to_64;
    i64 from_i64_to_32 from_i64_to_64;
    u64 from_u64_to_32 from_u64_to_64;
}
