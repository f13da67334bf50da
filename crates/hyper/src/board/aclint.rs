//! [`Aclint`]: software interrupts between harts, and the timer of each.
//!
//! ```text
//! 0x0000 + 4 × hart   msip       1 asks for a software interrupt
//! 0x4000 + 8 × hart   mtimecmp   when the timer of the hart is due
//! 0xbff8              mtime      what the time is
//! ```
//!
//! The time is what the caller says it is, in ticks, and an offset that a guest may write.

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::Instant;

use super::layout::TICK_NANOS;

const TIMERS: u64 = 0x4000;
const TIME: u64 = 0xBFF8;

/// The timers and software interrupts of a board.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Aclint {
    /// What is added to the ticks since the beginning.
    offset: u64,
    /// Of each hart, when its timer is due.
    due: Vec<u64>,
    /// The harts that are asked to look.
    software: u64,
    /// The harts whose timers were due when somebody last looked.
    fired: u64,
}

impl Aclint {
    pub(super) fn new(harts: u16) -> Self {
        Self { offset: 0, due: vec![u64::MAX; usize::from(harts)], software: 0, fired: 0 }
    }

    /// The number of harts.
    pub(super) fn harts(&self) -> usize {
        self.due.len()
    }

    /// The time in ticks.
    pub(super) fn ticks(&self, now: Instant) -> u64 {
        (now.as_nanos() / TICK_NANOS).wrapping_add(self.offset)
    }

    /// The harts with a software interrupt.
    pub(super) fn software(&self) -> u64 {
        self.software
    }

    /// The harts with a timer interrupt.
    pub(super) fn fired(&self) -> u64 {
        self.fired
    }

    /// Looks which timers are due.
    pub(super) fn advance(&mut self, now: Instant) {
        let ticks = self.ticks(now);
        let due = self.due.iter().enumerate();
        self.fired = due.fold(0, |fired, (hart, due)| fired | u64::from(ticks >= *due) << hart);
    }

    /// When the next timer is due that is not.
    pub(super) fn next_event(&self) -> Option<Instant> {
        let waiting = self.due.iter().enumerate().filter(|(hart, _)| self.fired >> hart & 1 == 0);
        let ticks = waiting.filter_map(|(_, due)| due.checked_sub(self.offset)).min()?;
        ticks.checked_mul(TICK_NANOS).map(Instant::from_nanos)
    }

    /// Reads a register; `None` if there is none of this width.
    pub(super) fn read(&self, now: Instant, offset: u64, width: u8) -> Option<u64> {
        if let (Some(hart), 4) = (self.hart(offset, 0, 4), width) {
            return Some(self.software >> hart & 1);
        }
        let (register, shift) = match self.hart(offset, TIMERS, 8) {
            Some(hart) => (self.due[hart], offset % 8),
            None if offset & !4 == TIME => (self.ticks(now), offset % 8),
            None => return self.is_reserved(offset, width).then_some(0),
        };
        match (width, shift) {
            (8, 0) => Some(register),
            (4, 0 | 4) => Some(register >> (shift * 8) & 0xFFFF_FFFF),
            _ => None,
        }
    }

    /// Writes a register; `None` if there is none of this width.
    pub(super) fn write(&mut self, now: Instant, offset: u64, width: u8, value: u64) -> Option<()> {
        if let (Some(hart), 4) = (self.hart(offset, 0, 4), width) {
            self.software = self.software & !(1 << hart) | (value & 1) << hart;
            return Some(());
        }
        let before = match self.hart(offset, TIMERS, 8) {
            Some(hart) => self.due[hart],
            None if offset & !4 == TIME => self.ticks(now),
            None => return self.is_reserved(offset, width).then_some(()),
        };
        let after = match (width, offset % 8) {
            (8, 0) => value,
            (4, 0) => before & !0xFFFF_FFFF | value & 0xFFFF_FFFF,
            (4, 4) => before & 0xFFFF_FFFF | value << 32,
            _ => return None,
        };
        match self.hart(offset, TIMERS, 8) {
            Some(hart) => self.due[hart] = after,
            None => self.offset = after.wrapping_sub(now.as_nanos() / TICK_NANOS),
        }
        self.advance(now);
        Some(())
    }

    /// Which hart's register is at an offset, of those that begin at `first` and have so many bytes each.
    fn hart(&self, offset: u64, first: u64, bytes: u64) -> Option<usize> {
        let hart = usize::try_from(offset.checked_sub(first)? / bytes).ok()?;
        (hart < self.due.len()).then_some(hart)
    }

    /// Whether a place is empty, and reads as zero: registers of harts that there are not.
    fn is_reserved(&self, offset: u64, width: u8) -> bool {
        matches!(width, 4 | 8)
            && offset.is_multiple_of(u64::from(width))
            && offset >= 4 * self.due.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ticks: u64) -> Instant {
        Instant::from_nanos(ticks * TICK_NANOS)
    }

    #[test]
    fn a_timer_is_due_at_its_tick_and_not_before() {
        let mut aclint = Aclint::new(2);
        assert_eq!(aclint.next_event(), None);
        aclint.write(at(5), TIMERS + 8, 8, 100).unwrap();
        assert_eq!(aclint.next_event(), Some(at(100)));
        aclint.advance(at(99));
        assert_eq!(aclint.fired(), 0);
        aclint.advance(at(100));
        assert_eq!(aclint.fired(), 0b10);
        assert_eq!(aclint.next_event(), None);
        aclint.write(at(101), TIMERS + 12, 4, 1).unwrap();
        assert_eq!(aclint.fired(), 0);
        assert_eq!(aclint.read(at(101), TIMERS + 8, 8), Some((1 << 32) + 100));
    }

    #[test]
    fn a_guest_may_set_the_time() {
        let mut aclint = Aclint::new(1);
        aclint.write(at(1_000), TIME, 8, 5).unwrap();
        assert_eq!(aclint.read(at(1_002), TIME, 8), Some(7));
        aclint.write(at(1_002), TIME + 4, 4, 1).unwrap();
        assert_eq!(aclint.read(at(1_003), TIME + 4, 4), Some(1));
        assert_eq!(aclint.read(at(1_003), TIME, 4), Some(8));
        aclint.write(at(1_003), TIMERS, 8, (1 << 32) + 108).unwrap();
        assert_eq!(aclint.next_event(), Some(at(1_103)));
    }

    #[test]
    fn software_interrupts_are_one_bit_each() {
        let mut aclint = Aclint::new(3);
        aclint.write(at(0), 8, 4, 0xFFFF_FFFF).unwrap();
        assert_eq!((aclint.software(), aclint.read(at(0), 8, 4)), (0b100, Some(1)));
        aclint.write(at(0), 8, 4, 2).unwrap();
        assert_eq!(aclint.software(), 0);
    }

    #[test]
    fn other_widths_are_refused() {
        let mut aclint = Aclint::new(1);
        for (offset, width) in [(0, 8), (0, 1), (TIMERS, 2), (TIMERS + 4, 8), (TIME + 1, 4), (0x8001, 4)] {
            assert_eq!(aclint.read(at(0), offset, width), None, "{offset:#x}");
            assert_eq!(aclint.write(at(0), offset, width, 0), None, "{offset:#x}");
        }
        assert_eq!(aclint.read(at(0), 0x8000, 4), Some(0));
    }
}
