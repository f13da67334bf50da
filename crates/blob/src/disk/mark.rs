//! Marking: what the pins keep.
//!
//! A collection has three phases. It *begins* alone, by noting of every blob that it is older than the collection; what
//! is put from then on, again or for the first time, is spared. It *marks*, from the pins and from the large blobs that
//! are being put, through tables of links and manifests. Then it *sweeps*. A pin that is set meanwhile may be the first
//! to keep what it points to: while the collection marks, that is one more root; while it sweeps, the pin is set only
//! once all that it keeps is marked, and not at all if a part of it is gone.

use parking_lot::Mutex;

use super::DiskStore;
use super::index::{Age, Entry, LARGE, SHARDS};
use crate::medium::Medium;
use crate::{BlobError, BlobId, PinError, PinName, link};

/// How much of a table of links is read at once.
const TABLE_BYTES: u64 = 1 << 20;
const TABLE_HEADER_BYTES: u64 = 12;
const ID_BYTES: u64 = 32;

/// How far a collection is.
#[derive(Debug, Default)]
pub(super) struct Marking {
    phase: Phase,
    /// What was reached but not yet looked at.
    stack: Vec<BlobId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Idle,
    Mark,
    Sweep,
}

impl<M: Medium> DiskStore<M> {
    /// Begins a collection: everything in the store is older than it.
    pub(super) fn begin_collection(&self) -> Result<(), BlobError> {
        let _gate = self.gate.write();
        for shard in 0..SHARDS {
            self.index.retain(shard, |_, entry| {
                entry.age = if entry.age == Age::New { Age::Recent } else { Age::Old };
                true
            });
        }
        let mut marking = self.marking.lock();
        marking.phase = Phase::Mark;
        marking.stack.clear();
        marking.stack.extend(self.pins.lock().table.values());
        for chunks in self.unfinished.lock().values() {
            // One that is not stored yet will be new when it is.
            chunks.lock().iter().for_each(|chunk| self.index.renew(chunk));
        }
        Ok(())
    }

    /// Marks everything that the pins keep, and goes on to the sweep. If a part of it is absent, it is not known what
    /// that would keep, and there must be no sweep.
    pub(super) fn mark(&self) -> Result<(), BlobError> {
        loop {
            let mut marking = self.marking.lock();
            let Some(id) = marking.stack.pop() else {
                marking.phase = Phase::Sweep;
                return Ok(());
            };
            drop(marking);
            let entry = self.index.reach(&id).ok_or(BlobError::NotFound { id })?;
            if entry.age != Age::Reached {
                self.for_each_reference(&id, &entry, |reference| self.marking.lock().stack.push(reference))?;
            }
        }
    }

    pub(super) fn end_collection(&self) {
        let mut marking = self.marking.lock();
        marking.phase = Phase::Idle;
        marking.stack = Vec::new();
    }

    /// Names the blobs that a blob cannot do without.
    fn for_each_reference(
        &self,
        id: &BlobId,
        entry: &Entry,
        mut visit: impl FnMut(BlobId),
    ) -> Result<(), BlobError> {
        if entry.length == LARGE {
            let manifest = self.manifest(id)?;
            manifest.chunks.iter().for_each(|chunk| visit(chunk.id));
        }
        if !entry.links {
            return Ok(());
        }
        if entry.length != LARGE {
            let content = self.read_whole(id)?;
            // A blob that has the magic but no whole table links to nothing.
            let links = link::Linked::parse(&content).ok();
            links.into_iter().for_each(|linked| linked.links().for_each(&mut visit));
            return Ok(());
        }
        self.for_each_link_of_large(id, visit)
    }

    fn for_each_link_of_large(&self, id: &BlobId, mut visit: impl FnMut(BlobId)) -> Result<(), BlobError> {
        let length = self.manifest(id)?.length();
        let header = self.read_range(id, 0..TABLE_HEADER_BYTES)?;
        if !link::is_linked(&header) {
            return Ok(());
        }
        let count = header.last_chunk::<4>().map_or(0, |count| u32::from_le_bytes(*count));
        let end = TABLE_HEADER_BYTES + u64::from(count) * ID_BYTES;
        if end > length {
            return Ok(());
        }
        let mut start = TABLE_HEADER_BYTES;
        while start < end {
            let next = (start + TABLE_BYTES).min(end);
            let table = self.read_range(id, start..next)?;
            let ids = table.as_chunks::<{ ID_BYTES as usize }>().0;
            ids.iter().for_each(|id| visit(BlobId::from_bytes(*id)));
            start = next;
        }
        Ok(())
    }

    pub(super) fn move_pin(
        &self,
        name: &PinName,
        expected: Option<BlobId>,
        target: Option<BlobId>,
    ) -> Result<(), PinError> {
        // Whoever takes several of these locks takes them in this order.
        let _gate = self.gate.read();
        let mut marking = self.marking.lock();
        let mut pins = self.pins.lock();
        let found = pins.table.get(name).copied();
        if found != expected {
            return Err(PinError::Moved { name: name.clone(), found, expected });
        }
        let pins_max = self.config.pins_max;
        if found.is_none() && target.is_some() && pins.table.len() >= pins_max {
            return Err(PinError::TooMany { name: name.clone(), pins_max });
        }
        if let Some(id) = target {
            self.reserve(&mut marking, id)?;
        }
        if target.is_some() {
            self.writer.sync(&self.ground())?;
        }
        // Letting go needs no blob to be durable, and must not fail because there is no room for some.
        self.writer.check()?;
        pins.set(&self.medium, name, target)
            .map_err(|error| self.writer.failed("writing the pins", error).into())
    }

    /// Makes sure that a collection that runs takes nothing that `id` needs.
    fn reserve(&self, marking: &mut Marking, id: BlobId) -> Result<(), BlobError> {
        self.known(&id)?;
        match marking.phase {
            Phase::Idle => Ok(()),
            Phase::Mark => {
                marking.stack.push(id);
                Ok(())
            }
            Phase::Sweep => self.mark_now(id),
        }
    }

    fn mark_now(&self, root: BlobId) -> Result<(), BlobError> {
        let (mut stack, mut reached) = (vec![root], Vec::new());
        while let Some(id) = stack.pop() {
            let walked = self.index.reach(&id).ok_or(BlobError::NotFound { id }).and_then(|entry| {
                if entry.age != Age::Reached {
                    reached.push(id);
                    self.for_each_reference(&id, &entry, |reference| stack.push(reference))?;
                }
                Ok(())
            });
            if let Err(error) = walked {
                // What was reached but not walked to its end must be walked again by the next attempt.
                reached.iter().for_each(|id| self.index.renew(id));
                return Err(error);
            }
        }
        Ok(())
    }
}

const _: () = assert!(TABLE_BYTES.is_multiple_of(ID_BYTES));

/// Marks nothing, for a store that has just been opened.
pub(super) fn idle() -> Mutex<Marking> {
    Mutex::new(Marking::default())
}
