//! [`Stat`]: what can be known of an entry without reading it.

use ironloom_blob::tree::{Attributes, Kind, MediaType, Name};
use ironloom_core::Instant;

use super::access::{SET_GID, SET_UID, STICKY};

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// Bytes.
    File,
    /// Entries under names.
    Directory,
    /// A path that stands for another.
    Symlink,
    /// Something that is read and written, and keeps nothing.
    Device,
    /// What one process writes and another reads.
    Pipe,
}

impl FileKind {
    /// The name, as scripts see it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
            Self::Device => "device",
            Self::Pipe => "pipe",
        }
    }
}

impl From<Kind> for FileKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::File => Self::File,
            Kind::Directory => Self::Directory,
            Kind::Symlink => Self::Symlink,
        }
    }
}

/// What a directory says its size is, whatever is in it.
pub(super) const DIRECTORY_BYTES: u64 = 4_096;

/// What is known of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: FileKind,
    /// The twelve permission bits.
    pub mode: u16,
    /// Whose it is.
    pub uid: u32,
    /// Whose group's it is.
    pub gid: u32,
    /// Bytes of a file, or of a link's target.
    pub size: u64,
    /// When it was changed.
    pub modified: Instant,
    /// What a file's bytes are, if anybody said.
    pub media_type: Option<MediaType>,
}

impl Stat {
    pub(super) fn of(kind: FileKind, size: u64, attributes: &Attributes) -> Self {
        Self {
            kind,
            mode: attributes.mode,
            uid: attributes.uid,
            gid: attributes.gid,
            size,
            modified: attributes.modified,
            media_type: attributes.media_type.clone(),
        }
    }

    pub(super) fn of_stored(stat: &ironloom_blob::tree::Stat) -> Self {
        let size = if stat.kind == Kind::Directory { DIRECTORY_BYTES } else { stat.size };
        Self::of(stat.kind.into(), size, &stat.attributes)
    }

    /// The permission bits as people read them, like `rwxr-xr-x`.
    #[must_use]
    pub fn permissions(&self) -> String {
        permissions(self.mode)
    }
}

/// Permission bits as people read them, like `rwxr-xr-x`.
///
/// ```
/// assert_eq!(ironloom_vm::os::permissions(0o4755), "rwsr-xr-x");
/// assert_eq!(ironloom_vm::os::permissions(0o1776), "rwxrwxrwT");
/// ```
#[must_use]
pub fn permissions(mode: u16) -> String {
    let letter = |shift: u16, special: u16, with: char, without: char| {
        let read = if mode >> shift & 4 != 0 { 'r' } else { '-' };
        let write = if mode >> shift & 2 != 0 { 'w' } else { '-' };
        let execute = match (mode & special != 0, mode >> shift & 1 != 0) {
            (true, true) => with,
            (true, false) => without,
            (false, true) => 'x',
            (false, false) => '-',
        };
        [read, write, execute]
    };
    let owner = letter(6, SET_UID, 's', 'S');
    let group = letter(3, SET_GID, 's', 'S');
    let others = letter(0, STICKY, 't', 'T');
    [owner, group, others].concat().into_iter().collect()
}

/// An entry of a directory that was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: Name,
    /// What is known of it; a symbolic link is not followed.
    pub stat: Stat,
    /// Where it points to, if it is a symbolic link.
    pub target: Option<Vec<u8>>,
}
