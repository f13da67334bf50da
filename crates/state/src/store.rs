//! [`Store`]: where state rests. Everything above it speaks this vocabulary only.
//!
//! A store keeps sorted maps, called *spaces*, and changes any number of them at once. What it must promise is little:
//! a commit is whole or never happened, commits survive a crash in order (if one is there, so are all before it), and
//! after [`Store::sync`] all of them survive.

mod error;
mod faulty;
mod fjall;
mod memory;
mod space;
#[cfg(test)]
mod tests;
mod write_batch;

use std::fmt;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

pub use error::StoreError;
pub use faulty::FaultyStore;
pub use fjall::{FjallConfig, FjallStore};
pub use memory::MemoryStore;
pub use space::Space;
pub use write_batch::{Write, WriteBatch};

/// The longest key that a store keeps. A key has at least one byte.
pub const KEY_BYTES_MAX: usize = 65_535;

/// From where to where a scan goes. A range whose end comes before its start is empty.
pub type KeyRange<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// What looks at each entry of a scan, and may break it off.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// A store that is only read.
pub trait ReadStore: fmt::Debug + Send + Sync + 'static {
    /// The value under a key; of a commit, all changes are seen or none.
    ///
    /// # Errors
    ///
    /// If the store fails, or the space was not declared.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Visits the entries of a range in ascending order of their keys, as they are at one moment: what is committed
    /// meanwhile is not seen. The visitor may call the store.
    ///
    /// # Errors
    ///
    /// If the store fails, or the space was not declared.
    fn scan(&self, space: Space, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), StoreError>;
}

/// A store of sorted key spaces that are changed together.
///
/// Every method may be called from any thread. Nobody but the owner of a [`State`](crate::State) writes to its spaces.
pub trait Store: ReadStore {
    /// Makes spaces known, and creates those that are not there. A space is declared by the crate that owns it.
    ///
    /// # Errors
    ///
    /// If the store fails.
    fn declare(&self, spaces: &[Space]) -> Result<(), StoreError>;

    /// Makes all the changes at once, in their order. A crash may undo it until the next [`sync`](Self::sync), but not
    /// in part, and not without undoing all later ones.
    ///
    /// # Errors
    ///
    /// If a space was not declared or a key has not 1 to [`KEY_BYTES_MAX`] bytes: nothing was changed. If the store
    /// fails: whether the changes were made is not known, and it must be opened again.
    fn commit(&self, changes: &WriteBatch) -> Result<(), StoreError>;

    /// Returns when everything that was committed before survives a power failure.
    ///
    /// # Errors
    ///
    /// If the store fails.
    fn sync(&self) -> Result<(), StoreError>;
}

impl<S: ReadStore + ?Sized> ReadStore for Arc<S> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        (**self).get(space, key)
    }

    fn scan(&self, space: Space, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        (**self).scan(space, range, visit)
    }
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn declare(&self, spaces: &[Space]) -> Result<(), StoreError> {
        (**self).declare(spaces)
    }

    fn commit(&self, changes: &WriteBatch) -> Result<(), StoreError> {
        (**self).commit(changes)
    }

    fn sync(&self) -> Result<(), StoreError> {
        (**self).sync()
    }
}

/// Whether no key is within a range; engines may refuse such a one.
pub(crate) fn is_empty(range: KeyRange<'_>) -> bool {
    use Bound::{Excluded, Included};
    match range {
        (Included(start), Included(end)) => start > end,
        (Included(start) | Excluded(start), Included(end) | Excluded(end)) => start >= end,
        _ => false,
    }
}

/// Checks that every change is one that a store can make, given which spaces are known.
fn check(changes: &WriteBatch, is_declared: impl Fn(Space) -> bool) -> Result<(), StoreError> {
    let mut known = None;
    for change in changes.iter() {
        let (space, bytes) = (change.space(), change.key().len());
        if known != Some(space) && !is_declared(space) {
            return Err(StoreError::Undeclared { space });
        }
        known = Some(space);
        if bytes == 0 || bytes > KEY_BYTES_MAX {
            return Err(StoreError::KeyLength { space, bytes });
        }
    }
    Ok(())
}

/// The first key after all that begin with `prefix`; `None` where nothing comes after them.
pub(crate) fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|byte| *byte < u8::MAX)?;
    let mut end = prefix[..=kept].to_vec();
    end[kept] += 1;
    Some(end)
}
