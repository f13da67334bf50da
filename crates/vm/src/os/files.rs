//! [`Files`]: the files of a machine, as its processes may see and change them.
//!
//! The tree below keeps modes, owners and times and judges nothing; here every directory on the way of a path is judged,
//! and every change. Each operation is told who calls: as whom, from which directory, and when.
//!
//! | to … | use |
//! |---|---|
//! | look | [`Files::stat`], [`Files::list`], [`Files::read_all`] |
//! | change | [`Files::write_all`], [`Files::mkdir`], [`Files::rename`], [`Files::chmod`] |
//! | read and write in parts | [`Files::open`] |
//! | go through much, a part at a time | [`Files::remove_all`], [`Files::copy`], [`Files::find`], [`Files::grep`], [`Files::glob`] |
//! | start a program | [`Files::program`] |
//! | hear of changes | [`Files::watch`] |
//!
//! Nothing here waits, reads a clock or leaves the root. What takes long is done in parts, each with a budget of steps.

mod access;
mod admit;
mod attributes;
mod copy;
mod copy_one;
mod error;
mod find;
mod glob;
mod grep;
mod make;
mod node;
mod open;
mod program;
mod read;
mod removal;
mod rename;
mod stat;
mod tour;
mod walk;
mod watch;
mod write;

use std::fmt;

use ironloom_blob::tree::{Quota, Usage};
use ironloom_blob::{BlobId, Durability, Tree};
use ironloom_core::Instant;

use crate::os::views::Views;
use crate::os::{Credentials, Errno};

use walk::{Last, Walk};
use watch::Watches;

pub use access::{Access, SET_GID, SET_UID, STICKY};
pub use copy::{CopyOptions, TreeCopy};
pub use find::{Comparison, Find, FindOptions, NamePattern};
pub use glob::Globbing;
pub use grep::{FoundLine, Grep, GrepOptions};
pub use open::{OpenFile, OpenOptions, Opened, Whence};
pub use program::Program;
pub use removal::Removal;
pub use stat::{FileKind, Listed, Stat, permissions};
pub use tour::Progress;
pub use watch::{WatchEvent, WatchId, WatchKind};

pub(in crate::os) use access::Facts;

/// Who asks for something.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// As whom.
    pub who: &'a Credentials,
    /// Where paths begin that do not begin with `/`: a path without links and dots, as [`Files::chdir`] gives it.
    pub cwd: &'a [u8],
    /// The permission bits that what it makes does not get.
    pub umask: u16,
    /// When.
    pub now: Instant,
    /// Which process: what `/proc/self` points to.
    pub pid: u32,
    /// What `/proc` shows.
    pub views: &'a dyn Views,
}

impl<'a> Caller<'a> {
    /// The system itself: root, at the root, with the usual umask, and an empty `/proc`.
    #[must_use]
    pub const fn system(root: &'a Credentials, now: Instant) -> Self {
        Self { who: root, cwd: b"/", umask: 0o022, now, pid: 0, views: &() }
    }
}

impl fmt::Debug for Caller<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("who", self.who)
            .field("cwd", &self.cwd.escape_ascii())
            .field("pid", &self.pid)
            .finish_non_exhaustive()
    }
}

/// The files of a machine.
///
/// ```
/// use std::sync::Arc;
/// use ironloom_blob::tree::{Config, Tree};
/// use ironloom_blob::MemoryStore;
/// use ironloom_core::Instant;
/// use ironloom_vm::os::{Caller, Credentials, Errno, Files};
///
/// let mut files = Files::new(Tree::new(Arc::new(MemoryStore::new()), Config::default()));
/// let (root, ann) = (Credentials::root(), Credentials::of(1000, 1000, [].into()));
/// let system = Caller::system(&root, Instant::ZERO);
/// files.write_all(&system, b"/secret", b"42", None)?;
/// files.chmod(&system, b"/secret", 0o600)?;
/// let caller = Caller { who: &ann, ..system };
/// assert_eq!(files.read_all(&caller, b"/secret", 1_024), Err(Errno::Access));
/// # Ok::<(), Errno>(())
/// ```
#[derive(Debug)]
pub struct Files {
    tree: Tree,
    /// Who watches what; nobody costs nothing.
    watches: Option<Box<Watches>>,
}

impl Files {
    /// The files of a tree. Views of processes and devices take the place of its `/proc` and `/dev`, if it has them.
    #[must_use]
    pub const fn new(tree: Tree) -> Self {
        Self { tree, watches: None }
    }

    /// Files of another machine that begin as these are now, for the price of a few pointers.
    ///
    /// Nothing is open or watched in them. They stand on the same snapshot as these; see
    /// [the rules of collection](ironloom_blob::tree).
    #[must_use]
    pub fn fork(&self) -> Self {
        let mut tree = self.tree.fork();
        tree.close_all();
        Self::new(tree)
    }

    /// Stores what was changed and gives the snapshot, which is to be pinned.
    ///
    /// # Errors
    ///
    /// If the store fails; nothing is lost then.
    pub fn commit(&mut self, durability: Durability) -> Result<BlobId, Errno> {
        Ok(self.tree.commit(durability)?)
    }

    /// How much is in them.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.tree.usage()
    }

    /// How much there may be.
    #[must_use]
    pub const fn quota(&self) -> Quota {
        self.tree.quota()
    }

    /// Allows more or less from now on.
    pub const fn set_quota(&mut self, quota: Quota) {
        self.tree.set_quota(quota);
    }

    /// The tree, for whoever judges nothing: the makers of images, and the host.
    #[must_use]
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The tree alone.
    #[must_use]
    pub fn into_tree(self) -> Tree {
        self.tree
    }

    /// The tree, to be changed by whoever judges nothing. Nobody who watches is told.
    pub const fn tree_mut(&mut self) -> &mut Tree {
        &mut self.tree
    }

    fn walk(&self, caller: &Caller<'_>, path: &[u8], last: Last) -> Result<Walk<'_>, Errno> {
        Walk::new(&self.tree, caller, path, last)
    }

    fn found(&self, caller: &Caller<'_>, path: &[u8], last: Last) -> Result<Walk<'_>, Errno> {
        Walk::found(&self.tree, caller, path, last)
    }
}

#[cfg(test)]
mod tests;
