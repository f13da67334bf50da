//! Where a journal ends.
//!
//! A journal file is made longer than it is filled, so that what a power failure tears off is full of zeros, which the
//! engine does not always take for an end: it allocates what torn lengths say, and asserts in debug builds. Torn tails
//! are therefore cut off before it reads them. A record is
//!
//! ```text
//! 1, changes: u32, number: u64            its beginning
//! 2, kind: u8, compression: u8, space: u64, key: u16, value: u32, stored: u32, the key, the stored value
//! 4, space: u64                           any number of these two
//! 3, checksum: u64, "FJL\x03"             its end
//! ```
//!
//! with little-endian numbers. The engine checks the checksums.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

const END: [u8; 4] = *b"FJL\x03";
/// LZ4 makes at most this much of a byte.
const EXPANSION_MAX: u64 = 255;

/// Cuts off what comes after the last whole record.
pub(super) fn cut_torn_tail(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let whole = whole_bytes(&file)?;
    if whole < file.metadata()?.len() {
        file.set_len(whole)?;
        file.sync_all()?;
    }
    Ok(())
}

/// Whether nothing but zeros comes after the last whole record.
pub(super) fn is_whole(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let whole = whole_bytes(&file)?;
    io::Seek::seek(&mut file, io::SeekFrom::Start(whole))?;
    is_blank(file)
}

/// Whether all that is left to read is zeros.
pub(super) fn is_blank(mut source: impl Read) -> io::Result<bool> {
    let mut piece = vec![0; 1 << 16];
    loop {
        let bytes = source.read(&mut piece)?;
        if bytes == 0 {
            return Ok(true);
        }
        if piece[..bytes].iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
    }
}

fn whole_bytes(file: &File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let mut reader = Reader { source: BufReader::with_capacity(1 << 16, file), offset: 0, length };
    let mut whole = 0;
    loop {
        match reader.record() {
            Ok(true) => whole = reader.offset,
            Ok(false) => return Ok(whole),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(whole),
            Err(error) => return Err(error),
        }
    }
}

struct Reader<'a> {
    source: BufReader<&'a File>,
    offset: u64,
    length: u64,
}

impl Reader<'_> {
    /// Passes over a record, and says whether it looks whole.
    fn record(&mut self) -> io::Result<bool> {
        let [tag] = self.bytes()?;
        if tag != 1 {
            return Ok(false);
        }
        let changes = u32::from_le_bytes(self.bytes()?);
        self.bytes::<8>()?;
        for _ in 0..changes {
            let is_whole = match self.bytes()? {
                [2] => self.change()?,
                [4] => self.bytes::<8>().map(|_| true)?,
                _ => false,
            };
            if !is_whole {
                return Ok(false);
            }
        }
        let [tag] = self.bytes()?;
        self.bytes::<8>()?;
        Ok(tag == 3 && self.bytes()? == END)
    }

    fn change(&mut self) -> io::Result<bool> {
        let [kind, compression] = self.bytes()?;
        self.bytes::<8>()?;
        let key = u16::from_le_bytes(self.bytes()?);
        let value = u64::from(u32::from_le_bytes(self.bytes()?));
        let stored = u64::from(u32::from_le_bytes(self.bytes()?));
        let is_possible = match compression {
            0 => value == stored,
            1 => value <= stored.saturating_mul(EXPANSION_MAX),
            _ => false,
        };
        if kind > 1 || key == 0 || !is_possible {
            return Ok(false);
        }
        self.skip(u64::from(key) + stored)?;
        Ok(true)
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.source.read_exact(&mut bytes)?;
        self.offset += N as u64;
        Ok(bytes)
    }

    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        if bytes > self.length.saturating_sub(self.offset) {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.offset += bytes;
        self.source.seek_relative(bytes.cast_signed())
    }
}
