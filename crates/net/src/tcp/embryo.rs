//! [`Embryo`]: a connection that somebody began to open, in the backlog of a listener.
//!
//! It is small and owns nothing, because whoever sends a segment makes one. Only when the other side has shown that it
//! hears us does it become a [`Connection`](super::Connection).

use ironloom_core::Instant;

use super::connection::Ends;
use super::offer::{Offer, offered_window, window_shift};
use super::rtt::RoundTrip;
use super::{Config, Sequence};
use crate::Payload;
use crate::frame::{Flags, Segment, Timestamps};

/// A connection that is half open: its first segment was answered.
#[derive(Debug, Clone)]
pub(crate) struct Embryo {
    pub(super) began_at: Instant,
    resend_at: Instant,
    pub(super) initial: Sequence,
    /// One past the other side's first sequence number.
    pub(super) expected: Sequence,
    pub(super) offer: Offer,
    pub(super) source: u16,
    pub(super) target: u16,
    pub(super) is_ipv6: bool,
    pub(super) retries: u8,
    /// By how many bits our windows are shifted.
    pub(super) shift: u8,
}

const _: () = assert!(size_of::<Embryo>() <= 64);

/// What is to be done with an [`Embryo`] after something happened to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// It is complete: make a connection of it, and hand that the segment.
    Complete,
    /// Forget it.
    Reset,
    /// Send [`Embryo::syn_ack`] again.
    Again,
    /// Answer the segment with its [`refusal`](super::refusal), and keep the embryo.
    Refuse,
    /// Nothing.
    Ignore,
}

impl Embryo {
    /// Answers a segment that asks for a connection. What is answered is [`syn_ack`](Self::syn_ack).
    pub(crate) fn new(now: Instant, config: &Config, ends: Ends, syn: &Segment, initial: u32) -> Self {
        let offer = Offer::of(syn, config);
        Self {
            began_at: now,
            resend_at: now.saturating_add(config.initial_timeout),
            initial: Sequence::new(initial),
            expected: Sequence::new(syn.sequence).plus(1),
            offer,
            source: ends.local.port(),
            target: ends.remote.port(),
            is_ipv6: ends.remote.is_ipv6(),
            retries: 0,
            shift: if offer.shift.is_some() { window_shift(config) } else { 0 },
        }
    }

    /// The segment that answers the first one, to be sent at once and whenever a [`Reaction::Again`] asks for it.
    pub(crate) fn syn_ack(&self, now: Instant, config: &Config) -> Segment {
        let stamps = Timestamps { value: stamp(now), echo: self.offer.stamp };
        let options = self.offer.answer(config, self.shift, stamps);
        Segment {
            source: self.source,
            target: self.target,
            sequence: self.initial.number(),
            acknowledgement: self.expected.number(),
            flags: Flags::SYN | Flags::ACK,
            window: offered_window(config),
            cut: 0,
            options,
            payload: Payload::EMPTY,
        }
    }

    /// Looks at a segment between the same ends.
    pub(crate) fn handle(&self, segment: &Segment) -> Reaction {
        let sequence = Sequence::new(segment.sequence);
        if segment.flags.contains(Flags::RST) {
            return if sequence == self.expected { Reaction::Reset } else { Reaction::Ignore };
        }
        if segment.flags.contains(Flags::SYN) {
            // Whether it is the first one again or another one: who sent another one will refuse the answer.
            return Reaction::Again;
        }
        if !segment.flags.contains(Flags::ACK) {
            return Reaction::Ignore;
        }
        if Sequence::new(segment.acknowledgement) != self.initial.plus(1) {
            return Reaction::Refuse;
        }
        let ahead = sequence.since(self.expected);
        if ahead <= u32::from(u16::MAX) { Reaction::Complete } else { Reaction::Again }
    }

    /// Does what is due: [`Again`](Reaction::Again), [`Reset`](Reaction::Reset) after too many times, or nothing yet.
    pub(crate) fn expire(&mut self, now: Instant, config: &Config) -> Reaction {
        if now < self.resend_at {
            return Reaction::Ignore;
        }
        if self.retries >= config.syn_retries_max {
            return Reaction::Reset;
        }
        self.retries += 1;
        self.resend_at = now.saturating_add(RoundTrip::default().timeout(config, self.retries));
        Reaction::Again
    }

    /// When [`expire`](Self::expire) is to be called.
    pub(crate) const fn deadline(&self) -> Instant {
        self.resend_at
    }
}

/// The time as segments carry it: in milliseconds.
pub(super) const fn stamp(now: Instant) -> u32 {
    (now.as_nanos() / 1_000_000) as u32
}
