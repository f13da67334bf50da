//! [`Spaces`]: the content of a store in memory at one moment.

use std::collections::BTreeMap;

use super::tree::Tree;
use crate::store::{Space, StoreError, Write, WriteBatch, check};

/// All spaces by name. A clone is a moment of them and shares what stays the same.
#[derive(Clone, Default)]
pub(in crate::store) struct Spaces {
    trees: BTreeMap<Space, Tree>,
}

impl Spaces {
    pub(in crate::store) fn declare(&mut self, spaces: &[Space]) {
        for space in spaces {
            self.trees.entry(*space).or_default();
        }
    }

    pub(super) fn tree(&self, space: Space) -> Result<&Tree, StoreError> {
        self.trees.get(&space).ok_or(StoreError::Undeclared { space })
    }

    /// Makes all changes, or none if one of them cannot be made.
    pub(in crate::store) fn commit(&mut self, changes: &WriteBatch) -> Result<(), StoreError> {
        check(changes, |space| self.trees.contains_key(&space))?;
        let mut changes = changes.iter().peekable();
        while let Some(first) = changes.peek() {
            let space = first.space();
            let tree = self.trees.get_mut(&space).ok_or(StoreError::Undeclared { space })?;
            // Changes of the same space mostly follow one another.
            while let Some(change) = changes.next_if(|change| change.space() == space) {
                match change {
                    Write::Put { key, value, .. } => tree.put(key, value),
                    Write::Remove { key, .. } => tree.remove(key),
                }
            }
        }
        Ok(())
    }
}
