//! From the root of an export to its chunks, one after another.

use std::ops::Deref;
use std::vec;

use ironloom_blob::{BlobId, BlobStore};

use super::format::{CHUNK, parse_index};
use super::{ImportError, Malformed, NODE_BYTES_MAX};
use crate::Value;

/// Reads parts of an export, none longer than it may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) blobs: &'a dyn BlobStore,
}

impl<'a> Reader<'a> {
    /// A blob of at most so many bytes.
    pub(super) fn load(
        self,
        id: BlobId,
        bytes_max: u64,
    ) -> Result<impl Deref<Target = [u8]> + use<>, ImportError> {
        match self.blobs.len(id)? {
            Some(found) if found > bytes_max => Err(ImportError::Malformed {
                blob: id,
                reason: Malformed::Length { expected: bytes_max, found },
            }),
            _ => Ok(self.blobs.get(id)?),
        }
    }

    pub(super) fn load_value(self, id: BlobId, bytes: u32) -> Result<Value, ImportError> {
        let expected = u64::from(bytes);
        let content = self.load(id, expected)?;
        let found = content.len() as u64;
        if found != expected {
            return Err(ImportError::Malformed { blob: id, reason: Malformed::Length { expected, found } });
        }
        Ok(Value::new(&content))
    }

    /// Walks over the chunks below a part of this level.
    pub(super) fn chunks(self, top: Option<BlobId>, level: u8) -> Chunks<'a> {
        let stack = top.map(|top| (level, vec![top].into_iter())).into_iter().collect();
        Chunks { reader: self, stack }
    }
}

/// The chunks of an export, in order. Ends nowhere before the last; whoever walks stops at the first that is no use.
#[derive(Debug)]
pub(super) struct Chunks<'a> {
    reader: Reader<'a>,
    /// What is left on the way down: parts of a level, each below the one before. So there are no more than levels.
    stack: Vec<(u8, vec::IntoIter<BlobId>)>,
}

impl Chunks<'_> {
    /// The next chunk, which has at least one entry if it is one.
    pub(super) fn next(
        &mut self,
    ) -> Result<Option<(BlobId, impl Deref<Target = [u8]> + use<>)>, ImportError> {
        while let Some((level, parts)) = self.stack.last_mut() {
            let level = *level;
            let Some(id) = parts.next() else {
                self.stack.pop();
                continue;
            };
            let content = self.reader.load(id, NODE_BYTES_MAX)?;
            if level == CHUNK {
                return Ok(Some((id, content)));
            }
            let children =
                parse_index(&content, level).map_err(|reason| ImportError::Malformed { blob: id, reason })?;
            self.stack.push((level - 1, children.into_iter()));
        }
        Ok(None)
    }
}
