//! What the other side says about what we sent: what arrived, and how much more it takes.

use ironloom_core::Instant;

use super::super::congestion::Progress;
use super::super::{Config, Sequence};
use super::{Connection, Marks, Mode, State, Timer};
use crate::Readiness;
use crate::frame::Segment;

impl Connection {
    /// Takes the acknowledgement and the window of a segment. Whether the rest of it is to be looked at.
    #[inline]
    pub(super) fn acknowledge(&mut self, now: Instant, config: &Config, segment: &Segment) -> bool {
        let acknowledgement = Sequence::new(segment.acknowledgement);
        if acknowledgement.is_after(self.next)
            || acknowledgement.is_before(self.oldest.minus(self.window_max.max(1)))
        {
            self.challenge(now, config);
            return false;
        }
        let has_moved = self.update_window(segment, acknowledgement);
        let is_plain = self.mode == Mode::Open
            && self.board.is_none()
            && segment.options.received.is_none()
            && self.duplicates == 0;
        let flight = self.flight();
        let bytes = acknowledgement.since(self.oldest);
        if acknowledgement.is_after(self.oldest) {
            self.advance(now, config, acknowledgement);
            if is_plain {
                self.grow(now, config, bytes, flight);
            } else {
                self.recover(now, config, segment, bytes, flight);
            }
            self.rearm(now, config);
        } else if !is_plain || (acknowledgement == self.oldest && self.next != self.oldest) {
            self.hear_again(now, config, segment, has_moved, flight);
        }
        true
    }

    /// Takes the window, if nothing newer said another one. Whether it is another one.
    #[inline]
    fn update_window(&mut self, segment: &Segment, acknowledgement: Sequence) -> bool {
        let sequence = Sequence::new(segment.sequence);
        let is_newer = self.window_sequence.is_before(sequence)
            || (self.window_sequence == sequence && !acknowledgement.is_before(self.window_acknowledgement));
        if !is_newer || acknowledgement.is_before(self.oldest) {
            return false;
        }
        let window = u32::from(segment.window) << self.window_shift;
        let has_moved = window != self.window;
        self.window = window;
        self.window_max = self.window_max.max(window);
        (self.window_sequence, self.window_acknowledgement) = (sequence, acknowledgement);
        if self.timer == Timer::Persist && window > 0 && has_moved {
            // It was waited for; what fits is sent now, or waited for anew.
            (self.timer, self.retransmit_at, self.in_vain) = (Timer::Retransmit, Instant::MAX, 0);
        }
        has_moved
    }

    /// Everything before `acknowledgement`, which is new, arrived.
    #[inline]
    fn advance(&mut self, now: Instant, config: &Config, acknowledgement: Sequence) {
        if self.marks.has(Marks::TIMED) && !acknowledgement.is_before(self.timed) {
            self.measured(now);
        }
        // Our finish has a number, but is no byte.
        let bytes = acknowledgement.since(self.oldest).min(self.outgoing.len());
        self.outgoing.advance(bytes);
        self.oldest = acknowledgement;
        self.in_vain = 0;
        self.progress_at = now;
        self.rumour = None;
        self.marks.clear(Marks::TAIL_PROBED);
        if let Some(board) = &mut self.board {
            board.acknowledge(acknowledgement);
        }
        if self.marks.has(Marks::CROWDED) && self.outgoing.len() <= config.send_bytes_max / 4 * 3 {
            self.marks.clear(Marks::CROWDED);
            self.readiness |= Readiness::WRITABLE;
        }
        if self.marks.has(Marks::FINISH_SENT) && acknowledgement == self.next {
            self.finish_arrived(now, config);
        }
    }

    /// Nothing new was acknowledged, but something else may be said.
    fn hear_again(&mut self, now: Instant, config: &Config, segment: &Segment, has_moved: bool, flight: u32) {
        let is_again = Sequence::new(segment.acknowledgement) == self.oldest
            && segment.payload.is_empty()
            && !has_moved
            && self.next != self.oldest;
        if is_again && !self.marks.has(Marks::SELECTIVE) {
            self.duplicates = self.duplicates.saturating_add(1);
        }
        self.recover(now, config, segment, 0, flight);
    }

    /// Nothing is missing, so more may be on its way.
    #[inline]
    pub(super) fn grow(&mut self, now: Instant, config: &Config, bytes: u32, flight: u32) {
        let segment_bytes = self.segment_bytes.into();
        let round_trip = self.round_trip.mean().unwrap_or_default();
        self.congestion.grow(config, Progress { now, bytes, flight, segment_bytes, round_trip });
    }

    /// Our finish arrived.
    fn finish_arrived(&mut self, now: Instant, config: &Config) {
        match self.state {
            State::FinWait1 => {
                self.state = State::FinWait2;
                self.limit_half_open(now, config);
            }
            State::Closing => self.wait_for_late_segments(now, config),
            State::LastAck => self.end(None),
            _ => {}
        }
    }

    /// Nobody would hear what the other side still sends, so it is not waited for for ever.
    pub(super) fn limit_half_open(&mut self, now: Instant, config: &Config) {
        if self.marks.has(Marks::CLOSED) && !self.marks.has(Marks::HALF_OPEN) {
            self.marks.set(Marks::HALF_OPEN);
            self.idle_at = now.saturating_add(config.finish_timeout);
        }
    }

    /// Both sides have finished, and know it.
    pub(super) fn wait_for_late_segments(&mut self, now: Instant, config: &Config) {
        self.state = State::TimeWait;
        (self.retransmit_at, self.acknowledge_at) = (Instant::MAX, Instant::MAX);
        self.idle_at = now.saturating_add(config.time_wait);
        self.board = None;
        self.readiness |= Readiness::OVER;
    }
}
