//! Reading files of the host, piece by piece.

use std::fs::File;
use std::io::{ErrorKind, Read};

use ironloom_blob::tree::TreeError;

use super::ImportError;
use super::entry::{Found, look_at_open};

/// How much is read at a time.
const PIECE_BYTES: u64 = 1 << 20;

/// Gives `keep` all of a file, which must be what was found and stay so while it is read.
pub(super) fn copy(
    found: &Found,
    keep: impl FnMut(u64, &[u8]) -> Result<(), TreeError>,
) -> Result<(), ImportError> {
    let path = &found.path;
    let mut file = File::open(path).map_err(|source| ImportError::Read { path: path.clone(), source })?;
    if !look_at_open(path, &file)?.is_same(found) {
        return Err(ImportError::Changed { path: path.clone() });
    }
    pieces(&mut file, found, keep)?;
    if look_at_open(path, &file)?.is_same(found) {
        Ok(())
    } else {
        Err(ImportError::Changed { path: path.clone() })
    }
}

/// Reads to the end, which must be where it was said to be.
pub(super) fn pieces(
    file: &mut impl Read,
    found: &Found,
    mut keep: impl FnMut(u64, &[u8]) -> Result<(), TreeError>,
) -> Result<(), ImportError> {
    let mut piece = vec![0; found.length.clamp(1, PIECE_BYTES) as usize];
    let mut offset = 0;
    loop {
        let length = match file.read(&mut piece) {
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(source) => return Err(ImportError::Read { path: found.path.clone(), source }),
        };
        let end = offset + length as u64;
        if end > found.length || (length == 0 && end < found.length) {
            return Err(ImportError::Changed { path: found.path.clone() });
        }
        if length == 0 {
            return Ok(());
        }
        let kept = keep(offset, &piece[..length]);
        kept.map_err(|source| ImportError::Tree { path: found.path.clone(), source })?;
        offset = end;
    }
}
