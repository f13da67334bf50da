//! [`Config`]: the limits of programs. All who execute the same batches must have the same.

/// How much a program may be and have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// How long the source of a program may be.
    pub source_bytes_max: usize,
    /// How much memory a transaction may take. What it no longer needs is not collected while it runs.
    pub memory_bytes_max: usize,
    /// How many programs are kept compiled.
    pub programs_max: usize,
    /// How many bytes between a program and the host cost as much as a safepoint.
    pub unit_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { source_bytes_max: 64 << 10, memory_bytes_max: 16 << 20, programs_max: 1024, unit_bytes: 64 }
    }
}
