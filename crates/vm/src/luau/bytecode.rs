//! [`Bytecode`]: what the compiler made of a source.

use std::ffi::CStr;
use std::sync::Arc;

use thiserror::Error;

use super::raw;

/// What the compiler made of a source. There is no other way to get it, so it can be trusted.
#[derive(Debug, Clone)]
pub struct Bytecode(Arc<[u8]>);

/// A source cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CompileError {
    /// It is too long.
    #[error("the source has {length} bytes: {source_bytes_max} are compiled at most")]
    Length {
        /// How long it is.
        length: usize,
        /// How long it may be.
        source_bytes_max: usize,
    },
}

impl Bytecode {
    /// Compiles a source. What is wrong with its text is found when it is loaded.
    ///
    /// # Errors
    ///
    /// If it is too long: compiling takes time and memory that nobody else limits.
    pub fn compile(source: &[u8], source_bytes_max: usize) -> Result<Self, CompileError> {
        let length = source.len();
        if length > source_bytes_max {
            return Err(CompileError::Length { length, source_bytes_max });
        }
        // A first line that says what runs a file is no Luau, and keeps its place.
        if let Some(rest) = source.strip_prefix(b"#!") {
            return Ok(Self(raw::compile(&[b"--", rest].concat(), true).into()));
        }
        Ok(Self(raw::compile(source, true).into()))
    }

    /// As [`compile`](Self::compile), for states that do not have all of Luau's functions: these are named.
    ///
    /// # Errors
    ///
    /// As [`compile`](Self::compile).
    pub(crate) fn compile_without(
        source: &[u8],
        source_bytes_max: usize,
        names: &[&CStr],
    ) -> Result<Self, CompileError> {
        let length = source.len();
        if length > source_bytes_max {
            return Err(CompileError::Length { length, source_bytes_max });
        }
        Ok(Self(raw::compile_without(source, names).into()))
    }

    /// Compiles a part of the system, whose lines are nobody's business.
    pub(crate) fn of_system(source: &[u8]) -> Self {
        Self(raw::compile(source, false).into())
    }

    /// The bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What a chunk is called in messages: its file.
pub(crate) fn chunk_name(path: &[u8]) -> std::ffi::CString {
    let shown = path.iter().copied().filter(|byte| *byte != 0 && *byte >= b' ').take(200);
    let name: Vec<u8> = std::iter::once(b'=').chain(shown).collect();
    std::ffi::CString::new(name).expect("there are no zeros in it")
}
