//! Segments: the files that records are appended to, and the table of those that are there.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use super::index::Entry;
use super::stats::SegmentStatistics;

/// No segment has a higher number: there is always a next number, and one that means none.
pub(crate) const NUMBER_MAX: u32 = 1 << 31;

/// What the name of a segment ends with.
const SUFFIX: &str = ".seg";

/// A file of records.
#[derive(Debug)]
pub(crate) struct Segment<F> {
    /// Its number, from 1; later ones have higher numbers.
    pub(crate) number: u32,
    pub(crate) file: F,
    /// How many of its bytes are in the file; those behind are in the writer's memory.
    written: AtomicU64,
    /// How many bytes its blobs take.
    live: AtomicU64,
    /// How much had been appended to the log when the last blob was copied out of it.
    moved_at: AtomicU64,
}

impl<F> Segment<F> {
    pub(crate) fn new(number: u32, file: F, written: u64) -> Self {
        Self {
            number,
            file,
            written: AtomicU64::new(written),
            live: AtomicU64::new(0),
            moved_at: AtomicU64::new(0),
        }
    }

    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    pub(crate) fn set_written(&self, bytes: u64) {
        self.written.store(bytes, Ordering::Release);
    }

    pub(crate) fn moved_at(&self) -> u64 {
        self.moved_at.load(Ordering::Acquire)
    }

    pub(crate) fn set_moved_at(&self, appended: u64) {
        self.moved_at.store(appended, Ordering::Release);
    }

    pub(crate) fn set_live(&self, bytes: u64) {
        self.live.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn statistics(&self) -> SegmentStatistics {
        SegmentStatistics { number: self.number, bytes: self.written(), live_bytes: self.live() }
    }

    pub(crate) fn live(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }
}

/// What a segment of this number is called.
pub(crate) fn segment_name(number: u32) -> String {
    format!("{number:08x}{SUFFIX}")
}

/// The number of the segment of this name, if it is one.
pub(crate) fn segment_number(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(SUFFIX)?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    ((1..=NUMBER_MAX).contains(&number) && segment_name(number) == name).then_some(number)
}

/// Whether a new segment may have this number.
pub(crate) fn check_number(number: u32) -> io::Result<()> {
    if number > NUMBER_MAX {
        return Err(io::Error::other("the numbers of segments are used up: copy the blobs to a new store"));
    }
    Ok(())
}

/// The segments that are there.
#[derive(Debug)]
pub(crate) struct Segments<F> {
    /// Shared as a whole, so that a reader holds the lock no longer than it takes to count it.
    table: RwLock<BTreeMap<u32, Arc<Segment<F>>>>,
}

impl<F> Segments<F> {
    pub(crate) fn new() -> Self {
        Self { table: RwLock::new(BTreeMap::new()) }
    }

    pub(crate) fn find(&self, number: u32) -> Option<Arc<Segment<F>>> {
        self.table.read().get(&number).cloned()
    }

    pub(crate) fn contains(&self, number: u32) -> bool {
        self.table.read().contains_key(&number)
    }

    pub(crate) fn insert(&self, segment: Arc<Segment<F>>) {
        self.table.write().insert(segment.number, segment);
    }

    pub(crate) fn remove(&self, number: u32) {
        self.table.write().remove(&number);
    }

    /// All of them, by number.
    pub(crate) fn all(&self) -> Vec<Arc<Segment<F>>> {
        self.table.read().values().cloned().collect()
    }

    /// Counts an entry that came into the index or left it.
    pub(crate) fn count(&self, entry: &Entry, change: LiveChange) {
        if let Some(segment) = self.table.read().get(&entry.segment) {
            match change {
                LiveChange::Came => segment.live.fetch_add(entry.record_bytes(), Ordering::Relaxed),
                LiveChange::Left => segment.live.fetch_sub(entry.record_bytes(), Ordering::Relaxed),
            };
        }
    }
}

/// What happened to an entry.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LiveChange {
    Came,
    Left,
}

/// Whether an error means that there is no room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

#[cfg(test)]
mod tests {
    use super::{segment_name, segment_number};

    #[test]
    fn names_are_numbers() {
        assert_eq!(segment_number(&segment_name(0x1234)), Some(0x1234));
        for name in [
            "00000000.seg",
            "1.seg",
            "0000000g.seg",
            "00000001.sag",
            "+0000001.seg",
            "80000001.seg",
            "ffffffff.seg",
        ] {
            assert_eq!(segment_number(name), None, "{name}");
        }
    }
}
