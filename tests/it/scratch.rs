//! [`Scratch`]: a directory of a test's own.

use std::path::{Path, PathBuf};

/// An empty directory that goes when it is dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// `name` tells the tests of one process apart.
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ironloom-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("there is a directory for temporary files");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing depends on it: it is in the system's directory for what may go.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
