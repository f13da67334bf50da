//! Boxes of NaN: how a register of 64 bits holds a number of 32.

/// The canonical NaN of 32 bits.
const CANONICAL: u32 = 0x7fc0_0000;

/// A number of 32 bits as a register of 64 holds it: all bits above it are ones.
#[inline]
#[must_use]
pub const fn box32(number: u32) -> u64 {
    0xffff_ffff_0000_0000 | number as u64
}

/// The number of 32 bits that a register holds: the canonical NaN if it holds none.
#[inline]
#[must_use]
pub const fn unbox32(register: u64) -> u32 {
    if register >> 32 == 0xffff_ffff { register as u32 } else { CANONICAL }
}
