//! Trees: directories, files and symbolic links over blobs.
//!
//! A [`Tree`] is open: it is read and changed in memory. [`commit`](Tree::commit) stores what was changed and gives a
//! snapshot, which is the id of a blob that leads to everything else. Any number of trees may be open from one snapshot,
//! and [`fork`](Tree::fork) makes another from an open one, changes and all, for the price of a few pointers: what
//! they have in common they share, in memory as in the store.
//!
//! | to … | use |
//! |---|---|
//! | say what an operation works on | [`At`]: a path, or a [`Handle`], or a path from a handle |
//! | look at each directory on the way | [`Tree::root`] |
//! | go over everything | [`Tree::list`], [`Tree::walk`], [`Tree::glob`], [`Tree::search`] |
//! | see what changed | [`Tree::diff`] |
//! | limit what a guest can do | [`Config`], [`Quota`] |
//!
//! **Collection.** Nodes link to everything they need, so whoever pins a snapshot keeps the tree. What is stored but not
//! pinned yet is the delicate part, and the rules are these:
//!
//! - A tree stands on the snapshot that it was opened from, or on its last commit. Its owner pins that for as long as the
//!   tree is used; the same holds for a fork, which stands on what its origin stood on. Walks, searches and differences
//!   stand on what their trees stood on when they began.
//! - The next commit takes what did not change from there without putting it again. So the old pin stays until the new
//!   snapshot is pinned, and a tree whose commit was never pinned, and was collected, is to be given up: what it commits
//!   next leads to what is gone.
//! - A removed file that somebody has open is in no snapshot any more. What was stored of it is kept by the snapshots that
//!   had it: one of them stays pinned until the handles are [closed](Tree::close).
//! - Between the first put of a commit and the setting of a pin the store protects: a collection spares what was put
//!   since the one before it began.
//!
//! Nothing here reads a clock, checks permissions or leaves the root: times are handed in, permissions are data, and
//! `..` and links are resolved within the tree. A tree has no inodes, so a hard [`link`](Tree::link) is a second entry
//! that shares the content until one of them is written.

mod builder;
mod change;
mod codec;
mod config;
mod content;
mod diff;
mod directory;
mod entry;
mod error;
mod files;
mod format;
mod glob;
mod handle;
mod list;
mod node;
mod path;
mod rename;
mod resolve;
mod search;
mod seen;
mod settle;
mod totals;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use crate::{BlobError, BlobId, BlobStore, Durability};

use entry::Entry;
use handle::Handles;

pub use config::{Config, Quota};
pub use diff::{Difference, Differences};
pub use entry::{Attributes, Kind, MediaType, MediaTypeError, Stat};
pub use error::{NodeError, TreeError};
pub use format::{NODE_BYTES_MAX, VERSION};
pub use glob::{Glob, GlobWalk, PatternError};
pub use handle::Handle;
pub use list::{Listed, Walk, Walked};
pub use path::{At, Name, PATH_BYTES_MAX, TreePath};
pub use search::{Match, Needle, Search};
pub use seen::{Seen, Version};

/// How many symbolic links a path may lead through, as in Linux.
pub const LINKS_MAX: usize = 40;

/// A directory tree that is open for reading and changing.
///
/// Changes are in memory until [`commit`](Tree::commit), and gone if the tree is dropped before. What is not changed is in
/// the store: keep the snapshot that the tree was opened from, or its last commit, pinned until the next one is. See the
/// [module](crate::tree) for the whole of it.
///
/// ```
/// use std::sync::Arc;
/// use ironloom_blob::tree::{Attributes, Config, Tree};
/// use ironloom_blob::{Durability, MemoryStore};
/// use ironloom_core::Instant;
///
/// let now = Instant::ZERO;
/// let mut tree = Tree::new(Arc::new(MemoryStore::new()), Config::default());
/// tree.mkdir("/etc", Attributes::new(0o755, now))?;
/// tree.put("/etc/hostname", b"loom", Attributes::new(0o644, now))?;
/// let image = tree.commit(Durability::Buffered)?;
///
/// let mut machine = tree.fork();
/// machine.write("/etc/hostname", 0, b"b", now)?;
/// assert_eq!(machine.read_all("/etc/hostname")?, b"boom");
/// assert_eq!(tree.read_all("/etc/hostname")?, b"loom");
/// assert_ne!(machine.commit(Durability::Buffered)?, image);
/// # Ok::<(), ironloom_blob::tree::TreeError>(())
/// ```
#[derive(Debug)]
pub struct Tree {
    shared: Arc<Shared>,
    root: Entry,
    handles: Arc<Handles>,
    quota: Quota,
    /// The id of the tree as it is, until something is changed.
    snapshot: Option<BlobId>,
}

const _: () = {
    const fn is_shareable<T: Send + Sync>() {}
    is_shareable::<Tree>();
};

/// What a tree has in common with its forks.
#[derive(Debug)]
struct Shared {
    store: Arc<dyn BlobStore>,
    config: Config,
    /// How many stored nodes are in memory.
    resident: Arc<AtomicUsize>,
}

impl Shared {
    fn new(store: Arc<dyn BlobStore>, config: Config) -> Arc<Self> {
        Arc::new(Self { store, config: config.checked(), resident: Arc::default() })
    }

    /// A blob that has no more than so many bytes. Its length is asked for first, so that no link makes us read more.
    fn load(&self, id: BlobId, bytes_max: usize) -> Result<bytes::Bytes, TreeError> {
        let length = self.store.len(id)?.ok_or(BlobError::NotFound { id })?;
        if length > bytes_max as u64 {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            return Err(TreeError::Corrupt { id, reason: NodeError::Length { length } });
        }
        Ok(self.store.get(id)?)
    }
}

