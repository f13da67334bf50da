//! Compaction: the records that are alive move out of the segments that are mostly dead.
//!
//! The order is what makes it safe: records are copied and synced, then the index is saved without the old places, and
//! only then are the old segments removed. A crash in between leaves records twice, which is no harm.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::MutexGuard;

use super::DiskStore;
use super::index::{Entry, Key, SHARDS};
use super::record::{HEADER_BYTES, Header};
use super::segment::{LiveChange, Segment, segment_name};
use crate::BlobError;
use crate::medium::{Medium, MediumFile};

/// Segments to empty, and what is alive in each.
type Victims<F> = BTreeMap<u32, (Arc<Segment<F>>, Vec<(Key, Entry)>)>;

impl<M: Medium> DiskStore<M> {
    /// Rewrites what is mostly dead; returns how many bytes that freed.
    pub(super) fn compact(&self, maintenance: &MutexGuard<'_, ()>) -> Result<u64, BlobError> {
        match self.compact_into_room(maintenance) {
            // There is no room to move or to save anything until what is dead already has gone. Should the store crash
            // before the index is saved, what was dropped is taken for lost; it is no more than that.
            Err(BlobError::Full) => {
                let last = self.writer.segment();
                let segments = self.segments.all().into_iter();
                self.remove_segments(segments.filter(|segment| segment.number < last))
            }
            result => result,
        }
    }

    fn compact_into_room(&self, maintenance: &MutexGuard<'_, ()>) -> Result<u64, BlobError> {
        let mut victims = self.victims()?;
        if victims.is_empty() {
            self.checkpoint_alone(maintenance)?;
            return Ok(0);
        }
        for shard in 0..SHARDS {
            self.index.for_each(shard, |key, entry| {
                if let Some((_, live)) = victims.get_mut(&entry.segment) {
                    live.push((*key, *entry));
                }
            });
        }
        let before = self.writer.appended();
        for (segment, live) in victims.values_mut() {
            live.sort_unstable_by_key(|(_, entry)| entry.offset);
            for (key, entry) in live.iter() {
                self.move_record(segment, key, entry)?;
            }
        }
        self.checkpoint_alone(maintenance)?;
        let copied = self.writer.appended() - before;
        let emptied = victims.into_values().map(|(segment, _)| segment);
        Ok(self.remove_segments(emptied)?.saturating_sub(copied))
    }

    /// The segments of which too little is alive. The one that is being written is closed if it is one.
    fn victims(&self) -> Result<Victims<M::File>, BlobError> {
        let is_victim = |segment: &Segment<M::File>| {
            let bytes = segment.written().saturating_sub(HEADER_BYTES as u64);
            segment.live() * 100 < bytes * self.config.compact_below_percent
        };
        self.writer.settle(&self.ground())?;
        let last = self.writer.segment();
        if self.segments.find(last).is_some_and(|segment| is_victim(&segment)) {
            self.writer.roll(&self.ground())?;
        }
        let last = self.writer.segment();
        let segments = self.segments.all().into_iter();
        Ok(segments
            .filter(|segment| segment.number < last && is_victim(segment))
            .map(|segment| (segment.number, (segment, Vec::new())))
            .collect())
    }

    /// Copies a record to the end of the log. A damaged one stays where it is.
    fn move_record(&self, segment: &Segment<M::File>, key: &Key, entry: &Entry) -> Result<(), BlobError> {
        if entry.offset() + HEADER_BYTES as u64 + u64::from(entry.stored) > segment.written() {
            return Ok(());
        }
        let mut bytes = vec![0; HEADER_BYTES + entry.stored as usize];
        if segment.file.read_at(&mut bytes, entry.offset()).is_err() {
            return Ok(());
        }
        let (header, stored) = bytes.split_first_chunk().expect("it begins with a header");
        let header = Header::parse(header).filter(|header| {
            Key::of(&header.id) == *key
                && header.stored == entry.stored
                && header.sum == crc32c::crc32c(stored)
        });
        let Some(header) = header else {
            return Ok(());
        };
        self.writer.append(&self.ground(), &header, stored, |place| {
            let target = Entry::new(place.segment, place.offset, &header);
            let moved = self.index.relocate(key, entry, &target);
            if moved {
                segment.set_moved_at(u64::MAX);
                self.segments.count(entry, LiveChange::Left);
                self.segments.count(&target, LiveChange::Came);
            }
            moved
        })?;
        segment.set_moved_at(self.writer.appended());
        Ok(())
    }

    /// Removes those segments in which nothing is alive any more, and whatever was is durable elsewhere.
    fn remove_segments(
        &self,
        segments: impl Iterator<Item = Arc<Segment<M::File>>>,
    ) -> Result<u64, BlobError> {
        let mut freed = 0;
        for segment in segments {
            if segment.live() > 0 || segment.moved_at() > self.writer.synced() {
                continue;
            }
            self.segments.remove(segment.number);
            match self.medium.remove(&segment_name(segment.number)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(self.writer.failed("removing a segment", error));
                }
                _ => {}
            }
            freed += segment.written();
        }
        self.medium.sync().map_err(|error| self.writer.stop("syncing the directory", error))?;
        Ok(freed)
    }
}
