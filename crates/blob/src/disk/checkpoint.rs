//! The checkpoint: the index in a file, so that opening needs no scan.
//!
//! ```text
//!  0           8         12        16        24       32       36
//!  | magic     | version | segment | offset  | blobs  | sum    |  then for each of the 256 shards
//!  | count u32 | sum u32 | count slots of 40 bytes, in order   |
//! ```
//!
//! It knows every record before `offset` of `segment`, and of every earlier segment. It is written beside the old one
//! and renamed over it, so that there is a whole one or none. One that is damaged anywhere is none.

use std::io;

use super::index::{Index, Key, LOST, OFFSET_END, SHARDS, SLOT_BYTES, Slot};
use super::segment::NUMBER_MAX;
use crate::medium::{Medium, MediumFile};

/// Its name, and the name under which it is written.
pub(crate) const NAME: &str = "index";
const NEW_NAME: &str = "index.new";

const MAGIC: [u8; 8] = *b"\x89ILINDX\n";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 36;
const SHARD_HEADER_BYTES: usize = 8;

/// Up to where a checkpoint, or a recovery, knows the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) segment: u32,
    pub(crate) offset: u64,
}

/// Saves what the index knows up to `position`. All of that must be durable.
pub(crate) fn save<M: Medium>(medium: &M, index: &Index, position: Position) -> io::Result<()> {
    // What a crash left of an earlier attempt.
    if medium.list()?.iter().any(|name| name == NEW_NAME) {
        medium.remove(NEW_NAME)?;
    }
    let file = medium.create(NEW_NAME)?;
    let (mut offset, mut blobs) = (HEADER_BYTES as u64, 0);
    for shard in 0..SHARDS {
        let bytes = encode_shard(index, shard, position);
        blobs += ((bytes.len() - SHARD_HEADER_BYTES) / SLOT_BYTES) as u64;
        file.write_at(&bytes, offset)?;
        offset += bytes.len() as u64;
    }
    file.write_at(&encode_header(position, blobs), 0)?;
    file.sync()?;
    medium.rename(NEW_NAME, NAME)?;
    medium.sync()
}

fn encode_header(position: Position, blobs: u64) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[0..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&position.segment.to_le_bytes());
    bytes[16..24].copy_from_slice(&position.offset.to_le_bytes());
    bytes[24..32].copy_from_slice(&blobs.to_le_bytes());
    let sum = crc32c::crc32c(&bytes[..32]);
    bytes[32..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn encode_shard(index: &Index, shard: usize, position: Position) -> Vec<u8> {
    let mut bytes = vec![0; SHARD_HEADER_BYTES];
    index.for_each(shard, |key, entry| {
        let at = Position { segment: entry.segment, offset: entry.offset() };
        if entry.segment == LOST || at < position {
            let mut entry = *entry;
            // The next process has not seen for itself.
            entry.verified = false;
            bytes.extend_from_slice(&Slot::new(*key, &entry).encode());
        }
    });
    let count = ((bytes.len() - SHARD_HEADER_BYTES) / SLOT_BYTES) as u32;
    let sum = crc32c::crc32c(&bytes[SHARD_HEADER_BYTES..]);
    bytes[0..4].copy_from_slice(&count.to_le_bytes());
    bytes[4..8].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// What a checkpoint came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Loaded {
    /// The index knows everything up to here.
    Until(Position),
    /// It is absent, damaged or of another version: the segments must tell.
    Nothing,
}

/// Fills an empty index. After [`Loaded::Nothing`] it may be filled in part.
pub(crate) fn load<M: Medium>(medium: &M, index: &Index) -> io::Result<Loaded> {
    let file = match medium.open(NAME) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Loaded::Nothing),
        Err(error) => return Err(error),
    };
    let length = file.length()?;
    let mut header = [0; HEADER_BYTES];
    if length < HEADER_BYTES as u64 {
        return Ok(Loaded::Nothing);
    }
    file.read_at(&mut header, 0)?;
    let Some((position, blobs)) = parse_header(&header) else {
        return Ok(Loaded::Nothing);
    };
    let (mut offset, mut found) = (HEADER_BYTES as u64, 0);
    for shard in 0..SHARDS {
        let Some((bytes, next)) = read_shard(&file, offset, length)? else {
            return Ok(Loaded::Nothing);
        };
        let slots = bytes.as_chunks::<SLOT_BYTES>().0;
        let parsed = slots.iter().map(Slot::parse);
        let in_place = slots.iter().all(|slot| {
            let segment = Slot::parse(slot).entry().segment;
            usize::from(slot[0]) == shard && (segment <= NUMBER_MAX || segment == LOST)
        });
        if !in_place || !index.fill(shard, slots.len(), parsed) {
            return Ok(Loaded::Nothing);
        }
        found += slots.len() as u64;
        offset = next;
    }
    Ok(if found == blobs && offset == length { Loaded::Until(position) } else { Loaded::Nothing })
}

