//! Scanning: which records a segment has, when nothing but its bytes is left to tell.
//!
//! A record counts if its header and its stored bytes have the right sums. Behind anything else the next header is
//! looked for at every multiple of eight, so that damage in one place costs what lies there and no more. Memory is that
//! of one window, whatever the bytes say.

use std::io;

use super::record::{ALIGN, HEADER_BYTES, Header, Kind, record_bytes};
use crate::medium::MediumFile;

/// How much is read at once.
const WINDOW_BYTES: usize = 1 << 20;

/// A record that was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    /// Its header.
    pub(crate) header: Header,
    /// Where it begins.
    pub(crate) offset: u64,
    /// Whether its stored bytes have the right sum.
    pub(crate) intact: bool,
}

/// What a scan came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ScanEnd {
    /// Where the last intact record ends.
    pub(crate) offset: u64,
    /// How many bytes belong to no intact record.
    pub(crate) lost_bytes: u64,
}

/// Reads a file through a window.
struct Window<'a, F> {
    file: &'a F,
    length: u64,
    base: u64,
    bytes: Vec<u8>,
}

impl<F: MediumFile> Window<'_, F> {
    /// What lies at `offset`: at least `least` bytes, or all there is until the end.
    fn at(&mut self, offset: u64, least: usize) -> io::Result<&[u8]> {
        let have = self.base + self.bytes.len() as u64;
        if offset < self.base || offset + least as u64 > have {
            let length = (self.length.saturating_sub(offset)).min(WINDOW_BYTES as u64);
            self.bytes.resize(length as usize, 0);
            self.file.read_at(&mut self.bytes, offset)?;
            self.base = offset;
        }
        Ok(&self.bytes[(offset - self.base) as usize..])
    }

    fn header(&mut self, offset: u64) -> io::Result<Option<Header>> {
        let bytes = self.at(offset, HEADER_BYTES)?;
        Ok(bytes.first_chunk().and_then(Header::parse))
    }

    fn sum(&mut self, mut offset: u64, length: u32) -> io::Result<u32> {
        let (mut sum, mut left) = (0, length as usize);
        while left > 0 {
            let bytes = self.at(offset, 1)?;
            let piece = &bytes[..bytes.len().min(left)];
            sum = crc32c::crc32c_append(sum, piece);
            left -= piece.len();
            offset += piece.len() as u64;
        }
        Ok(sum)
    }
}

/// Reports every record between `start` and the end of a segment, in order.
pub(crate) fn scan<F: MediumFile>(
    file: &F,
    start: u64,
    mut report: impl FnMut(Found),
) -> io::Result<ScanEnd> {
    let length = file.length()?;
    let mut window = Window { file, length, base: 0, bytes: Vec::new() };
    let start = start.next_multiple_of(ALIGN);
    let (mut offset, mut end, mut counted) = (start, start, 0);
    let mut in_step = true;
    while offset + HEADER_BYTES as u64 <= length {
        let header = window.header(offset)?.filter(|header| {
            // What looks like a gap within damage may be part of a blob, and must not hide what follows.
            offset + HEADER_BYTES as u64 + u64::from(header.stored) <= length
                && (in_step || header.kind != Kind::Gap)
        });
        let Some(header) = header else {
            in_step = false;
            offset += ALIGN;
            continue;
        };
        let sum = window.sum(offset + HEADER_BYTES as u64, header.stored)?;
        let intact = header.kind == Kind::Gap || sum == header.sum;
        report(Found { header, offset, intact });
        let next = offset + record_bytes(header.stored);
        if intact {
            end = next.min(length.next_multiple_of(ALIGN));
            counted += next - offset;
        }
        // The extent of a damaged record may be trusted: it has a sum of its own.
        in_step = true;
        offset = next;
    }
    Ok(ScanEnd { offset: end, lost_bytes: length.saturating_sub(start).saturating_sub(counted) })
}
