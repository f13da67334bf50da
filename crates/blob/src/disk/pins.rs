//! Pins: a log of moves, read whole at open and rewritten when most of it is past.
//!
//! ```text
//!  0             8      12            16          17      17 + n   17 + n + 32·has
//!  | ILPINS\1\n  | then | length u32 | sum u32 | has | name length | name | id | …
//! ```
//!
//! Every move is synced before the next is written, so a crash can only have torn the last one. Damage before that is
//! not a crash, and is not passed over: what a lost pin kept would be collected.

use std::collections::BTreeMap;
use std::io;

use super::segment::is_full;
use crate::medium::{Medium, MediumFile};
use crate::{BlobId, PinName};

/// Its name, and the name under which it is rewritten.
const NAME: &str = "pins";
const NEW_NAME: &str = "pins.new";
const MAGIC: [u8; 8] = *b"ILPINS\x01\n";
const MOVE_HEADER_BYTES: usize = 8;
/// A flag, a length, a name and an id.
const BODY_BYTES_MAX: usize = 2 + PinName::BYTES_MAX + 32;
/// A log shorter than this is not worth rewriting.
const REWRITE_BYTES_MIN: u64 = 64 << 10;

/// The pins, in memory and on the medium.
#[derive(Debug)]
pub(crate) struct Pins<F> {
    file: F,
    end: u64,
    pub(crate) table: BTreeMap<PinName, BlobId>,
}

/// Why the pins could not be read.
#[derive(Debug)]
pub(crate) enum PinsError {
    Damaged(u64),
    Missing,
    Io(io::Error),
}

impl From<io::Error> for PinsError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl<F: MediumFile> Pins<F> {
    /// Reads the pins; in a store that is new, begins an empty log.
    pub(crate) fn open<M: Medium<File = F>>(medium: &M, is_new: bool) -> Result<Self, PinsError> {
        let file = match medium.open(NAME) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if !is_new {
                    return Err(PinsError::Missing);
                }
                return Ok(Self::write(medium, BTreeMap::new())?);
            }
            Err(error) => return Err(error.into()),
        };
        let mut bytes = vec![0; file.length()? as usize];
        file.read_at(&mut bytes, 0)?;
        let (table, end) = replay(&bytes).map_err(PinsError::Damaged)?;
        if end < bytes.len() as u64 {
            file.truncate(end)?;
        }
        // What only the page cache has must not be seen now and be gone after the next crash.
        file.sync()?;
        Ok(Self { file, end, table })
    }

    /// Writes all pins to a new log, and puts it in the place of the old one.
    fn write<M: Medium<File = F>>(medium: &M, table: BTreeMap<PinName, BlobId>) -> io::Result<Self> {
        if medium.list()?.iter().any(|name| name == NEW_NAME) {
            medium.remove(NEW_NAME)?;
        }
        let file = medium.create(NEW_NAME)?;
        let mut bytes = MAGIC.to_vec();
        for (name, id) in &table {
            encode(name, Some(*id), &mut bytes);
        }
        file.write_at(&bytes, 0)?;
        file.sync()?;
        medium.rename(NEW_NAME, NAME)?;
        medium.sync().map_err(in_doubt)?;
        let end = bytes.len() as u64;
        Ok(Self { file, end, table })
    }

    /// Moves a pin, durably. If the medium is full, it is as it was; after another error it is in doubt.
    pub(crate) fn set<M: Medium<File = F>>(
        &mut self,
        medium: &M,
        name: &PinName,
        target: Option<BlobId>,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        encode(name, target, &mut bytes);
        self.file.write_at(&bytes, self.end)?;
        self.file.sync().map_err(in_doubt)?;
        self.end += bytes.len() as u64;
        match target {
            Some(id) => self.table.insert(name.clone(), id),
            None => self.table.remove(name),
        };
        let live: usize = self.table.keys().map(|name| 41 + name.as_str().len()).sum();
        if self.end > REWRITE_BYTES_MIN.max(4 * live as u64) {
            match Self::write(medium, self.table.clone()) {
                Ok(rewritten) => *self = rewritten,
                // The long log does as well.
                Err(error) if is_full(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Whatever the reason, nobody knows what is durable, so this must not pass for a full medium.
fn in_doubt(error: io::Error) -> io::Error {
    io::Error::other(error)
}

fn encode(name: &PinName, target: Option<BlobId>, bytes: &mut Vec<u8>) {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; MOVE_HEADER_BYTES]);
    bytes.push(u8::from(target.is_some()));
    bytes.push(u8::try_from(name.as_str().len()).expect("a name has up to 255 bytes"));
    bytes.extend_from_slice(name.as_str().as_bytes());
    if let Some(id) = target {
        bytes.extend_from_slice(id.as_bytes());
    }
    let body = &bytes[start + MOVE_HEADER_BYTES..];
    let (length, sum) = (body.len() as u32, crc32c::crc32c(body));
    bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
    bytes[start + 4..start + 8].copy_from_slice(&sum.to_le_bytes());
}

/// The move that begins here, and how many bytes it has.
fn decode(bytes: &[u8]) -> Option<(PinName, Option<BlobId>, usize)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let body = rest.get(..length).filter(|_| length <= BODY_BYTES_MAX)?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*sum) {
        return None;
    }
    let (&[has, name_bytes], rest) = body.split_first_chunk::<2>()?;
    let (name, rest) = rest.split_at_checked(usize::from(name_bytes))?;
    let name = str::from_utf8(name).ok()?.parse().ok()?;
    let target = match (has, rest) {
        (0, []) => None,
        (1, id) => Some(BlobId::from_bytes(id.try_into().ok()?)),
        _ => return None,
    };
    Some((name, target, MOVE_HEADER_BYTES + body.len()))
}

/// What the moves of a log come to, and where the last whole one ends; or where it is damaged.
fn replay(bytes: &[u8]) -> Result<(BTreeMap<PinName, BlobId>, u64), u64> {
    if !bytes.starts_with(&MAGIC) {
        return Err(0);
    }
    let (mut table, mut at) = (BTreeMap::new(), MAGIC.len());
    while let Some((name, target, length)) = decode(&bytes[at..]) {
        match target {
            Some(id) => table.insert(name, id),
            None => table.remove(&name),
        };
        at += length;
    }
    // Behind a torn move there is nothing.
    let torn = &bytes[at..];
    let is_torn = (1..torn.len()).all(|start| decode(&torn[start..]).is_none());
    if is_torn { Ok((table, at as u64)) } else { Err(at as u64) }
}

/// Replays arbitrary bytes; for the fuzzer.
pub(crate) fn replay_count(bytes: &[u8]) -> Option<usize> {
    replay(bytes).ok().map(|(table, _)| table.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(moves: &[(&str, Option<u8>)]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for (name, target) in moves {
            let target = target.map(|byte| BlobId::from_bytes([byte; 32]));
            encode(&name.parse().unwrap(), target, &mut bytes);
        }
        bytes
    }

    #[test]
    fn a_torn_move_is_dropped_and_damage_is_not_passed_over() {
        let whole = log(&[("a", Some(1)), ("b", Some(2)), ("a", None)]);
        let (table, end) = replay(&whole).unwrap();
        assert_eq!((table.len(), end), (1, whole.len() as u64));
        for cut in 9..whole.len() {
            let (table, end) = replay(&whole[..cut]).unwrap();
            assert!(end <= cut as u64 && table.len() <= 2);
        }
        let mut damaged = whole.clone();
        damaged[20] ^= 1;
        assert_eq!(replay(&damaged), Err(8));
        damaged[0] ^= 1;
        assert_eq!(replay(&damaged), Err(0));
    }
}
