//! Operands that find mistakes: ends of ranges, neighbours of powers of two, few bits set, near cancellations.

use ironloom_core::{Rng, Seed};

/// What an operand is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// binary32.
    Single,
    /// binary64.
    Double,
    /// An integer of 64 bits, of which an operation may take the lower 32.
    Integer,
}

impl Kind {
    fn fraction_bits(self) -> u32 {
        if self == Self::Single { 23 } else { 52 }
    }

    fn bits(self) -> u32 {
        if self == Self::Single { 32 } else { 64 }
    }

    fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits())
    }
}

/// A source of operands.
pub(super) struct Operands {
    rng: Rng,
    kind: Kind,
}

impl Operands {
    /// The operands of this kind that follow from a seed.
    pub(super) fn new(seed: u64, kind: Kind) -> Self {
        Self { rng: Rng::new(Seed::new(seed)), kind }
    }

    /// Three of them, often related.
    pub(super) fn triple(&mut self) -> [u64; 3] {
        let a = self.one();
        let b = if self.rng.chance(1, 4) { self.near(a) } else { self.one() };
        let c = match self.rng.below(4) {
            0 => self.near(self.product(a, b)),
            1 => self.near(b),
            _ => self.one(),
        };
        [a, b, c]
    }

    fn product(&self, a: u64, b: u64) -> u64 {
        match self.kind {
            Kind::Single => (f32::from_bits(a as u32) * f32::from_bits(b as u32)).to_bits().into(),
            Kind::Double => (f64::from_bits(a) * f64::from_bits(b)).to_bits(),
            Kind::Integer => a.wrapping_mul(b),
        }
    }

    /// Something within a few units of the last place or a few powers of two, of either sign.
    fn near(&mut self, bits: u64) -> u64 {
        let moved = match self.rng.below(3) {
            0 => bits,
            1 => bits.wrapping_add(self.rng.below(7)).wrapping_sub(3),
            _ => {
                let powers = self.rng.below(2 * u64::from(self.kind.fraction_bits()) + 6);
                let step = powers << self.kind.fraction_bits();
                if self.rng.chance(1, 2) { bits.wrapping_add(step) } else { bits.wrapping_sub(step) }
            }
        };
        let sign = u64::from(self.rng.chance(3, 4)) << (self.kind.bits() - 1);
        (moved ^ sign) & self.kind.mask()
    }

    fn one(&mut self) -> u64 {
        if self.kind == Kind::Integer {
            return self.integer();
        }
        let fraction_bits = self.kind.fraction_bits();
        let exponent_max = (1_u64 << (self.kind.bits() - 1 - fraction_bits)) - 1;
        let bias = exponent_max / 2;
        let exponent = match self.rng.below(12) {
            0 => 0,
            1 => self.rng.below(3),
            2 => exponent_max - self.rng.below(3),
            3 => bias + self.rng.below(70) - 5,
            4..8 => bias - 2 + self.rng.below(5),
            8 => (bias / 2).wrapping_add(self.rng.below(8)) - 4,
            9 => bias + bias / 2 + self.rng.below(8) - 4,
            _ => self.rng.below(exponent_max + 1),
        };
        let sign = u64::from(self.rng.chance(1, 2)) << (self.kind.bits() - 1);
        sign | exponent << fraction_bits | self.fraction(fraction_bits)
    }

    fn fraction(&mut self, bits: u32) -> u64 {
        let mask = (1_u64 << bits) - 1;
        let place = 1 << self.rng.below(u64::from(bits));
        (match self.rng.below(8) {
            0 => 0,
            1 => mask,
            2 => place,
            3 => place - 1,
            4 => mask ^ (place - 1),
            5 => place | 1,
            // As in an integer: the low bits are zero.
            6 => self.rng.next_u64() << self.rng.below(u64::from(bits)),
            _ => self.rng.next_u64(),
        }) & mask
    }

    fn integer(&mut self) -> u64 {
        let bits = self.rng.below(64);
        let magnitude = match self.rng.below(4) {
            0 => 1 << bits,
            1 => (1_u64 << bits).wrapping_sub(1),
            2 => (1 << bits) | (1 << self.rng.below(64)) | self.rng.below(2),
            _ => self.rng.next_u64() >> bits,
        };
        if self.rng.chance(1, 2) { magnitude } else { magnitude.wrapping_neg() }
    }
}
