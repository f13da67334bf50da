//! [`MemoryStore`]: a store that is gone with the process.

mod bytes;
mod keys;
mod spaces;
mod tree;

use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;

use super::{KeyRange, ReadStore, Space, Store, StoreError, Visit, WriteBatch, is_empty};
pub(super) use spaces::Spaces;

/// A store in memory. Clones are handles of the same store; [`fork`](Self::fork) makes another one.
///
/// ```
/// use ironloom_state::{MemoryStore, ReadStore, Space, Store, WriteBatch};
///
/// const NOTES: Space = Space::new("example.notes");
///
/// let store = MemoryStore::new();
/// store.declare(&[NOTES])?;
/// let mut changes = WriteBatch::new();
/// changes.put(NOTES, b"key", b"value");
/// store.commit(&changes)?;
/// assert_eq!(store.get(NOTES, b"key")?.as_deref(), Some(&b"value"[..]));
/// # Ok::<(), ironloom_state::StoreError>(())
/// ```
///
/// A scan looks at a moment of its space that costs nothing to make and is kept as long as the scan lasts: commits
/// meanwhile copy the nodes that they change. No lock is held while the visitor runs.
#[derive(Clone, Default)]
pub struct MemoryStore {
    spaces: Arc<RwLock<Spaces>>,
}

impl MemoryStore {
    /// A store without spaces.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another store with the same content, which changes by itself from now on.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self::holding(self.moment())
    }

    pub(super) fn holding(spaces: Spaces) -> Self {
        Self { spaces: Arc::new(RwLock::new(spaces)) }
    }

    pub(super) fn moment(&self) -> Spaces {
        self.spaces.read().clone()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

impl ReadStore for MemoryStore {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.spaces.read().tree(space)?.get(key).map(<[u8]>::to_vec))
    }

    fn scan(&self, space: Space, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let tree = self.spaces.read().tree(space)?.clone();
        if !is_empty(range) {
            tree.scan(range, visit);
        }
        Ok(())
    }
}

impl Store for MemoryStore {
    fn declare(&self, spaces: &[Space]) -> Result<(), StoreError> {
        self.spaces.write().declare(spaces);
        Ok(())
    }

    fn commit(&self, changes: &WriteBatch) -> Result<(), StoreError> {
        self.spaces.write().commit(changes)
    }

    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
