//! Single operations on words of memory, for harts of other hosts: [`Act`].

use std::sync::atomic::{Ordering, fence};

use borsh::{BorshDeserialize, BorshSerialize};

use super::raw::{HostPage, Words};
use super::{Memory, words};
use crate::GuestAddress;

/// What is done with a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Act {
    /// It is read.
    Load,
    /// This is written.
    Store(u64),
    /// It becomes what a function makes of it and of this.
    Change(Change, u64),
}

/// What atomic operations make of a word and another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Change {
    /// The other one.
    Swap,
    /// Their sum.
    Add,
    /// The bits that are set in one of them.
    Xor,
    /// The bits that are set in both.
    And,
    /// The bits that are set in any.
    Or,
    /// The lesser, with signs.
    Min,
    /// The greater, with signs.
    Max,
    /// The lesser.
    MinUnsigned,
    /// The greater.
    MaxUnsigned,
}

impl Change {
    /// The low bytes of this are the new word; of both words only the low bytes count.
    const fn of(self, old: u64, with: u64, width: u8) -> u64 {
        let (old, with) = match width {
            4 => (old as i32 as i64, with as i32 as i64),
            _ => (old as i64, with as i64),
        };
        // Words with their signs are in the same order without them, within their width.
        let (lesser, below) = (old < with, (old as u64) < with as u64);
        let new = match self {
            Self::Swap => with,
            Self::Add => old.wrapping_add(with),
            Self::Xor => old ^ with,
            Self::And => old & with,
            Self::Or => old | with,
            Self::Min => {
                if lesser {
                    old
                } else {
                    with
                }
            }
            Self::Max => {
                if lesser {
                    with
                } else {
                    old
                }
            }
            Self::MinUnsigned => {
                if below {
                    old
                } else {
                    with
                }
            }
            Self::MaxUnsigned => {
                if below {
                    with
                } else {
                    old
                }
            }
        };
        new as u64
    }
}

/// An aligned word of a page that may be used for as long as this is there.
#[derive(Debug)]
pub(crate) struct HeldWord<'a> {
    words: &'a Words,
    host: HostPage,
    offset: usize,
}

impl HeldWord<'_> {
    /// Its host address, which says only which word it is.
    pub(crate) fn number(&self) -> u64 {
        self.host.as_ptr().expose_provenance() as u64 + self.offset as u64
    }

    /// What it is.
    pub(crate) fn load(&self, width: u8) -> u64 {
        let mut bytes = [0; 8];
        fence(Ordering::SeqCst);
        words::read(self.words, self.offset, &mut bytes[..usize::from(width)]);
        fence(Ordering::SeqCst);
        u64::from_le_bytes(bytes)
    }

    /// Does what is to be done with it; what it was, if that is told.
    pub(crate) fn change(&self, act: Act, width: u8) -> u64 {
        match (act, width) {
            (Act::Load, _) => self.load(width),
            (Act::Store(value), _) => {
                fence(Ordering::SeqCst);
                words::write(self.words, self.offset, &value.to_le_bytes()[..usize::from(width)]);
                fence(Ordering::SeqCst);
                0
            }
            (Act::Change(change, with), 4) => {
                self.exchange(change, with, width, |old: u64| (old as u32).to_le_bytes())
            }
            (Act::Change(change, with), _) => self.exchange(change, with, width, u64::to_le_bytes),
        }
    }

    fn exchange<const N: usize>(
        &self,
        change: Change,
        with: u64,
        width: u8,
        bytes: impl Fn(u64) -> [u8; N],
    ) -> u64 {
        loop {
            let old = self.load(width);
            let new = change.of(old, with, width);
            if words::compare_exchange(self.words, self.offset, bytes(old), bytes(new)).is_ok() {
                return old;
            }
        }
    }
}

impl Memory {
    /// Does something with an aligned word if this host may write its page now, and without waiting for anybody; `None`
    /// if not. The page cannot be taken away meanwhile.
    pub(crate) fn operate<T>(
        &self,
        address: GuestAddress,
        writes: bool,
        act: impl FnOnce(&HeldWord<'_>) -> T,
    ) -> Option<T> {
        let (mut region, index) = self.region(address.page()).ok()?;
        let frame = region.as_deref_mut()?.usable(index, writes)?;
        let word = HeldWord { words: frame.words(), host: frame.host(), offset: address.offset() as usize };
        Some(act(&word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: Change, width: u8, old: u64, with: u64, new: u64) {
        assert_eq!(
            change.of(old, with, width) & (u64::MAX >> (64 - 8 * width)),
            new,
            "{change:?} of {width} bytes"
        );
    }

    #[test]
    fn changes_have_regard_for_signs_and_width() {
        let (minus, plus) = (0xffff_fff0, 0x10);
        check(Change::Min, 4, minus, plus, minus);
        check(Change::Min, 8, minus, plus, plus);
        check(Change::Max, 4, minus, plus, plus);
        check(Change::MinUnsigned, 4, minus, plus, plus);
        check(Change::MaxUnsigned, 4, minus, plus, minus);
        check(Change::MaxUnsigned, 4, plus, 0xffff_ffff_0000_0011, 0x11);
        check(Change::Min, 8, u64::MAX, 1, u64::MAX);
        check(Change::MinUnsigned, 8, u64::MAX, 1, 1);
        check(Change::Add, 4, 0xffff_ffff, 1, 0);
        check(Change::Add, 8, 0xffff_ffff, 1, 1 << 32);
        check(Change::Swap, 4, 7, u64::MAX, 0xffff_ffff);
        check(Change::Xor, 8, 6, 3, 5);
        check(Change::And, 8, 6, 3, 2);
        check(Change::Or, 8, 6, 3, 7);
    }
}
