//! Opening: the checkpoint, and what the segments have beyond it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use ironloom_core::Map;
use parking_lot::{Mutex, RwLock};

use super::checkpoint::{self, Loaded, Position};
use super::index::{Entry, Index, Key, LOST, OFFSET_END, SHARDS};
use super::large::LargeCache;
use super::pins::{Pins, PinsError};
use super::record::{HEADER_BYTES, Kind, SEGMENT_VERSION, parse_segment};
use super::scan::{Found, scan};
use super::segment::{LiveChange, Segment, Segments, check_number, segment_name, segment_number};
use super::writer::Writer;
use super::{Counts, DiskConfig, DiskStore, OpenError, mark};
use crate::medium::{Medium, MediumFile};
use crate::{BlobError, BlobId};

/// The name of the file that is locked.
const LOCK_NAME: &str = "lock";

/// What recovery works on.
struct Opening<M: Medium> {
    medium: M,
    segments: Segments<M::File>,
    index: Index,
    /// What the checkpoint knew.
    start: Position,
    /// Where each segment ends that was scanned.
    ends: BTreeMap<u32, u64>,
    /// The large blobs among what was scanned, whose chunks may not all have survived.
    large: Vec<BlobId>,
}

impl<M: Medium> DiskStore<M> {
    /// Opens the store on this medium, or makes an empty one.
    ///
    /// # Errors
    ///
    /// If the config is impossible, somebody else has the store open, or the medium fails.
    pub fn open_on(medium: M, config: DiskConfig) -> Result<Self, OpenError> {
        config.check()?;
        let at = medium.to_string();
        let lock = medium.lock(LOCK_NAME).map_err(|source| io_error(&at, "locking the store", source))?;
        let lock = lock.ok_or_else(|| OpenError::Locked { at: at.clone() })?;
        let mut opening = Opening {
            medium,
            segments: Segments::new(),
            index: Index::new(),
            start: Position { segment: 0, offset: 0 },
            ends: BTreeMap::new(),
            large: Vec::new(),
        };
        // A process that was killed may have left names that are not durable.
        let synced = opening.medium.sync();
        synced.map_err(|source| io_error(&at, "syncing the directory", source))?;
        opening.open_segments(&at)?;
        let is_new = opening.is_new().map_err(|source| io_error(&at, "listing the files", source))?;
        let is_complete = opening.recover().map_err(|source| io_error(&at, "recovering", source))?;
        let pins = Pins::open(&opening.medium, is_new).map_err(|error| match error {
            PinsError::Missing => OpenError::PinsMissing { at: at.clone() },
            PinsError::Damaged(offset) => OpenError::Pins { at: at.clone(), offset },
            PinsError::Io(source) => io_error(&at, "reading the pins", source),
        })?;
        let last = opening.last_segment(&config);
        let last = last.map_err(|source| io_error(&at, "opening the last segment", source))?;
        let store = Self {
            writer: Writer::new(&config, last),
            config,
            medium: opening.medium,
            segments: opening.segments,
            index: opening.index,
            pins: Mutex::new(pins),
            gate: RwLock::new(()),
            marking: mark::idle(),
            unfinished: Mutex::new(Map::default()),
            maintenance: Mutex::new(()),
            manifests: Mutex::new(LargeCache::default()),
            counts: Counts::default(),
            _lock: lock,
        };
        store
            .drop_incomplete(&opening.large)
            .map_err(|source| OpenError::Recovery { at: at.clone(), source })?;
        if !is_complete {
            store.checkpoint().map_err(|source| OpenError::Recovery { at, source })?;
        }
        Ok(store)
    }
}

impl<M: Medium> DiskStore<M> {
    /// Takes large blobs out of the index that were not synced and of which a part is lost.
    fn drop_incomplete(&self, large: &[BlobId]) -> Result<(), BlobError> {
        for id in large {
            if !self.has_large_for_put(id)?
                && let Some(entry) = self.index.find(id)
                && self.index.remove(&Key::of(id), &entry)
            {
                self.segments.count(&entry, LiveChange::Left);
            }
        }
        Ok(())
    }
}

fn io_error(at: &str, action: &'static str, source: io::Error) -> OpenError {
    OpenError::Io { at: at.to_owned(), action, source }
}

