//! [`MemoryStore`]: a store that lasts as long as the process.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use ironloom_core::{Map, Set};
use parking_lot::RwLock;

use crate::link::Linked;
use crate::{BlobError, BlobId, BlobStore, Collected, Durability, PinError, PinName, Spare};

/// A store in memory, for tests and for worlds that are not to outlive their process.
///
/// Everything in it is as durable as it will ever be, and nothing is verified twice: memory does not lie.
///
/// ```
/// use ironloom_blob::{BlobStore, Durability, MemoryStore};
///
/// let store = MemoryStore::new();
/// let id = store.put(b"hello", Durability::Buffered)?;
/// assert_eq!(&store.get(id)?[..], b"hello");
/// # Ok::<(), ironloom_blob::BlobError>(())
/// ```
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    blobs: Map<BlobId, Blob>,
    pins: BTreeMap<PinName, BlobId>,
    /// How many collections there were.
    collections: u64,
}

#[derive(Debug)]
struct Blob {
    content: Bytes,
    /// How many collections there had been when it was put, or last put again.
    put_at: u64,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Drops what no pin keeps, except what `spare` spares. Everybody else waits for that long.
    pub fn collect(&self, spare: Spare) -> Collected {
        let mut state = self.state.write();
        let (reached, missing) = state.reach();
        let State { blobs, collections, .. } = &mut *state;
        let (before, mut freed_bytes) = (blobs.len(), 0);
        blobs.retain(|id, blob| {
            let keep = reached.contains(id) || (spare == Spare::Recent && blob.put_at == *collections);
            freed_bytes += if keep { 0 } else { blob.content.len() as u64 };
            keep
        });
        *collections += 1;
        Collected { kept: blobs.len() as u64, dropped: (before - blobs.len()) as u64, missing, freed_bytes }
    }
}

impl State {
    fn content(&self, id: BlobId) -> Result<&Bytes, BlobError> {
        let blob = self.blobs.get(&id).ok_or(BlobError::NotFound { id })?;
        Ok(&blob.content)
    }

    /// What the pins keep, and how much of it is not there.
    fn reach(&self) -> (Set<BlobId>, u64) {
        let mut stack: Vec<BlobId> = self.pins.values().copied().collect();
        let (mut reached, mut followed, mut missing) = (Set::default(), Set::default(), 0);
        let mut reach = |id| match self.content(id) {
            Ok(content) => {
                reached.insert(id);
                Some(content)
            }
            Err(_) => {
                missing += 1;
                None
            }
        };
        while let Some(id) = stack.pop() {
            let Some(content) = reach(id) else { continue };
            if followed.insert(id)
                && let Ok(linked) = Linked::parse(content)
            {
                linked.leaves().for_each(|leaf| _ = reach(leaf));
                stack.extend(linked.links());
            }
        }
        (reached, missing)
    }
}

impl BlobStore for MemoryStore {
    fn put(&self, content: &[u8], _: Durability) -> Result<BlobId, BlobError> {
        let id = BlobId::of(content);
        let mut state = self.state.write();
        let put_at = state.collections;
        let blob = state
            .blobs
            .entry(id)
            .or_insert_with(|| Blob { content: Bytes::copy_from_slice(content), put_at });
        blob.put_at = put_at;
        Ok(id)
    }

    fn put_stream(&self, content: &mut dyn Read, durability: Durability) -> Result<(BlobId, u64), BlobError> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(|error| BlobError::Io {
            action: "reading the stream to store",
            source: Arc::new(error),
        })?;
        Ok((self.put(&bytes, durability)?, bytes.len() as u64))
    }

    fn get(&self, id: BlobId) -> Result<Bytes, BlobError> {
        self.state.read().content(id).cloned()
    }

    fn get_range(&self, id: BlobId, range: Range<u64>) -> Result<Bytes, BlobError> {
        let blob = self.get(id)?;
        let length = blob.len() as u64;
        if range.start > range.end || range.end > length {
            return Err(BlobError::Range { id, range, length });
        }
        Ok(blob.slice(range.start as usize..range.end as usize))
    }

    fn len(&self, id: BlobId) -> Result<Option<u64>, BlobError> {
        Ok(self.state.read().blobs.get(&id).map(|blob| blob.content.len() as u64))
    }

    fn sync(&self) -> Result<(), BlobError> {
        Ok(())
    }

    fn pin(&self, name: &PinName) -> Result<Option<BlobId>, BlobError> {
        Ok(self.state.read().pins.get(name).copied())
    }

    fn set_pin(
        &self,
        name: &PinName,
        expected: Option<BlobId>,
        target: Option<BlobId>,
    ) -> Result<(), PinError> {
        let mut state = self.state.write();
        let found = state.pins.get(name).copied();
        if found != expected {
            return Err(PinError::Moved { name: name.clone(), found, expected });
        }
        match target {
            Some(id) if !state.blobs.contains_key(&id) => return Err(BlobError::NotFound { id }.into()),
            Some(id) => state.pins.insert(name.clone(), id),
            None => state.pins.remove(name),
        };
        Ok(())
    }

    fn pins(&self) -> Result<Vec<(PinName, BlobId)>, BlobError> {
        Ok(self.state.read().pins.iter().map(|(name, id)| (name.clone(), *id)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_kept_and_leads_nowhere_unless_it_is_a_link_too() {
        let store = MemoryStore::new();
        let put = |content: &[u8]| store.put(content, Durability::Buffered).unwrap();
        let child = put(b"child");
        let node = put(&Linked::encode(&[child], b""));
        let absent = BlobId::of(b"absent");
        let both = Linked::encode_with(&[node], &[node, absent], b"");
        let leaf = Linked::encode_with(&[], &[node, absent], b"");
        let pin = "root".parse().unwrap();
        for (root, is_kept) in [(both, true), (leaf, false)] {
            store.set_pin(&pin, store.pin(&pin).unwrap(), Some(put(&root))).unwrap();
            store.collect(Spare::Racing);
            assert_eq!(store.collect(Spare::Racing).missing, 1);
            assert_eq!((store.has(node).unwrap(), store.has(child).unwrap()), (true, is_kept));
        }
    }

    #[test]
    fn what_no_pin_keeps_is_dropped() {
        let store = MemoryStore::new();
        let put = |content: &[u8]| store.put(content, Durability::Buffered).unwrap();
        let (kept, dropped) = (put(b"kept"), put(b"dropped"));
        let absent = BlobId::of(b"absent");
        let root = put(&Linked::encode(&[kept, absent], b""));
        store.set_pin(&"root".parse().unwrap(), None, Some(root)).unwrap();
        assert_eq!(store.collect(Spare::Recent).dropped, 0, "all was put since the last one");
        let again = put(b"again");
        let collected = store.collect(Spare::Recent);
        assert_eq!((collected.dropped, collected.kept, collected.missing), (1, 3, 1));
        assert!(matches!(store.get(dropped), Err(BlobError::NotFound { .. })));
        assert_eq!(store.get(again).unwrap(), &b"again"[..]);
        assert_eq!(store.collect(Spare::Racing).dropped, 1);
        assert_eq!(store.get(kept).unwrap(), &b"kept"[..]);
    }
}
