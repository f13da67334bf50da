//! What happens to a connection that we asked for, until it exists (RFC 9293, 3.10.7.3).

use ironloom_core::Instant;

use super::super::embryo::stamp;
use super::super::offer::{Offer, first_options, offered_window};
use super::super::refusal::refusal;
use super::super::{Config, Error, Sequence};
use super::{Connection, Marks, State};
use crate::Payload;
use crate::frame::{Flags, Segment, Timestamps};

impl Connection {
    pub(super) fn handle_opening(&mut self, now: Instant, config: &Config, segment: &Segment) {
        let flags = segment.flags;
        let has_ack = flags.contains(Flags::ACK);
        // Nothing is acknowledged that was not sent; before the first segment was, that is nothing at all.
        let is_ours = Sequence::new(segment.acknowledgement) == self.next && self.next != self.oldest;
        if has_ack && !is_ours {
            // It is for an older connection, of which the other side should hear that it is gone.
            self.answer = refusal(segment).map(Box::new);
            return;
        }
        if flags.contains(Flags::RST) {
            if has_ack {
                self.end(Some(Error::Refused));
            }
            return;
        }
        if !flags.contains(Flags::SYN) {
            return;
        }
        self.agree(config, &Offer::of(segment, config), Sequence::new(segment.sequence).plus(1));
        if segment.options.window_shift.is_none() {
            self.own_shift = 0;
        }
        self.heard_at = now;
        if has_ack {
            self.establish(now, config);
            self.acknowledge(now, config, segment);
            self.marks.set(Marks::ACK_DUE);
        } else {
            self.state = State::SynReceived;
            self.marks.set(Marks::SYN_DUE);
        }
    }

    /// The segment that asks for a connection, or answers one that crossed it.
    pub(super) fn poll_opening(&mut self, now: Instant, config: &Config) -> Option<Segment> {
        if !self.marks.take(Marks::SYN_DUE) {
            // A challenge: the other side is told what we know of.
            return (self.state == State::SynReceived && self.marks.has(Marks::ACK_DUE))
                .then(|| self.bare_segment(now, config, self.next));
        }
        let stamps = Timestamps { value: stamp(now), echo: self.stamp_recent };
        let (flags, options) = match self.state {
            State::SynSent => (Flags::SYN, first_options(config, self.own_shift, stamps)),
            _ => (Flags::SYN | Flags::ACK, self.second_options(config, stamps)),
        };
        let is_first = self.next == self.oldest;
        self.next = self.oldest.plus(1);
        if is_first {
            self.progress_at = now;
            self.time_round_trip(now, self.next);
            self.arm(now, config);
        }
        Some(Segment {
            source: self.source,
            target: self.target,
            sequence: self.oldest.number(),
            acknowledgement: self.expected.number(),
            flags,
            window: offered_window(config),
            cut: 0,
            options,
            payload: Payload::EMPTY,
        })
    }

    /// The options with which we answer a segment that crossed ours: what both want.
    fn second_options(&self, config: &Config, stamps: Timestamps) -> crate::frame::Options {
        let mut options = first_options(config, self.own_shift, stamps);
        options.selective = self.marks.has(Marks::SELECTIVE);
        if !self.marks.has(Marks::STAMPS) {
            options.timestamps = None;
        }
        options
    }
}
