//! [`refusal`]: the answer to a segment that nobody is there for.

use super::offer::span;
use crate::Payload;
use crate::frame::{Flags, Options, Segment};

/// The reset that answers a segment for which there is no connection and no listener; `None` for a reset.
pub(crate) fn refusal(segment: &Segment) -> Option<Segment> {
    if segment.flags.contains(Flags::RST) {
        return None;
    }
    let has_ack = segment.flags.contains(Flags::ACK);
    let (sequence, acknowledgement, flags) = if has_ack {
        (segment.acknowledgement, 0, Flags::RST)
    } else {
        (0, segment.sequence.wrapping_add(span(segment)), Flags::RST | Flags::ACK)
    };
    Some(Segment {
        source: segment.target,
        target: segment.source,
        sequence,
        acknowledgement,
        flags,
        window: 0,
        cut: 0,
        options: Options::default(),
        payload: Payload::EMPTY,
    })
}
