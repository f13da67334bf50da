//! What happens when a segment arrives: whether it belongs here at all (RFC 9293, 3.10.7; RFC 5961; RFC 7323, 5).

use ironloom_core::{Duration, Instant};

use super::super::offer::span;
use super::super::refusal::refusal;
use super::super::{Config, Error, Sequence};
use super::{Connection, Marks, State};
use crate::Readiness;
use crate::frame::{Flags, Segment};

/// A time that was heard so long ago may be half a turn of the other side's clock back.
const STAMP_LIFE: Duration = Duration::from_secs(24 * 24 * 3_600);
/// A segment with more bytes than this comes from nobody who knows what he does.
const SPAN_MAX: usize = 1 << 20;

impl Connection {
    /// Takes a segment that arrived between its ends.
    #[inline]
    pub(crate) fn handle(&mut self, now: Instant, config: &Config, segment: Segment) {
        if self.is_plain(&segment) {
            self.heard(now);
            if self.acknowledge(now, config, &segment) && !segment.payload.is_empty() {
                self.accept_next(now, config, segment.cut, segment.payload);
            }
        } else {
            self.handle_other(now, config, segment);
        }
    }

    /// Whether a segment is what almost all are: the next one, with nothing special about it or the connection.
    #[inline]
    fn is_plain(&self, segment: &Segment) -> bool {
        let special = Flags::SYN.0 | Flags::FIN.0 | Flags::RST.0 | Flags::ACK.0;
        segment.flags.0 & special == Flags::ACK.0
            && self.may_be_plain(segment)
            && Sequence::new(segment.sequence) == self.expected
            && segment.payload.len() <= self.edge.since(self.expected) as usize
            && self.early.is_none()
            && segment.options.timestamps.is_none()
            && !self.marks.has(Marks::STAMPS)
    }

    #[inline]
    fn may_be_plain(&self, segment: &Segment) -> bool {
        match self.state {
            State::Established | State::FinWait1 | State::FinWait2 => true,
            State::CloseWait => segment.payload.is_empty(),
            _ => false,
        }
    }

    /// Somebody is there.
    #[inline]
    fn heard(&mut self, now: Instant) {
        self.heard_at = now;
        self.questions = 0;
    }

    #[cold]
    fn handle_other(&mut self, now: Instant, config: &Config, segment: Segment) {
        if segment.payload.len() > SPAN_MAX {
            return;
        }
        match self.state {
            State::Closed => {}
            State::SynSent => self.handle_opening(now, config, &segment),
            _ => self.handle_synchronized(now, config, segment),
        }
    }

    fn handle_synchronized(&mut self, now: Instant, config: &Config, segment: Segment) {
        let flags = segment.flags;
        if !self.is_timely(now, &segment) {
            return self.object(now, config, &segment);
        }
        let is_crossing = self.is_crossing(&segment);
        if !is_crossing && !self.is_acceptable(&segment) {
            return self.object(now, config, &segment);
        }
        if flags.contains(Flags::RST) {
            return self.handle_reset(now, config, &segment);
        }
        if flags.contains(Flags::SYN) && !is_crossing {
            return self.challenge(now, config);
        }
        if !flags.contains(Flags::ACK) {
            return;
        }
        self.heard(now);
        self.remember_stamp(&segment);
        if self.state == State::SynReceived && !self.complete(now, config, &segment) {
            return;
        }
        if self.acknowledge(now, config, &segment) && !is_crossing {
            self.accept(now, config, segment);
        }
    }

    /// Whether it is not older than what was heard before, by the other side's own clock.
    fn is_timely(&self, now: Instant, segment: &Segment) -> bool {
        if !self.marks.has(Marks::STAMPS) || segment.flags.contains(Flags::RST) {
            return true;
        }
        if now.saturating_since(self.heard_at) > STAMP_LIFE {
            return true;
        }
        let value = segment.options.timestamps.map(|stamps| Sequence::new(stamps.value));
        value.is_some_and(|value| !value.is_before(Sequence::new(self.stamp_recent)))
    }

    /// Notes the other side's time, to be echoed, if the segment is the one that is expected next.
    fn remember_stamp(&mut self, segment: &Segment) {
        if let Some(stamps) = segment.options.timestamps.filter(|_| self.marks.has(Marks::STAMPS))
            && !Sequence::new(segment.sequence).is_after(self.acknowledged)
        {
            self.stamp_recent = stamps.value;
        }
    }