impl Tree {
    /// An empty tree, whose root has mode 0o755 and belongs to user 0.
    ///
    /// # Panics
    ///
    /// If the configuration makes no sense; see [`Config`].
    #[must_use]
    pub fn new(store: Arc<dyn BlobStore>, config: Config) -> Self {
        let attributes = Attributes::new(0o755, ironloom_core::Instant::ZERO);
        Self {
            quota: config.quota,
            shared: Shared::new(store, config),
            root: Entry::directory(attributes),
            handles: Arc::default(),
            snapshot: None,
        }
    }

    /// Opens the tree of a snapshot. What is in it is read when it is needed.
    ///
    /// # Errors
    ///
    /// If the snapshot is not in the store, or is none, or is nested more deeply than the configuration allows.
    ///
    /// # Panics
    ///
    /// If the configuration makes no sense; see [`Config`].
    pub fn open(store: Arc<dyn BlobStore>, snapshot: BlobId, config: Config) -> Result<Self, TreeError> {
        let mut tree = Self::new(store, config);
        let bytes = tree.shared.load(snapshot, NODE_BYTES_MAX)?;
        tree.root =
            format::decode_root(&bytes).map_err(|reason| TreeError::Corrupt { id: snapshot, reason })?;
        directory::check_height(snapshot, tree.top().totals(), &tree.shared)?;
        tree.snapshot = Some(snapshot);
        Ok(tree)
    }

    /// Another tree that begins as this one is now, with its changes and its open handles.
    ///
    /// Both share all that they have in common, and neither sees what the other does from now on. The fork stands on the
    /// same snapshot, which must stay pinned until it has committed one that is.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            root: self.root.clone(),
            handles: Arc::clone(&self.handles),
            quota: self.quota,
            snapshot: self.snapshot,
        }
    }

    /// Closes all handles. What was removed while it was open is gone then.
    pub fn close_all(&mut self) {
        self.handles = Arc::default();
    }

    /// Stores what was changed and returns the id of the tree as it is now; equal trees have equal ids.
    ///
    /// Costs what was changed; without changes, nothing. The id is not pinned: until something points to it, it may be
    /// collected. The tree stands on it from now on, so pin it, and let go of the one before only then; and only when the
    /// handles of what was removed since are closed.
    ///
    /// # Errors
    ///
    /// If the store fails; the changes are still there then, and the commit may be tried again.
    pub fn commit(&mut self, durability: Durability) -> Result<BlobId, TreeError> {
        let snapshot = match self.snapshot {
            Some(snapshot) => snapshot,
            None => {
                let root = Entry {
                    attributes: self.root.attributes.clone(),
                    body: entry::Body::Directory(self.top().commit(&self.shared)?),
                };
                let blob = format::encode_root(&root);
                let snapshot = self.shared.store.put(&blob, Durability::Buffered)?;
                self.root = root;
                *self.snapshot.insert(snapshot)
            }
        };
        if durability == Durability::Synced {
            self.shared.store.sync()?;
        }
        Ok(snapshot)
    }

    /// Lets go of all nodes in memory, if nothing was changed since the last commit; they are read again when needed.
    ///
    /// What a fork shares stays until that lets go of it, too.
    pub fn release(&mut self) {
        let top = self.top();
        if let (Some(_), Some(id)) = (self.snapshot, top.link()) {
            self.root.body = entry::Body::Directory(directory::Directory::stored(id, top.totals()));
        }
    }

    /// The id of this tree, unless it was changed since it was opened or committed.
    #[must_use]
    pub const fn snapshot(&self) -> Option<BlobId> {
        self.snapshot
    }

    /// The store that it is in.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn BlobStore> {
        &self.shared.store
    }

    /// How much is in the tree.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let totals = self.top().totals();
        let orphans = self.handles.orphans();
        Usage {
            entries: totals.entries,
            bytes: totals.bytes,
            dirty_bytes: totals.dirty,
            orphan_bytes: orphans.bytes,
            orphan_dirty_bytes: orphans.dirty,
        }
    }

    /// How much there may be in the tree.
    #[must_use]
    pub const fn quota(&self) -> Quota {
        self.quota
    }

    /// Allows more or less from now on. What is there already stays.
    pub const fn set_quota(&mut self, quota: Quota) {
        self.quota = quota;
    }

    fn top(&self) -> &directory::Directory {
        self.root.as_directory().expect("the root is a directory")
    }
}

/// How much is in a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Files, directories and symbolic links, without the root.
    pub entries: u64,
    /// Bytes in files and targets of symbolic links.
    pub bytes: u64,
    /// About how many bytes of changes are in memory, for the next commit to store.
    pub dirty_bytes: u64,
    /// Bytes in removed files that somebody has open. They count towards the quota of bytes.
    pub orphan_bytes: u64,
    /// How many of those are in memory alone, until the handles are closed.
    pub orphan_dirty_bytes: u64,
}

/// Checks that a blob is a well-formed node or root of a tree, without looking at what it links to.
///
/// # Errors
///
/// If it is not.
pub fn check_node(bytes: &[u8]) -> Result<(), NodeError> {
    match format::kind(bytes)? {
        format::KIND_ROOT => format::decode_root(bytes).map(drop),
        format::KIND_DIRECTORY => format::decode_node(bytes).map(drop),
        format::KIND_CONTENT => content::FileNode::parse(bytes).map(drop),
        found => Err(NodeError::Kind { found }),
    }
}

#[cfg(test)]
mod tests;
