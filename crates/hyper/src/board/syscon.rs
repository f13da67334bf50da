//! [`Ending`] and the register that asks for one, as in SiFive's test finisher.

use borsh::{BorshDeserialize, BorshSerialize};

/// How a machine asks to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Ending {
    /// It wants to be off.
    PowerOff {
        /// What it says of itself: 0 if all is well.
        code: u16,
    },
    /// It wants to begin again.
    Reset,
}

/// What powers off with success.
pub(super) const PASS: u32 = 0x5555;
/// What resets.
pub(super) const RESET: u32 = 0x7777;
/// What powers off with the code in the upper half.
const FAIL: u32 = 0x3333;

/// What a write of this value to the register asks for.
pub(super) fn ending(value: u32) -> Option<Ending> {
    match value & 0xFFFF {
        PASS => Some(Ending::PowerOff { code: 0 }),
        FAIL => Some(Ending::PowerOff { code: (value >> 16) as u16 }),
        RESET => Some(Ending::Reset),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_ask_for_endings() {
        assert_eq!(ending(0x5555), Some(Ending::PowerOff { code: 0 }));
        assert_eq!(ending(0x0007_3333), Some(Ending::PowerOff { code: 7 }));
        assert_eq!(ending(0x7777), Some(Ending::Reset));
        assert_eq!(ending(0), None);
    }
}
