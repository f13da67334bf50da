//! What the network says about segments on their way (RFC 5927: it may be a forgery).

use ironloom_core::Instant;

use super::super::offer::SEGMENT_BYTES_MIN;
use super::super::{Config, Error, Sequence};
use super::{Connection, Marks, State};
use crate::frame::Unreachable;

/// The headers of IP and TCP, without options.
const HEADER_BYTES: u16 = 40;
/// How much longer they are with IPv6, and with timestamps.
const IPV6_BYTES: u16 = 20;
const STAMPS_BYTES: u16 = 12;
/// Who says that a link carries less than this is not believed: every link carries as much.
const MTU_MIN: u16 = 296;

impl Connection {
    /// A packet could not be delivered that had this sequence number. A connection that does not exist yet fails;
    /// for one that does, it counts only if nothing more is heard.
    pub(crate) fn unreachable(&mut self, reason: Unreachable, sequence: u32) {
        if !self.is_on_its_way(sequence) {
            return;
        }
        let error = Error::Unreachable(reason);
        match self.state {
            State::SynSent | State::SynReceived => self.end(Some(error)),
            _ => self.rumour = Some(error),
        }
    }

    /// A packet with this sequence number was too large for a link, which carries `mtu` bytes.
    pub(crate) fn too_big(&mut self, now: Instant, config: &Config, mtu: u16, sequence: u32) {
        if !self.is_on_its_way(sequence) || matches!(self.state, State::SynSent | State::SynReceived) {
            return;
        }
        let mut header = HEADER_BYTES;
        header += if self.marks.has(Marks::IPV6) { IPV6_BYTES } else { 0 };
        header += if self.marks.has(Marks::STAMPS) { STAMPS_BYTES } else { 0 };
        let segment_bytes = mtu.max(MTU_MIN).saturating_sub(header).max(SEGMENT_BYTES_MIN);
        if segment_bytes >= self.segment_bytes {
            return;
        }
        self.segment_bytes = segment_bytes;
        // It is not congestion: all is sent again in smaller segments, and the window stays what it is.
        let board = self.board.get_or_insert_default();
        board.lose_until(self.oldest, self.next);
        self.recover_at = self.next;
        if self.mode == super::Mode::Open {
            self.mode = super::Mode::Recovery;
        }
        self.duplicates = 0;
        self.marks.clear(Marks::TIMED);
        self.marks.set(Marks::RESEND_DUE);
        self.arm(now, config);
    }

    /// Whether a number is of something that is not acknowledged: otherwise whoever speaks of it guesses, or is late.
    fn is_on_its_way(&self, sequence: u32) -> bool {
        let sequence = Sequence::new(sequence);
        self.state != State::Closed && !sequence.is_before(self.oldest) && sequence.is_before(self.next)
    }
}
