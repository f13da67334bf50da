//! Reading what a computer can be made to run: executables in ELF, and kernels as Linux's `Image`.
//!
//! Nothing is written here. A [`Program`] tells which bytes belong where and where to begin, and promises that all of it
//! lies inside of the [`Place`] that it was read for; the caller writes it to memory. Files are not trusted: whatever one
//! says, it is read in time and memory proportional to its length, or refused with a reason.
//!
//! ```
//! use ironloom_hyper::GuestAddress;
//! use ironloom_hyper::load::{self, Place};
//!
//! let place = Place::new(GuestAddress::new(0x8000_0000), 128 << 20);
//! assert!(load::program(b"#!/bin/sh", &place).is_err());
//! ```

mod elf;
mod error;
mod image;
mod place;
mod program;
#[cfg(test)]
mod tests;

pub use self::elf::executable;
pub use error::LoadError;
pub use image::kernel;
pub use place::Place;
pub use program::{Program, Segment, Symbol};

/// Reads a file of either kind.
///
/// # Errors
///
/// If it is of neither kind, is damaged, or does not fit where it must go.
pub fn program<'a>(file: &'a [u8], place: &Place) -> Result<Program<'a>, LoadError> {
    if elf::is_one(file) { executable(file, place) } else { kernel(file, place) }
}
