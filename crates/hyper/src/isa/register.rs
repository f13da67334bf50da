//! [`Register`] and [`FloatRegister`]: the two files of 32, by number and by the names of the calling convention.

use std::fmt;

/// One of the 32 integer registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Register(u8);

/// One of the 32 floating registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FloatRegister(u8);

const NAMES: [&str; 32] = [
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5", "a6",
    "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
];

const FLOAT_NAMES: [&str; 32] = [
    "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0", "fa1", "fa2", "fa3", "fa4",
    "fa5", "fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8",
    "ft9", "ft10", "ft11",
];

macro_rules! numbered {
    ($kind:ident, $names:ident) => {
        impl $kind {
            /// The register with this number, of which only the low five bits count.
            #[must_use]
            pub const fn new(number: u8) -> Self {
                Self(number & 31)
            }

            /// Its number, below 32.
            #[must_use]
            pub const fn number(self) -> u8 {
                self.0
            }

            /// Its name in the calling convention.
            #[must_use]
            pub const fn name(self) -> &'static str {
                $names[self.0 as usize]
            }

            /// All 32.
            pub fn all() -> impl Iterator<Item = Self> {
                (0..32).map(Self)
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

numbered!(Register, NAMES);
numbered!(FloatRegister, FLOAT_NAMES);

/// The registers by name, to be imported all at once by those who write programs.
#[expect(missing_docs, reason = "the names are those of the calling convention")]
pub mod registers {
    use super::{FloatRegister, Register};

    macro_rules! names {
        ($kind:ident: $($name:ident)*) => { names!(@ $kind 0; $($name)*); };
        (@ $kind:ident $number:expr; $first:ident $($rest:ident)*) => {
            pub const $first: $kind = $kind::new($number);
            names!(@ $kind $number + 1; $($rest)*);
        };
        (@ $kind:ident $number:expr;) => {};
    }

    names!(Register: ZERO RA SP GP TP T0 T1 T2 S0 S1 A0 A1 A2 A3 A4 A5 A6 A7 S2 S3 S4 S5 S6 S7 S8 S9 S10 S11 T3 T4 T5 T6);
    names!(FloatRegister: FT0 FT1 FT2 FT3 FT4 FT5 FT6 FT7 FS0 FS1 FA0 FA1 FA2 FA3 FA4 FA5 FA6 FA7 FS2 FS3 FS4 FS5 FS6 FS7
        FS8 FS9 FS10 FS11 FT8 FT9 FT10 FT11);
}
