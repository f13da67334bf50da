//! [`Format`]: how the bits of a number are laid out, and the host's type with the same layout.
//!
//! ```text
//! binary32   sign 1 | exponent  8 | fraction 23      bias   127
//! binary64   sign 1 | exponent 11 | fraction 52      bias 1,023
//! ```
//!
//! Both are kept in the low bits of a `u64`, so that everything else is written once.

use std::ops::{Add, Div, Mul, Sub};

/// A binary format of IEEE 754, and the host's arithmetic in it.
pub(super) trait Format {
    /// The host's type.
    type Host: Copy
        + PartialEq
        + PartialOrd
        + Add<Output = Self::Host>
        + Sub<Output = Self::Host>
        + Mul<Output = Self::Host>
        + Div<Output = Self::Host>;

    /// The bits of the fraction.
    const FRACTION_BITS: u32;
    /// The bits of the exponent.
    const EXPONENT_BITS: u32;

    /// The sign.
    const SIGN: u64 = 1 << (Self::FRACTION_BITS + Self::EXPONENT_BITS);
    /// The lowest bit of the exponent, which is also the bit that normal numbers leave unsaid.
    const UNIT: u64 = 1 << Self::FRACTION_BITS;
    /// All bits of the fraction.
    const FRACTION: u64 = Self::UNIT - 1;
    /// The highest bit of the fraction: set in a quiet NaN.
    const QUIET: u64 = Self::UNIT >> 1;
    /// The largest exponent as it is stored: that of infinity and NaN.
    const EXPONENT_MAX: i32 = (1 << Self::EXPONENT_BITS) - 1;
    /// What is added to an exponent to store it.
    const BIAS: i32 = Self::EXPONENT_MAX / 2;
    /// Plus infinity.
    const INFINITY: u64 = (Self::EXPONENT_MAX as u64) << Self::FRACTION_BITS;
    /// The NaN that operations return.
    const CANONICAL: u64 = Self::INFINITY | Self::QUIET;
    /// The bits below the fraction in a significand of 64 bits.
    const SPARE_BITS: u32 = 63 - Self::FRACTION_BITS;

    /// The host's number with these bits.
    fn host(bits: u64) -> Self::Host;
    /// The bits of a host's number.
    fn bits(host: Self::Host) -> u64;
    /// Its root.
    fn root(host: Self::Host) -> Self::Host;
    /// The number nearest to an integer.
    fn from_integer(integer: i64) -> Self::Host;
}

/// binary32.
pub(super) struct Single;

/// binary64.
pub(super) struct Double;

impl Format for Single {
    type Host = f32;

    const FRACTION_BITS: u32 = 23;
    const EXPONENT_BITS: u32 = 8;

    #[inline(always)]
    fn host(bits: u64) -> f32 {
        f32::from_bits(bits as u32)
    }

    #[inline(always)]
    fn bits(host: f32) -> u64 {
        u64::from(host.to_bits())
    }

    #[inline(always)]
    fn root(host: f32) -> f32 {
        host.sqrt()
    }

    #[inline(always)]
    fn from_integer(integer: i64) -> f32 {
        integer as f32
    }
}

impl Format for Double {
    type Host = f64;

    const FRACTION_BITS: u32 = 52;
    const EXPONENT_BITS: u32 = 11;

    #[inline(always)]
    fn host(bits: u64) -> f64 {
        f64::from_bits(bits)
    }

    #[inline(always)]
    fn bits(host: f64) -> u64 {
        host.to_bits()
    }

    #[inline(always)]
    fn root(host: f64) -> f64 {
        host.sqrt()
    }

    #[inline(always)]
    fn from_integer(integer: i64) -> f64 {
        integer as f64
    }
}
