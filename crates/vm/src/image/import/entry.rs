//! What is known of an entry of a directory of the host.

use std::fs::{self, Metadata};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use ironloom_core::Instant;

use super::ImportError;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Link,
    Device,
    Pipe,
    Socket,
}

impl Kind {
    /// What people call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Link => "symbolic link",
            Self::Device => "device",
            Self::Pipe => "pipe",
            Self::Socket => "socket",
        }
    }

    fn of(metadata: &Metadata) -> Self {
        let kind = metadata.file_type();
        if kind.is_file() {
            Self::File
        } else if kind.is_dir() {
            Self::Directory
        } else if kind.is_symlink() {
            Self::Link
        } else if kind.is_fifo() {
            Self::Pipe
        } else if kind.is_socket() {
            Self::Socket
        } else {
            Self::Device
        }
    }
}

/// An entry, as it was when it was looked at.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
    pub(super) length: u64,
    pub(super) mode: u16,
    pub(super) owner: (u32, u32),
    pub(super) modified: Instant,
    /// The numbers of the disk and of the entry there.
    identity: (u64, u64),
}

impl Found {
    fn of(path: PathBuf, metadata: &Metadata) -> Self {
        let seconds = u64::try_from(metadata.mtime()).ok();
        let nanos = seconds.map(|seconds| {
            seconds.saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec().unsigned_abs())
        });
        Self {
            path,
            kind: Kind::of(metadata),
            length: metadata.len(),
            mode: (metadata.mode() & 0o7777) as u16,
            owner: (metadata.uid(), metadata.gid()),
            modified: Instant::from_nanos(nanos.unwrap_or(0)),
            identity: (metadata.dev(), metadata.ino()),
        }
    }

    /// What it is called in its directory.
    pub(super) fn name(&self) -> &[u8] {
        self.path.file_name().map(OsStrExt::as_bytes).unwrap_or_default()
    }

    /// Whether it is the same file or directory, with the same content as far as its length and time say.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (self.identity, self.kind, self.length, self.modified)
            == (other.identity, other.kind, other.length, other.modified)
    }
}

/// Looks at an entry; a link is itself.
pub(super) fn look(path: PathBuf) -> Result<Found, ImportError> {
    match fs::symlink_metadata(&path) {
        Ok(metadata) => Ok(Found::of(path, &metadata)),
        Err(source) => Err(ImportError::Read { path, source }),
    }
}

/// Looks at a file that was opened.
pub(super) fn look_at_open(path: &Path, file: &fs::File) -> Result<Found, ImportError> {
    match file.metadata() {
        Ok(metadata) => Ok(Found::of(path.to_path_buf(), &metadata)),
        Err(source) => Err(ImportError::Read { path: path.into(), source }),
    }
}

/// Where a link points to.
pub(super) fn target(path: &Path) -> Result<Vec<u8>, ImportError> {
    let target = fs::read_link(path).map_err(|source| ImportError::Read { path: path.into(), source })?;
    Ok(target.into_os_string().into_vec())
}