    /// Whether it answers our first segment when both sides sent one at once: its own first number is known already.
    fn is_crossing(&self, segment: &Segment) -> bool {
        self.state == State::SynReceived
            && segment.flags.contains(Flags::SYN)
            && segment.flags.contains(Flags::ACK)
            && Sequence::new(segment.sequence).plus(1) == self.expected
            && Sequence::new(segment.acknowledgement) == self.next
    }

    /// Whether some of it, or its place if it carries nothing, is in the window.
    fn is_acceptable(&self, segment: &Segment) -> bool {
        let start = Sequence::new(segment.sequence);
        let span = span(segment);
        if span == 0 {
            return !start.is_before(self.expected) && !start.is_after(self.edge);
        }
        let end = start.plus(span);
        // A finish takes no room, so it may come where the window ends.
        let edge = if segment.flags.contains(Flags::FIN) { self.edge.plus(1) } else { self.edge };
        end.is_after(self.expected) && start.is_before(edge)
    }

    /// Answers a segment that is not in the window: the other side may not know what arrived.
    fn object(&mut self, now: Instant, config: &Config, segment: &Segment) {
        if segment.flags.contains(Flags::RST) {
            return;
        }
        let start = Sequence::new(segment.sequence);
        let is_known = !start.plus(span(segment)).is_after(self.expected);
        if is_known && span(segment) > 0 && !segment.flags.contains(Flags::SYN) {
            // It was sent again because our acknowledgement was lost.
            self.heard(now);
            self.marks.set(Marks::ACK_DUE);
            if self.state == State::TimeWait && segment.flags.contains(Flags::FIN) {
                self.idle_at = now.saturating_add(config.time_wait);
            }
            return;
        }
        let is_next = start == self.expected && segment.flags.contains(Flags::ACK);
        if is_next && self.is_timely(now, segment) {
            // The window is closed; what it says about what we sent counts all the same.
            self.heard(now);
            self.acknowledge(now, config, segment);
        } else if segment.flags.contains(Flags::ACK) && start.plus(1) == self.expected {
            // A question whether we are still there.
            self.heard(now);
        }
        self.challenge(now, config);
    }

    /// Acknowledges what was received, so that a side that lost its memory resets the connection and a forger does not
    /// succeed. Only so many times a second: both sides might do it to each other.
    pub(super) fn challenge(&mut self, now: Instant, config: &Config) {
        let second = (now.as_nanos() / 1_000_000_000) as u32;
        if second != self.challenge_second {
            (self.challenge_second, self.challenges) = (second, 0);
        }
        if self.challenges < config.challenges_per_second_max {
            self.challenges += 1;
            self.marks.set(Marks::ACK_DUE);
        }
    }

    /// A reset in the window: it counts if it is exactly where it should be.
    fn handle_reset(&mut self, now: Instant, config: &Config, segment: &Segment) {
        if Sequence::new(segment.sequence) != self.expected {
            return self.challenge(now, config);
        }
        let error = match self.state {
            State::SynReceived => Some(Error::Refused),
            State::Closing | State::LastAck | State::TimeWait => None,
            _ => Some(Error::Reset),
        };
        self.end(error);
    }

    /// An answer to our first segment, when both sides sent one at once: whether it acknowledges ours.
    fn complete(&mut self, now: Instant, config: &Config, segment: &Segment) -> bool {
        let acknowledgement = Sequence::new(segment.acknowledgement);
        if acknowledgement != self.next {
            self.answer = refusal(segment).map(Box::new);
            return false;
        }
        self.establish(now, config);
        true
    }

    /// Our first segment was acknowledged: both sides know of each other.
    pub(super) fn establish(&mut self, now: Instant, config: &Config) {
        let is_finished = self.marks.has(Marks::FINISHED);
        self.state = if is_finished { State::FinWait1 } else { State::Established };
        if self.marks.has(Marks::TIMED) {
            self.measured(now);
        }
        self.marks.clear(Marks::SYN_DUE);
        self.oldest = self.next;
        self.window_acknowledgement = self.next;
        (self.recover_at, self.small_end) = (self.next, self.next);
        (self.retransmit_at, self.in_vain, self.progress_at) = (Instant::MAX, 0, now);
        self.readiness |= Readiness::WRITABLE;
        self.expect_questions(now, config);
    }
}
