//! [`Programs`]: what was compiled once for all machines.

use std::sync::Arc;

use ironloom_blob::BlobId;
use ironloom_core::Map;
use parking_lot::Mutex;

use super::Machine;
use crate::luau::{Bytecode, CompileError, Libraries};

/// What was compiled, by the name of the source. All machines share it.
#[derive(Debug)]
pub struct Programs {
    /// What every heap is furnished with.
    libraries: Arc<Libraries<Machine>>,
    /// Modules of the system, by name.
    modules: Vec<(&'static [u8], Bytecode)>,
    compiled: Mutex<Compiled>,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Compiled {
    programs: Map<BlobId, Bytecode>,
    bytes: usize,
}

impl Default for Programs {
    fn default() -> Self {
        Self::new(64 << 20)
    }
}

impl Programs {
    /// Keeps so many bytes of bytecode.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        let libraries = Arc::new(crate::api::libraries());
        let modules = crate::api::MODULES.map(|(name, source)| (name, Bytecode::of_system(source)));
        Self { libraries, modules: modules.into(), compiled: Mutex::default(), bytes_max }
    }

    /// What every heap is furnished with.
    pub(crate) fn libraries(&self) -> Arc<Libraries<Machine>> {
        Arc::clone(&self.libraries)
    }

    /// A module of the system.
    pub(crate) fn module(&self, name: &[u8]) -> Option<Bytecode> {
        self.modules.iter().find(|(known, _)| *known == name).map(|(_, bytecode)| bytecode.clone())
    }

    /// What was compiled from the source with this name.
    pub(crate) fn known(&self, source: BlobId) -> Option<Bytecode> {
        self.compiled.lock().programs.get(&source).cloned()
    }

    /// Compiles a source that nobody else is likely to have.
    ///
    /// # Errors
    ///
    /// If it is too long.
    #[expect(clippy::unused_self, reason = "all that is compiled is compiled here")]
    pub(crate) fn compile_apart(
        &self,
        source: &[u8],
        source_bytes_max: usize,
    ) -> Result<Bytecode, CompileError> {
        Bytecode::compile(source, source_bytes_max)
    }

    /// Compiles a source, unless that was done before.
    ///
    /// # Errors
    ///
    /// If it is too long.
    pub(crate) fn compile(
        &self,
        source: &[u8],
        source_bytes_max: usize,
    ) -> Result<(BlobId, Bytecode), CompileError> {
        let key = BlobId::of(source);
        if let Some(known) = self.known(key) {
            return Ok((key, known));
        }
        let bytecode = Bytecode::compile(source, source_bytes_max)?;
        let mut compiled = self.compiled.lock();
        let length = bytecode.as_bytes().len();
        if compiled.bytes + length > self.bytes_max {
            // What is in use is soon here again, and the rest was only a guess.
            *compiled = Compiled::default();
        }
        if compiled.programs.insert(key, bytecode.clone()).is_none() {
            compiled.bytes += length;
        }
        Ok((key, bytecode))
    }
}
