//! A store that keeps what a state needs to go on, and forgets its history.

use std::ops::Bound;

use ironloom_state::{
    KeyRange, MemoryStore, ReadStore, ResourceId, SPACES, Space, Store, StoreError, Visit, Write, WriteBatch,
};

/// Keeps one row of each resource, and nothing of batches.
#[derive(Debug, Clone, Default)]
pub(crate) struct Forgetful(MemoryStore);

impl ReadStore for Forgetful {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(space, key)
    }

    fn scan(&self, space: Space, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.0.scan(space, range, visit)
    }
}

impl Store for Forgetful {
    fn declare(&self, spaces: &[Space]) -> Result<(), StoreError> {
        self.0.declare(spaces)
    }

    fn commit(&self, changes: &WriteBatch) -> Result<(), StoreError> {
        let [rows, batches, diffs, receipts, roots, ..] = SPACES;
        for change in changes.iter() {
            let mut kept = WriteBatch::new();
            match change {
                Write::Put { space, .. } if [batches, diffs, receipts, roots].contains(&space) => {}
                Write::Put { space, key, value } => {
                    if space == rows {
                        let resource = &key[..ResourceId::BYTES];
                        let last = [resource, &[u8::MAX; 8]].concat();
                        let range = (Bound::Included(resource), Bound::Included(last.as_slice()));
                        self.0.scan(rows, range, &mut |older, _| {
                            kept.remove(rows, older);
                            std::ops::ControlFlow::Continue(())
                        })?;
                    }
                    kept.put(space, key, value);
                }
                Write::Remove { space, key } => kept.remove(space, key),
            }
            self.0.commit(&kept)?;
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
