//! [`Rounding`]: which of two neighbours stands for a number between them.

/// A rounding mode; its number is that of the `frm` field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Rounding {
    /// RNE: to the nearest, and of two equally near to the even one.
    #[default]
    Nearest = 0,
    /// RTZ: towards zero.
    Zero = 1,
    /// RDN: towards minus infinity.
    Down = 2,
    /// RUP: towards plus infinity.
    Up = 3,
    /// RMM: to the nearest, and of two equally near to the one further from zero.
    NearestMaxMagnitude = 4,
}

impl Rounding {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Nearest, Self::Zero, Self::Down, Self::Up, Self::NearestMaxMagnitude];

    /// The mode with this number, unless it is reserved.
    #[inline]
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(Self::Nearest),
            1 => Some(Self::Zero),
            2 => Some(Self::Down),
            3 => Some(Self::Up),
            4 => Some(Self::NearestMaxMagnitude),
            _ => None,
        }
    }

    /// Whether the larger magnitude is taken, where `rest` of the unit `2 * half` lies above the smaller one.
    #[inline]
    pub(super) const fn is_up(self, negative: bool, odd: bool, rest: u64, half: u64) -> bool {
        match self {
            Self::Nearest => rest > half || (rest == half && odd),
            Self::Zero => false,
            Self::Down => negative && rest != 0,
            Self::Up => !negative && rest != 0,
            Self::NearestMaxMagnitude => rest >= half,
        }
    }
}
