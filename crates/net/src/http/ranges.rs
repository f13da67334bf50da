//! [`select`]: which parts of a body a request asks for.

use bytes::Bytes;

use super::framing::decimal;
use crate::Payload;

/// How many parts are sent at most: a request for more gets the whole.
const RANGES_MAX: usize = 16;

/// A part of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ByteRange {
    /// Where it begins.
    pub from: u64,
    /// Where it ends: one past its last byte.
    pub to: u64,
}

impl ByteRange {
    /// This part of a content, shared.
    ///
    /// # Panics
    ///
    /// If it is not within the content.
    #[must_use]
    pub fn of(self, content: &Bytes) -> Bytes {
        let index = |at| usize::try_from(at).expect("a content in memory can be indexed");
        content.slice(index(self.from)..index(self.to))
    }

    /// What the field `content-range` says of it, in a body of so many bytes.
    #[must_use]
    pub fn content_range(self, whole: u64) -> String {
        format!("bytes {}-{}/{whole}", self.from, self.to - 1)
    }
}

/// A body of several parts of a content, each with a head of its own, and the value of its field `content-type`.
///
/// The parts are slices of the content.
///
/// # Panics
///
/// If a part is not within the content.
#[must_use]
pub fn multipart(content: &Bytes, kind: &str, parts: &[ByteRange]) -> (String, Payload) {
    let whole = content.len() as u64;
    // A line that no content holds by accident.
    let mixed = parts.iter().fold(whole, |mixed, part| {
        (mixed.rotate_left(23) ^ part.from ^ part.to << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    });
    let boundary = format!("ironloom-part-{mixed:016x}");
    let pieces = parts.iter().flat_map(|part| {
        let range = part.content_range(whole);
        let head = format!("--{boundary}\r\ncontent-type: {kind}\r\ncontent-range: {range}\r\n\r\n");
        [Bytes::from(head), part.of(content), Bytes::from_static(b"\r\n")]
    });
    let end = Bytes::from(format!("--{boundary}--\r\n"));
    (format!("multipart/byteranges; boundary={boundary}"), pieces.chain([end]).collect())
}

/// Which parts of a body a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All of it: answer with 200.
    Whole,
    /// One part: answer with 206.
    Part(ByteRange),
    /// Several, none of which overlaps another, in the order asked for: answer with 206 and a body of several parts.
    Parts(Vec<ByteRange>),
    /// Only what is not there: answer with 416.
    Unsatisfiable,
}

/// Which parts of a body of so many bytes the value of a field `range` asks for.
///
/// What is not understood asks for the whole, as the standard wants it; so do parts that overlap, and more parts than 16:
/// they would make much work of little asking.
///
/// ```
/// use ironloom_net::http::{ByteRange, Selection, select};
///
/// assert_eq!(select(b"bytes=-3", 10), Selection::Part(ByteRange { from: 7, to: 10 }));
/// assert_eq!(select(b"bytes=10-", 10), Selection::Unsatisfiable);
/// assert_eq!(select(b"lines=1-2", 10), Selection::Whole);
/// ```
#[must_use]
pub fn select(range: &[u8], whole: u64) -> Selection {
    let unit = range.get(..6).filter(|unit| unit.eq_ignore_ascii_case(b"bytes="));
    if unit.is_none() {
        return Selection::Whole;
    }
    let mut parts = Vec::new();
    for (count, part) in range[6..].split(|byte| *byte == b',').enumerate() {
        let Some(part) = parse(part.trim_ascii(), whole).filter(|_| count < RANGES_MAX) else {
            return Selection::Whole;
        };
        parts.extend(part);
    }
    let overlap = |(at, a): (usize, &ByteRange)| parts[..at].iter().any(|b| a.from < b.to && b.from < a.to);
    match parts[..] {
        [] => Selection::Unsatisfiable,
        [part] => Selection::Part(part),
        _ if parts.iter().enumerate().any(overlap) => Selection::Whole,
        _ => Selection::Parts(parts),
    }
}

/// A part; `None` if it is not understood, and `Some(None)` if nothing of it is there.
fn parse(part: &[u8], whole: u64) -> Option<Option<ByteRange>> {
    let dash = part.iter().position(|byte| *byte == b'-')?;
    let range = match (&part[..dash], &part[dash + 1..]) {
        ([], last) => ByteRange { from: whole.saturating_sub(decimal(last)?), to: whole },
        (first, []) => ByteRange { from: decimal(first)?, to: whole },
        (first, last) => {
            let (first, last) = (decimal(first)?, decimal(last)?);
            if first > last {
                return None;
            }
            ByteRange { from: first, to: whole.min(last.saturating_add(1)) }
        }
    };
    Some((range.from < range.to).then_some(range))
}
