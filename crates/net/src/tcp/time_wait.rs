//! [`TimeWait`]: what is left of a connection that both sides finished.

use ironloom_core::Instant;

use super::embryo::stamp;
use super::{Config, Sequence};
use crate::Payload;
use crate::frame::{Flags, Options, Segment, Timestamps};

/// What is left of a connection that both sides finished: enough to answer segments that are late.
#[derive(Debug, Clone)]
pub(crate) struct TimeWait {
    pub(super) until: Instant,
    /// What we would send next, and what is expected of the other side.
    pub(super) next: Sequence,
    pub(super) expected: Sequence,
    /// The last time that the other side said, if it says any.
    pub(super) stamp_recent: Option<u32>,
    pub(super) answered_at: Instant,
    pub(super) source: u16,
    pub(super) target: u16,
    pub(super) window: u16,
}

const _: () = assert!(size_of::<TimeWait>() <= 48);

/// What a late segment is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Late {
    /// It is to be answered.
    Answer(Segment),
    /// Nothing.
    Ignore,
    /// The other side has forgotten the connection: forget it, too.
    Over,
    /// A new connection between the same ends: forget this one, and treat the segment as if this had never been.
    /// The new connection's first sequence number is to be after this one.
    Reopen(u32),
}

/// How long after an answer none is given to a segment that carries nothing.
const QUIET_NANOS: u64 = 100_000_000;

impl TimeWait {
    /// When it may be forgotten.
    pub(crate) const fn deadline(&self) -> Instant {
        self.until
    }

    /// Looks at a segment between the same ends.
    pub(crate) fn handle(&mut self, now: Instant, config: &Config, segment: &Segment) -> Late {
        let sequence = Sequence::new(segment.sequence);
        if segment.flags.contains(Flags::RST) {
            return if sequence == self.expected { Late::Over } else { Late::Ignore };
        }
        let is_newer = match (self.stamp_recent, segment.options.timestamps) {
            (Some(recent), Some(stamps)) => Sequence::new(stamps.value).is_after(Sequence::new(recent)),
            _ => false,
        };
        let is_syn = segment.flags.contains(Flags::SYN) && !segment.flags.contains(Flags::ACK);
        if is_syn && (is_newer || sequence.is_after(self.expected)) {
            return Late::Reopen(self.next.number());
        }
        if segment.flags.contains(Flags::FIN) {
            self.until = now.saturating_add(config.time_wait);
        } else if segment.payload.is_empty() {
            let is_expected = sequence == self.expected && !segment.flags.contains(Flags::SYN);
            let is_soon = now.saturating_since(self.answered_at).as_nanos() < QUIET_NANOS;
            if is_expected || is_soon {
                return Late::Ignore;
            }
        }
        self.answered_at = now;
        Late::Answer(self.answer(now))
    }

    fn answer(&self, now: Instant) -> Segment {
        let timestamps = self.stamp_recent.map(|echo| Timestamps { value: stamp(now), echo });
        Segment {
            source: self.source,
            target: self.target,
            sequence: self.next.number(),
            acknowledgement: self.expected.number(),
            flags: Flags::ACK,
            window: self.window,
            cut: 0,
            options: Options { timestamps, ..Options::default() },
            payload: Payload::EMPTY,
        }
    }
}
