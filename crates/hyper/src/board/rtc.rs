//! [`Rtc`]: the clock that tells the time of day, as in Android's goldfish board.
//!
//! The time is the instant of the machine plus what the day was when it began; nothing reads the host's clock.

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::Instant;

const TIME_LOW: u64 = 0x00;
const TIME_HIGH: u64 = 0x04;
const ALARM_LOW: u64 = 0x08;
const ALARM_HIGH: u64 = 0x0C;
const ENABLED: u64 = 0x10;
const CLEAR_ALARM: u64 = 0x14;
const ALARM_STATUS: u64 = 0x18;
const CLEAR_INTERRUPT: u64 = 0x1C;
const REGISTERS: u64 = 0x20;

/// The clock of a board.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Rtc {
    /// The nanoseconds since 1970 when the machine began.
    epoch: u64,
    /// The upper half of the time when its lower half was read.
    latched: u32,
    /// The upper half of what is to be written.
    written: u32,
    alarm: Option<u64>,
    /// Whether the alarm went off and nobody has said that they heard.
    rang: bool,
    enabled: bool,
}

impl Rtc {
    pub(super) fn new(epoch: u64) -> Self {
        Self { epoch, ..Self::default() }
    }

    /// Whether it interrupts.
    pub(super) fn level(&self) -> bool {
        self.rang && self.enabled
    }

    fn time(&self, now: Instant) -> u64 {
        self.epoch.wrapping_add(now.as_nanos())
    }

    /// When its alarm goes off.
    pub(super) fn next_event(&self) -> Option<Instant> {
        Some(Instant::from_nanos(self.alarm?.saturating_sub(self.epoch)))
    }

    /// Lets the alarm go off if it is due.
    pub(super) fn advance(&mut self, now: Instant) {
        if self.alarm.is_some_and(|alarm| self.time(now) >= alarm) {
            self.alarm = None;
            self.rang = true;
        }
    }

    /// Reads a register; `None` if there is none of this width.
    pub(super) fn read(&mut self, now: Instant, offset: u64, width: u8) -> Option<u64> {
        is_register(offset, width)?;
        Some(match offset {
            TIME_LOW => {
                let time = self.time(now);
                self.latched = (time >> 32) as u32;
                time & 0xFFFF_FFFF
            }
            TIME_HIGH => u64::from(self.latched),
            ALARM_LOW => self.alarm.unwrap_or(0) & 0xFFFF_FFFF,
            ALARM_HIGH => self.alarm.unwrap_or(0) >> 32,
            ENABLED => u64::from(self.enabled),
            ALARM_STATUS => u64::from(self.alarm.is_some()),
            _ => 0,
        })
    }

    /// Writes a register; `None` if there is none of this width.
    pub(super) fn write(&mut self, now: Instant, offset: u64, width: u8, value: u32) -> Option<()> {
        is_register(offset, width)?;
        let whole = u64::from(self.written) << 32 | u64::from(value);
        match offset {
            TIME_HIGH | ALARM_HIGH => self.written = value,
            TIME_LOW => self.epoch = whole.wrapping_sub(now.as_nanos()),
            ALARM_LOW => self.alarm = Some(whole),
            ENABLED => self.enabled = value & 1 != 0,
            CLEAR_ALARM => self.alarm = None,
            CLEAR_INTERRUPT => self.rang = false,
            _ => {}
        }
        self.advance(now);
        Some(())
    }
}

fn is_register(offset: u64, width: u8) -> Option<()> {
    (width == 4 && offset.is_multiple_of(4) && offset < REGISTERS).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_that_of_the_machine_and_can_be_set() {
        let mut rtc = Rtc::new(7 << 32);
        let now = Instant::from_nanos(12);
        assert_eq!((rtc.read(now, TIME_LOW, 4), rtc.read(now, TIME_HIGH, 4)), (Some(12), Some(7)));
        rtc.write(now, TIME_HIGH, 4, 9).unwrap();
        rtc.write(now, TIME_LOW, 4, 5).unwrap();
        let later = Instant::from_nanos(13);
        assert_eq!((rtc.read(later, TIME_LOW, 4), rtc.read(later, TIME_HIGH, 4)), (Some(6), Some(9)));
    }

    #[test]
    fn an_alarm_interrupts_when_it_is_due() {
        let mut rtc = Rtc::new(1_000);
        rtc.write(Instant::ZERO, ENABLED, 4, 1).unwrap();
        rtc.write(Instant::ZERO, ALARM_HIGH, 4, 0).unwrap();
        rtc.write(Instant::ZERO, ALARM_LOW, 4, 1_500).unwrap();
        assert_eq!(rtc.next_event(), Some(Instant::from_nanos(500)));
        rtc.advance(Instant::from_nanos(499));
        assert!(!rtc.level());
        rtc.advance(Instant::from_nanos(500));
        assert!(rtc.level());
        assert_eq!(rtc.next_event(), None);
        rtc.write(Instant::from_nanos(501), CLEAR_INTERRUPT, 4, 0).unwrap();
        assert!(!rtc.level());
    }

    #[test]
    fn other_widths_are_refused() {
        let mut rtc = Rtc::new(0);
        assert_eq!(rtc.read(Instant::ZERO, 0, 8), None);
        assert_eq!(rtc.read(Instant::ZERO, 0x20, 4), None);
        assert_eq!(rtc.write(Instant::ZERO, 2, 4, 0), None);
    }
}
