//! What was lost, and how a connection gets over it (RFC 6675 and, without selective acknowledgements, RFC 6582).

use ironloom_core::Instant;

use super::super::{Config, Sequence};
use super::{Connection, Marks};
use crate::frame::Segment;

/// After so many acknowledgements of the same, what follows is lost.
const DUPLICATES: u16 = 3;

/// Whether something is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Nothing is known to be missing.
    Open,
    /// Something was overtaken by what was sent after it, and is sent again.
    Recovery,
    /// Nothing was heard for too long, and everything is sent again that is not known to have arrived.
    Loss,
}

impl Connection {
    /// How many bytes are on their way, as far as is known.
    #[inline]
    pub(super) fn flight(&self) -> u32 {
        let outstanding = self.next.since(self.oldest);
        if self.board.is_none() && self.duplicates == 0 {
            return outstanding;
        }
        let absent = self.board.as_ref().map_or(0, |board| board.absent_bytes());
        let overtaken = u32::from(self.duplicates) * u32::from(self.segment_bytes);
        outstanding.saturating_sub(absent).saturating_sub(overtaken)
    }

    /// Looks at an acknowledgement while something is missing, or that says that something is. `bytes` of it are new.
    #[cold]
    pub(super) fn recover(
        &mut self,
        now: Instant,
        config: &Config,
        segment: &Segment,
        bytes: u32,
        flight: u32,
    ) {
        let arrived = if self.marks.has(Marks::SELECTIVE) { self.select(config, segment) } else { 0 };
        if self.mode != Mode::Open && !self.oldest.is_before(self.recover_at) {
            self.mode = Mode::Open;
            self.duplicates = 0;
        }
        if !self.marks.has(Marks::SELECTIVE) {
            self.count_duplicates(bytes);
        }
        let segment_bytes = self.segment_bytes.into();
        if let Some(board) = &mut self.board {
            board.detect_lost(segment_bytes);
        }
        if self.mode == Mode::Open && self.lost_bytes() > 0 {
            self.enter_recovery(config, flight);
        } else if bytes > 0 && self.mode != Mode::Recovery {
            self.grow(now, config, bytes, flight);
        }
        if arrived > 0 {
            self.marks.clear(Marks::TAIL_PROBED);
            self.rearm(now, config);
        }
        self.board.take_if(|board| board.is_empty());
    }

    /// Something is lost: it is sent again, and less is on its way until everything arrived that is now.
    fn enter_recovery(&mut self, config: &Config, flight: u32) {
        self.mode = Mode::Recovery;
        self.recover_at = self.next;
        self.congestion.lose(config, flight, self.segment_bytes.into());
        self.marks.set(Marks::RESEND_DUE);
    }

    /// Whether something arrived that was sent after what is still waited for.
    pub(super) fn has_suspects(&self) -> bool {
        self.mode != Mode::Loss && self.board.as_ref().is_some_and(|board| board.has_suspects())
    }

    /// What was overtaken had time enough to come: it is lost (RFC 8985, in short).
    pub(super) fn lose_suspects(&mut self, config: &Config) {
        let flight = self.flight();
        if let Some(board) = &mut self.board {
            board.lose_suspects();
        }
        if self.mode == Mode::Open {
            self.enter_recovery(config, flight);
        }
    }

    pub(super) fn lost_bytes(&self) -> u32 {
        self.board.as_ref().map_or(0, |board| board.lost_bytes())
    }

    /// Takes the ranges that are said to have arrived; how many bytes of them are new.
    fn select(&mut self, config: &Config, segment: &Segment) -> u32 {
        let ranges = segment.options.received.as_deref().unwrap_or_default();
        let mut arrived = 0;
        for &(start, end) in ranges.iter().take(4) {
            let (start, end) = (Sequence::new(start), Sequence::new(end));
            let is_sane = start.is_before(end) && !start.is_before(self.oldest) && !end.is_after(self.next);
            if is_sane {
                let board = self.board.get_or_insert_default();
                arrived += board.select(self.oldest, start, end, config.scoreboard_ranges_max.into());
            }
        }
        arrived
    }

    /// Without selective acknowledgements: so many of the same mean that what follows is lost.
    fn count_duplicates(&mut self, bytes: u32) {
        let segment_bytes = u32::from(self.segment_bytes);
        let is_lost = if bytes > 0 {
            // What is acknowledged now is what had arrived when the others came.
            let segments = u16::try_from(bytes.div_ceil(segment_bytes)).unwrap_or(u16::MAX);
            self.duplicates =
                if self.mode == Mode::Recovery { self.duplicates.saturating_sub(segments) } else { 0 };
            self.mode == Mode::Recovery
        } else {
            self.mode == Mode::Open
                && self.duplicates >= DUPLICATES
                && !self.oldest.is_before(self.recover_at)
        };
        if is_lost && self.oldest != self.next {
            let end = self.oldest.plus(segment_bytes).earlier(self.next);
            self.board.get_or_insert_default().lose_until(self.oldest, end);
            self.marks.set(Marks::RESEND_DUE);
        }
    }

    /// Nothing was heard for too long: all that is not known to have arrived is sent again, at first one segment.
    pub(super) fn lose_all(&mut self, config: &Config) {
        let (flight, segment_bytes) = (self.flight(), u32::from(self.segment_bytes));
        let is_first = self.mode != Mode::Loss;
        let board = self.board.get_or_insert_default();
        if board.is_contradicted() || self.in_vain > 1 {
            board.distrust();
        }
        board.lose_until(self.oldest, self.next);
        self.duplicates = 0;
        self.congestion.collapse(config, flight, segment_bytes, is_first);
        self.mode = Mode::Loss;
        self.recover_at = self.next;
        self.marks.clear(Marks::TIMED);
        self.marks.set(Marks::RESEND_DUE);
    }
}
