//! Scanning: which records a segment has, when nothing but its bytes is left to tell.
//!
//! A record counts if its header and its stored bytes have the right sums. Behind anything else the next header is
//! looked for at every multiple of eight, so that damage in one place costs what lies there and no more. From there on
//! a record counts only if its content has the name that it claims: what is found may lie within a blob. Memory is that
//! of one window and one record that is there, whatever the bytes say.

use std::io;

use super::compress::decompress;
use super::config::WHOLE_BYTES_LIMIT;
use super::manifest::Manifest;
use super::record::{ALIGN, HEADER_BYTES, Header, Kind, record_bytes};
use crate::medium::MediumFile;
use crate::{BlobId, link};

/// How much is read at once.
const WINDOW_BYTES: usize = 1 << 20;
/// How many times the length of a segment is read, decompressed and hashed at most behind damage. LZ4 makes nothing
/// shorter than a 255th, so this is enough for any sound segment.
const VERIFIED_TIMES_MAX: u64 = 256;

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
    // Contents that overlap could otherwise be hashed without end.
    let mut to_verify = length.saturating_mul(VERIFIED_TIMES_MAX);
    while offset + HEADER_BYTES as u64 <= length {
        let header = window.header(offset)?;
        let fits = |header: &Header| offset + HEADER_BYTES as u64 + u64::from(header.stored) <= length;
        let Some(header) = header.filter(fits) else {
            in_step = false;
            offset += ALIGN;
            continue;
        };
        let (header, intact) = if in_step {
            let sum = window.sum(offset + HEADER_BYTES as u64, header.stored)?;
            (header, header.kind == Kind::Gap || sum == header.sum)
        } else {
            let verified = verify(file, offset, header, &mut to_verify)?;
            let Some(header) = verified else {
                offset += ALIGN;
                continue;
            };
            (header, true)
        };
        report(Found { header, offset, intact });
        // In step, the extent of a damaged record may be trusted: it has a sum of its own.
        let next = offset + record_bytes(header.stored);
        if intact {
            end = next.min(length.next_multiple_of(ALIGN));
            counted += next - offset;
        }
        offset = next;
    }
    Ok(ScanEnd { offset: end, lost_bytes: length.saturating_sub(start).saturating_sub(counted) })
}

/// What looks like a record behind damage may be part of a blob, which says what its author wants. So its content must
/// have the name that it claims, and the header is that of the content.
fn verify<F: MediumFile>(
    file: &F,
    offset: u64,
    header: Header,
    to_verify: &mut u64,
) -> io::Result<Option<Header>> {
    let work = u64::from(header.stored) + header.length.min(WHOLE_BYTES_LIMIT);
    if header.kind == Kind::Gap || work > *to_verify {
        return Ok(None);
    }
    *to_verify -= work;
    let mut stored = vec![0; header.stored as usize];
    file.read_at(&mut stored, offset + HEADER_BYTES as u64)?;
    if crc32c::crc32c(&stored) != header.sum {
        return Ok(None);
    }
    if header.kind == Kind::Manifest {
        let manifest = Manifest::parse(&stored);
        let is_it =
            manifest.is_some_and(|manifest| manifest.id() == header.id && manifest.length() == header.length);
        // Whether the blob has links, its first chunk tells whoever looks.
        return Ok(is_it.then_some(Header { links: true, ..header }));
    }
    if header.length > WHOLE_BYTES_LIMIT {
        return Ok(None);
    }
    let content = decompress(header.codec, &stored, header.length as usize);
    let content = content.filter(|content| BlobId::of(content) == header.id);
    Ok(content.map(|content| Header { links: link::is_linked(&content), ..header }))
}
