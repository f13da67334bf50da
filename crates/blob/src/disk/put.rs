//! Putting blobs that are stored whole, and what all puts share.

use std::sync::atomic::Ordering;

use super::DiskStore;
use super::compress::compress;
use super::index::{Entry, Inserted, Key, LARGE};
use super::record::{Header, Kind, Shape};
use super::segment::LiveChange;
use super::writer::Place;
use crate::medium::Medium;
use crate::{BlobError, BlobId, Durability, link};

impl<M: Medium> DiskStore<M> {
    pub(super) fn put_whole(&self, content: &[u8]) -> Result<BlobId, BlobError> {
        let id = BlobId::of(content);
        self.count_put(content.len() as u64);
        let _gate = self.gate.read();
        if !self.has_for_put(&id)? {
            self.store_whole(&id, content)?;
        }
        Ok(id)
    }

    /// Whether a blob need not be stored again. If so, no collection that runs will take it.
    pub(super) fn has_for_put(&self, id: &BlobId) -> Result<bool, BlobError> {
        match self.index.touch(id) {
            Some(entry) if !self.segments.contains(entry.segment) => Ok(false),
            Some(entry) if entry.length == LARGE => self.has_large_for_put(id),
            Some(_) => Ok(true),
            None => Ok(false),
        }
    }

    pub(super) fn store_whole(&self, id: &BlobId, content: &[u8]) -> Result<(), BlobError> {
        let (codec, stored) = compress(content, self.config.compression);
        let shape = Shape { length: content.len() as u64, links: link::is_linked(content) };
        let header = Header::new(*id, Kind::Whole, codec, shape, &stored);
        let stored_it = self.store(&header, &stored, None)?;
        if stored_it {
            self.counts.unique_bytes.fetch_add(shape.length, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Appends a record and makes it known; `false` if somebody else was faster. A manifest takes the place of another
    /// only if that is `broken`: what somebody else has just stored may be synced already, and this is not.
    pub(super) fn store(
        &self,
        header: &Header,
        stored: &[u8],
        broken: Option<Entry>,
    ) -> Result<bool, BlobError> {
        let mut stored_it = false;
        self.writer.append(&self.ground(), header, stored, |place| {
            stored_it = self.publish(header, place, broken);
            stored_it
        })?;
        Ok(stored_it)
    }

    /// Makes a record known that is about to be appended; `false` if there is one like it. It is asked under the
    /// writer's lock, so it reads nothing.
    fn publish(&self, header: &Header, place: Place, broken: Option<Entry>) -> bool {
        let entry = Entry::new(place.segment, place.offset, header);
        let is_as_good = |found: &Entry| {
            let is_same_kind = (entry.length == LARGE) == (found.length == LARGE);
            is_same_kind
                && broken.is_none_or(|broken| !broken.is_at(found))
                && self.segments.contains(found.segment)
        };
        match self.index.insert_unless(Key::of(&header.id), entry, is_as_good) {
            Inserted::Kept => return false,
            Inserted::New => {}
            Inserted::Replaced(replaced) => self.segments.count(&replaced, LiveChange::Left),
        }
        self.segments.count(&entry, LiveChange::Came);
        true
    }

    pub(super) fn count_put(&self, bytes: u64) {
        self.counts.logical_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn finish_put(&self, durability: Durability) -> Result<(), BlobError> {
        if durability == Durability::Synced {
            self.writer.sync(&self.ground())?;
        }
        self.checkpoint_if_due();
        Ok(())
    }
}
