//! [`Shelf`]: programs that were compiled.

use std::fmt;
use std::sync::Arc;

use ironloom_blob::{BlobError, BlobId, BlobStore};
use ironloom_core::Map;
use ironloom_state::Failure;
use parking_lot::Mutex;

use super::Config;
use super::run::REMOVED;
use crate::luau::Bytecode;

/// Programs by the id of their source, each compiled once.
pub(super) struct Shelf {
    blobs: Arc<dyn BlobStore>,
    compiled: Mutex<Map<BlobId, Bytecode>>,
    source_bytes_max: usize,
    programs_max: usize,
}

impl Shelf {
    pub(super) fn new(blobs: Arc<dyn BlobStore>, config: &Config) -> Self {
        let Config { source_bytes_max, programs_max, .. } = *config;
        Self { blobs, compiled: Mutex::default(), source_bytes_max, programs_max }
    }

    /// A program, compiled.
    ///
    /// # Errors
    ///
    /// If it is not in the store, or too long.
    ///
    /// # Panics
    ///
    /// If the store fails: that is no result of a transaction.
    pub(super) fn bytecode(&self, id: BlobId) -> Result<Bytecode, Failure> {
        if let Some(bytecode) = self.compiled.lock().get(&id) {
            return Ok(bytecode.clone());
        }
        let source = match self.blobs.get(id) {
            Ok(source) => source,
            Err(BlobError::NotFound { .. }) => {
                return Err(Failure::refused(format!("program {id} is not in the store")));
            }
            Err(error) => panic!("program {id} cannot be read: {error}"),
        };
        let bytecode = Bytecode::compile_without(&source, self.source_bytes_max, REMOVED)
            .map_err(|error| Failure::refused(error.to_string()))?;
        let mut compiled = self.compiled.lock();
        // Which programs are kept changes no result, only how fast it comes.
        if compiled.len() >= self.programs_max {
            compiled.clear();
        }
        compiled.insert(id, bytecode.clone());
        Ok(bytecode)
    }
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").field("blobs", &self.blobs).finish_non_exhaustive()
    }
}