impl<M: Medium> Opening<M> {
    fn open_segments(&mut self, at: &str) -> Result<(), OpenError> {
        let fail = |source| io_error(at, "opening a segment", source);
        for name in self.medium.list().map_err(fail)? {
            let Some(number) = segment_number(&name) else {
                continue;
            };
            let file = self.medium.open(&name).map_err(fail)?;
            let length = file.length().map_err(fail)?;
            let mut header = [0; HEADER_BYTES];
            if length >= HEADER_BYTES as u64 {
                file.read_at(&mut header, 0).map_err(fail)?;
            }
            match parse_segment(&header) {
                Some(found) if found != SEGMENT_VERSION => {
                    return Err(OpenError::Version {
                        at: at.to_owned(),
                        file: name,
                        found,
                        understood: SEGMENT_VERSION,
                    });
                }
                // One without a header may still have records.
                _ => self.segments.insert(Arc::new(Segment::new(number, file, length))),
            }
        }
        Ok(())
    }

    /// Whether nothing was ever put: the pins are made before the first segment.
    fn is_new(&self) -> io::Result<bool> {
        let has_index = self.medium.list()?.iter().any(|name| name == checkpoint::NAME);
        Ok(!has_index && self.segments.all().is_empty())
    }

    /// Fills the index; returns whether the checkpoint knew everything.
    fn recover(&mut self) -> io::Result<bool> {
        let loaded = checkpoint::load(&self.medium, &self.index)?;
        let start = match loaded {
            Loaded::Until(position) => position,
            Loaded::Nothing => {
                self.index = Index::new();
                Position { segment: 0, offset: 0 }
            }
        };
        self.start = start;
        let mut is_complete = loaded != Loaded::Nothing || self.segments.all().is_empty();
        for segment in self.segments.all() {
            if segment.number < start.segment {
                continue;
            }
            let offset = if segment.number == start.segment { start.offset } else { HEADER_BYTES as u64 };
            is_complete &= !self.scan_segment(&segment, offset)?;
        }
        self.count_live();
        Ok(is_complete)
    }

    /// Adds the records behind `offset`, and makes sure that they are durable; returns whether there was anything.
    fn scan_segment(&mut self, segment: &Segment<M::File>, offset: u64) -> io::Result<bool> {
        let (index, large) = (&self.index, &mut self.large);
        let end = scan(&segment.file, offset, |found: Found| {
            if found.intact && found.header.kind != Kind::Gap && found.offset < OFFSET_END {
                let entry = Entry::new(segment.number, found.offset, &found.header);
                index.insert(Key::of(&found.header.id), entry);
                if found.header.kind == Kind::Manifest {
                    large.push(found.header.id);
                }
            }
        })?;
        self.ends.insert(segment.number, end.offset);
        let is_empty = end.offset == offset && end.lost_bytes == 0;
        if !is_empty {
            // What only the page cache has would be taken for synced by whoever puts it again.
            segment.file.sync()?;
        }
        Ok(!is_empty)
    }

    fn count_live(&self) {
        let mut live: Map<u32, u64> = Map::default();
        for shard in 0..SHARDS {
            self.index.for_each(shard, |_, entry| {
                *live.entry(entry.segment).or_default() += entry.record_bytes();
            });
        }
        for (segment, bytes) in live {
            if let Some(segment) = self.segments.find(segment) {
                segment.set_live(bytes);
            }
        }
    }

    /// The segment to go on with: the last one if it has room and was scanned to its end, or else a new one.
    fn last_segment(&mut self, config: &DiskConfig) -> io::Result<Arc<Segment<M::File>>> {
        // Below the position of the checkpoint nothing would be scanned.
        let mut newest = self.start.segment;
        for shard in 0..SHARDS {
            self.index.for_each(shard, |_, entry| {
                if entry.segment != LOST {
                    newest = newest.max(entry.segment);
                }
            });
        }
        if let Some((&number, &end)) = self.ends.last_key_value() {
            let segment = self.segments.find(number).expect("it was scanned");
            if number >= newest && end >= HEADER_BYTES as u64 && end < config.segment_bytes {
                if segment.file.length()? > end {
                    segment.file.truncate(end)?;
                    segment.file.sync()?;
                }
                // A segment whose header was never written, or is damaged, gets one.
                segment.set_written(if end == HEADER_BYTES as u64 { 0 } else { end });
                return Ok(segment);
            }
            newest = newest.max(number);
        }
        let number = newest + 1;
        check_number(number)?;
        let file = self.medium.create(&segment_name(number))?;
        self.medium.sync()?;
        let segment = Arc::new(Segment::new(number, file, 0));
        self.segments.insert(Arc::clone(&segment));
        Ok(segment)
    }
}
