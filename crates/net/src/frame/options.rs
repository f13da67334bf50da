//! The options of a TCP segment on the wire.
//!
//! They are written in the order in which Linux writes them, padded so that four-byte values stand at multiples of
//! four. Unknown options are skipped and do not come back when the segment is written again.

use super::{Malformed, Options, Timestamps};

/// The room for options in a TCP header.
const BYTES_MAX: usize = 40;

/// The most ranges that a selective acknowledgement has room for.
const RANGES_MAX: usize = 4;

/// The largest shift of a window (RFC 7323, section 2.3): a larger one is taken for this.
const SHIFT_MAX: u8 = 14;

const END: u8 = 0;
const NOTHING: u8 = 1;
const SEGMENT_BYTES: u8 = 2;
const WINDOW_SHIFT: u8 = 3;
const SELECTIVE: u8 = 4;
const RECEIVED: u8 = 5;
const TIMESTAMPS: u8 = 8;

/// Options as bytes.
pub(super) struct Written {
    bytes: [u8; BYTES_MAX],
    len: usize,
}

impl Written {
    fn push<const N: usize>(&mut self, bytes: [u8; N]) {
        self.bytes[self.len..self.len + N].copy_from_slice(&bytes);
        self.len += N;
    }
}

impl std::ops::Deref for Written {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Options {
    /// How many bytes they have on the wire: a multiple of four, at most 40.
    pub(super) fn wire_len(&self) -> usize {
        self.len_before_ranges() + if self.ranges().is_empty() { 0 } else { 4 + 8 * self.ranges().len() }
    }

    fn len_before_ranges(&self) -> usize {
        let times = match (self.timestamps, self.selective) {
            (Some(_), _) => 12,
            (None, true) => 4,
            (None, false) => 0,
        };
        let of = |is_said: bool| if is_said { 4 } else { 0 };
        of(self.segment_bytes_max.is_some()) + times + of(self.window_shift.is_some())
    }

    /// The ranges for which there is room.
    fn ranges(&self) -> &[(u32, u32)] {
        let Some(ranges) = &self.received else { return &[] };
        let room = (BYTES_MAX - self.len_before_ranges() - 4) / 8;
        &ranges[..ranges.len().min(room).min(RANGES_MAX)]
    }

    /// The bytes; ranges for which there is no room are left out.
    pub(super) fn emit(&self) -> Written {
        let mut out = Written { bytes: [0; BYTES_MAX], len: 0 };
        if let Some(max) = self.segment_bytes_max {
            let [high, low] = max.to_be_bytes();
            out.push([SEGMENT_BYTES, 4, high, low]);
        }
        let pad = if self.selective { [SELECTIVE, 2] } else { [NOTHING, NOTHING] };
        if let Some(Timestamps { value, echo }) = self.timestamps {
            out.push(pad);
            out.push([TIMESTAMPS, 10]);
            out.push(value.to_be_bytes());
            out.push(echo.to_be_bytes());
        } else if self.selective {
            out.push([NOTHING, NOTHING, SELECTIVE, 2]);
        }
        if let Some(shift) = self.window_shift {
            out.push([NOTHING, WINDOW_SHIFT, 3, shift]);
        }
        let ranges = self.ranges();
        if !ranges.is_empty() {
            out.push([NOTHING, NOTHING, RECEIVED, 2 + 8 * ranges.len() as u8]);
            for (first, end) in ranges {
                out.push(first.to_be_bytes());
                out.push(end.to_be_bytes());
            }
        }
        out
    }

    /// Reads them.
    pub(super) fn parse(mut bytes: &[u8]) -> Result<Self, Malformed> {
        let mut options = Self::default();
        loop {
            bytes = match *bytes {
                [] | [END, ..] => return Ok(options),
                [NOTHING, ref rest @ ..] => rest,
                [kind] => return Err(Malformed::Option { kind, length: 0 }),
                [kind, length, ref rest @ ..] => {
                    let value = usize::from(length).checked_sub(2).and_then(|len| rest.get(..len));
                    let value = value.ok_or(Malformed::Option { kind, length })?;
                    options.take(kind, value)?;
                    &rest[value.len()..]
                }
            };
        }
    }

    fn take(&mut self, kind: u8, value: &[u8]) -> Result<(), Malformed> {
        match (kind, value) {
            (SEGMENT_BYTES, &[high, low]) => self.segment_bytes_max = Some(u16::from_be_bytes([high, low])),
            (WINDOW_SHIFT, &[shift]) => self.window_shift = Some(shift.min(SHIFT_MAX)),
            (SELECTIVE, []) => self.selective = true,
            (TIMESTAMPS, &[a, b, c, d, e, f, g, h]) => {
                let (value, echo) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
                self.timestamps = Some(Timestamps { value, echo });
            }
            (RECEIVED, [_, ..]) if value.len().is_multiple_of(8) && value.len() / 8 <= RANGES_MAX => {
                self.received =
                    Some(value.as_chunks::<8>().0.iter().map(|range| read_range(*range)).collect());
            }
            (SEGMENT_BYTES | WINDOW_SHIFT | SELECTIVE | TIMESTAMPS | RECEIVED, _) => {
                return Err(Malformed::Option { kind, length: value.len() as u8 + 2 });
            }
            _ => {}
        }
        Ok(())
    }
}

fn read_range([a, b, c, d, e, f, g, h]: [u8; 8]) -> (u32, u32) {
    (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
}
