//! [`Seen`]: going from entry to entry, one name at a time.
//!
//! A path is resolved without a question asked. Whoever judges by permissions has to look at each directory on the way,
//! and goes that way here: a step costs one search in one directory.

use super::content::Content;
use super::directory::{Cursor, Found};
use super::entry::{Body, Entry};
use super::{Attributes, Kind, Name, Stat, Tree, TreeError};
use crate::BlobId;

/// An entry of a tree that was looked up, and from which others are.
///
/// ```
/// use std::sync::Arc;
/// use ironloom_blob::tree::{Attributes, Config, Tree};
/// use ironloom_blob::MemoryStore;
/// use ironloom_core::Instant;
///
/// let mut tree = Tree::new(Arc::new(MemoryStore::new()), Config::default());
/// tree.mkdir("/etc", Attributes::new(0o700, Instant::ZERO))?;
/// let etc = tree.root().child(b"etc")?.expect("it was just made");
/// assert_eq!(etc.attributes().mode, 0o700);
/// assert!(etc.child(b"passwd")?.is_none());
/// # Ok::<(), ironloom_blob::tree::TreeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Seen<'t> {
    tree: &'t Tree,
    /// `None` for the root.
    found: Option<Found>,
}

/// What a file's bytes were at some time, to be compared with what they are later. Costs a pointer.
#[derive(Debug, Clone)]
pub struct Version(Content);

impl PartialEq for Version {
    /// Whether nothing was written since; equal bytes that were written anew may count as different.
    fn eq(&self, other: &Self) -> bool {
        self.0.is_same(&other.0)
    }
}

impl Tree {
    /// The root, to go on from.
    #[must_use]
    pub const fn root(&self) -> Seen<'_> {
        Seen { tree: self, found: None }
    }
}

impl<'t> Seen<'t> {
    fn entry(&self) -> &Entry {
        self.found.as_ref().map_or(&self.tree.root, |found| found)
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.entry().kind()
    }

    /// What is known of it besides its content.
    #[must_use]
    pub fn attributes(&self) -> &Attributes {
        &self.entry().attributes
    }

    /// What is known of it, its size included.
    #[must_use]
    pub fn stat(&self) -> Stat {
        self.entry().stat()
    }

    /// How many bytes it has, if it is a file.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.entry().as_file().map_or(0, Content::len)
    }

    /// Where it points to, if it is a symbolic link.
    #[must_use]
    pub fn target(&self) -> Option<&[u8]> {
        match &self.entry().body {
            Body::Symlink(target) => Some(target),
            _ => None,
        }
    }

    /// The blob with its bytes, if it is a file that is stored and long enough for a blob of its own.
    ///
    /// Equal bytes have equal blobs. What the blob holds is this crate's business; its id is a name for the bytes.
    #[must_use]
    pub fn blob(&self) -> Option<BlobId> {
        self.entry().as_file().and_then(Content::link)
    }

    /// What its bytes are, if it is a file.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.entry().as_file().cloned().map(Version)
    }

    /// Whether it is a directory without entries.
    #[must_use]
    pub fn is_empty_directory(&self) -> bool {
        self.entry().as_directory().is_some_and(super::directory::Directory::is_empty)
    }

    /// The entry of this name in it, if it is a directory that has one.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn child(&self, name: &[u8]) -> Result<Option<Self>, TreeError> {
        let Some(directory) = self.entry().as_directory() else {
            return Ok(None);
        };
        let found = directory.find(name, &self.tree.shared)?;
        Ok(found.map(|found| Self { tree: self.tree, found: Some(found) }))
    }

    /// Up to `limit` of its entries, by name in the order of bytes, those above `after` if that is given.
    ///
    /// What is no directory has no entries.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn children(&self, after: Option<&[u8]>, limit: usize) -> Result<Vec<(Name, Self)>, TreeError> {
        let Some(directory) = self.entry().as_directory() else {
            return Ok(Vec::new());
        };
        let mut cursor = Cursor::new(directory, after, &self.tree.shared)?;
        let mut page = Vec::new();
        while page.len() < limit
            && let Some(found) = cursor.next(&self.tree.shared)?
        {
            page.push((found.name().clone(), Self { tree: self.tree, found: Some(found) }));
        }
        Ok(page)
    }

    /// Fills `out` from this offset on and returns how many bytes that were: fewer only at the end of the file. What is
    /// no file has no bytes.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn read(&self, offset: u64, out: &mut [u8]) -> Result<usize, TreeError> {
        self.entry().as_file().map_or(Ok(0), |content| content.read(offset, out, &self.tree.shared))
    }
}
