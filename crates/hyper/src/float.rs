//! Floating point as RISC-V has it: IEEE 754 binary32 and binary64, bit for bit.
//!
//! Every function is a pure function of raw bits and a [`Rounding`]; what it finds out is added to [`Flags`].
//! NaN results are canonical, tininess is detected after rounding, conversions to integers saturate.
//! A register of 64 bits holds a number of 32 bits in a box: see [`box32`] and [`unbox32`].
//!
//! # Two ways to every result
//!
//! The *careful* way takes numbers apart, computes with integers, and rounds once, in `round.rs`; it decides alone.
//! The *quick* way asks the host, whose arithmetic Rust promises to be IEEE 754's with rounding to nearest even.
//! It is taken only where a comment beside it proves that result and flags are those of the careful way:
//! where "inexact" is set already, or where the error of the host's result is itself computed without error.
//! Which way was taken never shows in a result, so that machines agree on all hosts.
//!
//! ```
//! use ironloom_hyper::float::{self, Flags, Rounding};
//!
//! let mut flags = Flags::NONE;
//! let third = float::div64(1.0_f64.to_bits(), 3.0_f64.to_bits(), Rounding::Nearest, &mut flags);
//! assert_eq!(f64::from_bits(third), 1.0 / 3.0);
//! assert_eq!(flags, Flags::INEXACT);
//! ```

mod add;
mod boxed;
mod compare;
mod convert;
mod divide;
mod flags;
mod format;
mod fused;
mod integer;
mod multiply;
mod names;
mod number;
mod root;
mod round;
mod rounding;

#[cfg(test)]
mod tests;

pub use boxed::{box32, unbox32};
pub use flags::Flags;
pub use names::*;
pub use rounding::Rounding;
