//! What the other side sends: bytes in order, bytes that come too early, and its finish.

use ironloom_core::Instant;

use super::super::{Config, Sequence};
use super::{Connection, Marks, State};
use crate::frame::{Flags, Segment};
use crate::{Payload, Readiness};

/// So many segments are acknowledged at once.
const PENDING_MAX: u8 = 2;

impl Connection {
    /// Takes the payload of the segment that is expected next. All of it is in the window.
    #[inline]
    pub(super) fn accept_next(&mut self, now: Instant, config: &Config, cut: u16, payload: Payload) {
        if self.marks.has(Marks::CLOSED) {
            return self.refuse_bytes();
        }
        let len = payload.len() as u32;
        if self.incoming.is_empty() {
            self.readiness |= Readiness::READABLE;
        }
        payload.into_each(|piece| self.incoming.push(piece));
        self.expected = self.expected.plus(len);
        // One that is to be cut, or that came larger than ours are, counts as several.
        let is_large = cut > 0 && len > u32::from(cut) || len > u32::from(self.segment_bytes);
        self.pending = self.pending.saturating_add(1 + u8::from(is_large));
        if self.pending >= PENDING_MAX || !self.marks.has(Marks::ACK_WAITS) {
            self.marks.set(Marks::ACK_DUE);
        } else if self.acknowledge_at == Instant::MAX {
            self.acknowledge_at = now.saturating_add(config.acknowledgement_delay);
        }
    }

    /// Takes what a segment carries, of which some is in the window.
    pub(super) fn accept(&mut self, now: Instant, config: &Config, segment: Segment) {
        let may_come = matches!(self.state, State::Established | State::FinWait1 | State::FinWait2);
        let (mut start, mut payload) = (Sequence::new(segment.sequence), segment.payload);
        let mut is_end = segment.flags.contains(Flags::FIN);
        if !may_come || (payload.is_empty() && !is_end) {
            return;
        }
        let room = self.edge.since(start) as usize;
        if payload.len() > room {
            (payload, is_end) = (payload.slice(0, room), false);
        }
        if start.is_before(self.expected) {
            let known = self.expected.since(start) as usize;
            payload = payload.slice(known.min(payload.len()), payload.len());
            start = self.expected;
        }
        let end = start.plus(payload.len() as u32);
        if start != self.expected {
            return self.accept_early(config, start, &payload, is_end.then_some(end));
        }
        if !payload.is_empty() {
            self.accept_next(now, config, segment.cut, payload);
        }
        if self.state == State::Closed {
            return;
        }
        if self.early.is_some() {
            self.close_gap(now, config);
        }
        if is_end && end == self.expected {
            self.accept_finish(now, config);
        }
    }

    /// Keeps what came before what is expected, and says so at once.
    #[cold]
    fn accept_early(
        &mut self,
        config: &Config,
        start: Sequence,
        payload: &Payload,
        finish: Option<Sequence>,
    ) {
        self.marks.set(Marks::ACK_DUE);
        if self.marks.has(Marks::CLOSED) && !payload.is_empty() {
            return self.refuse_bytes();
        }
        let early = self.early.get_or_insert_default();
        early.finish = early.finish.or(finish);
        early.insert(start, payload, config.early_ranges_max.into());
    }

    /// Takes what follows now that what was missing is there.
    #[cold]
    fn close_gap(&mut self, now: Instant, config: &Config) {
        self.marks.set(Marks::ACK_DUE);
        let Some(early) = &mut self.early else { return };
        if let Some(rope) = early.take(self.expected) {
            self.expected = self.expected.plus(rope.len());
            self.incoming.join(rope);
        }
        if early.finish.is_some_and(|finish| !self.expected.is_before(finish)) {
            self.accept_finish(now, config);
        }
        self.early.take_if(|early| early.is_empty());
    }

    /// The other side has finished, and all that it sent before is here.
    fn accept_finish(&mut self, now: Instant, config: &Config) {
        self.marks.set(Marks::PEER_FINISHED | Marks::ACK_DUE);
        self.readiness |= Readiness::READABLE;
        self.expected = self.expected.plus(1);
        self.edge = self.edge.later(self.expected);
        self.early = None;
        match self.state {
            State::Established => self.state = State::CloseWait,
            State::FinWait1 => self.state = State::Closing,
            State::FinWait2 => self.wait_for_late_segments(now, config),
            _ => {}
        }
    }

    /// Bytes arrived that nobody will receive: the other side learns that.
    fn refuse_bytes(&mut self) {
        self.answer = Some(Box::new(self.reset_segment()));
        self.end(None);
    }
}
