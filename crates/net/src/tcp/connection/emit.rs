//! Segments as they are sent, and the window that they tell.

use ironloom_core::Instant;

use super::super::embryo::stamp;
use super::super::{Config, Sequence};
use super::{Connection, Marks, State};
use crate::Payload;
use crate::frame::{Flags, Options, Segment, Timestamps};

/// How many ranges an option has room for, with timestamps and without.
const RANGES_MAX: [usize; 2] = [3, 4];

/// How many bytes such an option takes at most.
const RANGES_BYTES_MAX: u32 = 36;
/// With less of the window left than this, the other side may be waiting.
const SCARCE_BYTES: u32 = 32 << 10;

impl Connection {
    /// A segment with what was given to be sent between two numbers, and the finish if that is among them.
    #[inline]
    pub(super) fn bytes_segment(
        &mut self,
        now: Instant,
        config: &Config,
        start: Sequence,
        end: Sequence,
    ) -> Segment {
        let queued = self.outgoing.len();
        let (from, to) = (start.since(self.oldest), end.since(self.oldest));
        let is_end = to > queued;
        let to = to.min(queued);
        let payload = self.outgoing.slice(from.min(to) as usize, to as usize);
        let mut flags = Flags::ACK;
        if to == queued && from < to {
            flags = flags | Flags::PSH;
        }
        if is_end {
            flags = flags | Flags::FIN;
        }
        self.segment(now, config, start, flags, payload)
    }

    /// A segment that carries nothing but what it says about what arrived.
    pub(super) fn bare_segment(&mut self, now: Instant, config: &Config, sequence: Sequence) -> Segment {
        self.segment(now, config, sequence, Flags::ACK, Payload::EMPTY)
    }

    #[inline]
    fn segment(
        &mut self,
        now: Instant,
        config: &Config,
        sequence: Sequence,
        flags: Flags,
        payload: Payload,
    ) -> Segment {
        self.widen(config);
        self.acknowledged = self.expected;
        self.pending = 0;
        self.acknowledge_at = Instant::MAX;
        self.marks.clear(Marks::ACK_DUE);
        let mut options = Options::default();
        if self.marks.has(Marks::STAMPS) {
            options.timestamps = Some(Timestamps { value: stamp(now), echo: self.stamp_recent });
        }
        if let Some(early) = self.early.as_ref().filter(|_| self.marks.has(Marks::SELECTIVE)) {
            options.received = early.told(RANGES_MAX[usize::from(!self.marks.has(Marks::STAMPS))]);
        }
        // What they take is not left for the payload (RFC 6691).
        let ranges = options.received.as_ref().map_or(0, |ranges| 4 + 8 * ranges.len() as u16);
        Segment {
            source: self.source,
            target: self.target,
            sequence: sequence.number(),
            acknowledgement: self.expected.number(),
            flags,
            window: self.window_field(),
            cut: self.segment_bytes.saturating_sub(ranges).max(1),
            options,
            payload,
        }
    }

    /// The largest payload of a packet now: less than usual while ranges have to be told of.
    #[inline]
    pub(super) fn full_bytes(&self) -> u32 {
        let segment_bytes = u32::from(self.segment_bytes);
        if self.early.is_none() || !self.marks.has(Marks::SELECTIVE) {
            return segment_bytes;
        }
        segment_bytes - (segment_bytes / 2).min(RANGES_BYTES_MAX)
    }

    /// A segment that ends the connection.
    pub(super) fn reset_segment(&self) -> Segment {
        Segment {
            source: self.source,
            target: self.target,
            sequence: self.next.number(),
            acknowledgement: self.expected.number(),
            flags: Flags::RST | Flags::ACK,
            window: 0,
            cut: 0,
            options: Options::default(),
            payload: Payload::EMPTY,
        }
    }

    /// What the other side may send, as it is told. What was told before is taken even if this is less, which it is by
    /// what a shift loses.
    pub(super) fn window_field(&self) -> u16 {
        let window = self.edge.since(self.expected) >> self.own_shift;
        u16::try_from(window).unwrap_or(u16::MAX)
    }

    /// How far the window could reach now.
    #[inline]
    fn reach(&self, config: &Config) -> Sequence {
        let room = config.receive_bytes_max.saturating_sub(self.incoming.len()).min(1 << 30);
        self.expected.plus(room >> self.own_shift << self.own_shift)
    }

    /// Lets the window reach further, if that is worth telling.
    #[inline]
    fn widen(&mut self, config: &Config) {
        let reach = self.reach(config);
        let gain = reach.since(self.edge);
        if reach.is_after(self.edge)
            && gain >= u32::from(self.segment_bytes).min(config.receive_bytes_max / 2)
        {
            self.edge = reach;
        }
    }

    /// Whether so much was received that the other side should hear of it without being answered anything else.
    #[inline]
    pub(super) fn is_wider(&self, config: &Config) -> bool {
        let may_come = matches!(self.state, State::Established | State::FinWait1 | State::FinWait2);
        let reach = self.reach(config);
        if !may_come || !reach.is_after(self.edge) {
            return false;
        }
        let (gain, left) = (reach.since(self.edge), self.edge.since(self.expected));
        let half = config.receive_bytes_max / 2;
        // While much is left, what arrives next is acknowledged with the wider window.
        left < (half / 2).clamp(1, SCARCE_BYTES) && gain >= half.min(2 * u32::from(self.segment_bytes))
    }
}