fn parse_header(bytes: &[u8; HEADER_BYTES]) -> Option<(Position, u64)> {
    let (fields, sum) = bytes.split_last_chunk::<4>()?;
    let (magic, fields) = fields.split_first_chunk::<8>()?;
    let (version, fields) = fields.split_first_chunk::<4>()?;
    let (segment, fields) = fields.split_first_chunk::<4>()?;
    let (offset, blobs) = fields.split_first_chunk::<8>()?;
    let intact = *magic == MAGIC
        && u32::from_le_bytes(*version) == VERSION
        && u32::from_le_bytes(*sum) == crc32c::crc32c(&bytes[..32]);
    let position = Position { segment: u32::from_le_bytes(*segment), offset: u64::from_le_bytes(*offset) };
    let is_possible = position.segment <= NUMBER_MAX && position.offset <= OFFSET_END;
    let blobs = u64::from_le_bytes(blobs.try_into().ok()?);
    (intact && is_possible).then_some((position, blobs))
}

/// The slots of the shard at `offset`, and where the next one begins.
fn read_shard<F: MediumFile>(file: &F, offset: u64, length: u64) -> io::Result<Option<(Vec<u8>, u64)>> {
    let body = offset + SHARD_HEADER_BYTES as u64;
    if body > length {
        return Ok(None);
    }
    let mut header = [0; SHARD_HEADER_BYTES];
    file.read_at(&mut header, offset)?;
    let [count, sum] = [&header[..4], &header[4..]].map(|word| word.try_into().map_or(0, u32::from_le_bytes));
    let bytes = u64::from(count) * SLOT_BYTES as u64;
    if bytes > length - body {
        return Ok(None);
    }
    let mut slots = vec![0; bytes as usize];
    file.read_at(&mut slots, body)?;
    Ok((crc32c::crc32c(&slots) == sum).then_some((slots, body + bytes)))
}

/// Takes apart arbitrary bytes as if they were a checkpoint; for the fuzzer.
pub(crate) fn key_count<M: Medium>(medium: &M) -> io::Result<Option<usize>> {
    let index = Index::new();
    let loaded = load(medium, &index)?;
    let mut last: Option<Key> = None;
    for shard in 0..SHARDS {
        index.for_each(shard, |key, _| {
            assert!(last.is_none_or(|last| last < *key), "the index is in order");
            last = Some(*key);
        });
    }
    Ok((loaded != Loaded::Nothing).then(|| index.len()))
}

/// Puts the magic and the sums right; for the fuzzer.
pub(super) fn mend(bytes: &mut [u8]) {
    let Some((header, mut rest)) = bytes.split_first_chunk_mut::<HEADER_BYTES>() else {
        return;
    };
    header[0..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    let sum = crc32c::crc32c(&header[..32]);
    header[32..].copy_from_slice(&sum.to_le_bytes());
    while let Some((shard, slots)) = rest.split_first_chunk_mut::<SHARD_HEADER_BYTES>() {
        // Few slots, lest the first shard take everything.
        let count = usize::from(shard[0]) % 8;
        let Some((slots, after)) = slots.split_at_mut_checked(count * SLOT_BYTES) else {
            return;
        };
        shard[0..4].copy_from_slice(&(count as u32).to_le_bytes());
        shard[4..8].copy_from_slice(&crc32c::crc32c(slots).to_le_bytes());
        rest = after;
    }
}
