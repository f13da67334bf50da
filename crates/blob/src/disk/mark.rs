//! Marking: what the pins keep.
//!
//! A collection has three phases. It *begins* alone, by noting of every blob that it is older than the collection; what
//! is put from then on, again or for the first time, is spared. It *marks*, from the pins and from the large blobs that
//! are being put, through tables of links and manifests. Then it *sweeps*. A pin that is set meanwhile may be the first
//! to keep what it points to: while the collection marks, that is one more root; while it sweeps, the pin is set only
//! once all that it keeps is marked, and not at all if a part of it is gone.

use std::ops::Range;

use parking_lot::Mutex;

use super::DiskStore;
use super::index::{Age, Entry, LARGE, SHARDS};
use crate::link::{HEADER_BYTES, ID_BYTES, Linked, Role, Table};
use crate::medium::Medium;
use crate::{BlobError, BlobId, PinError, PinName};

/// How much of a table of links is read at once.
const TABLE_BYTES: u64 = 1 << 20;

/// How far a collection is.
#[derive(Debug, Default)]
pub(super) struct Marking {
    phase: Phase,
    /// What was reached but not yet looked at.
    stack: Vec<Reference>,
}

/// A blob that was reached, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reference {
    id: BlobId,
    role: Role,
}

impl Reference {
    const fn link(id: BlobId) -> Self {
        Self { id, role: Role::Link }
    }

    const fn leaf(id: BlobId) -> Self {
        Self { id, role: Role::Leaf }
    }
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
        marking.stack.extend(self.pins.lock().table.values().copied().map(Reference::link));
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
            let Some(reference) = marking.stack.pop() else {
                marking.phase = Phase::Sweep;
                return Ok(());
            };
            drop(marking);
            let entry = self.reach(reference)?;
            if entry.age != Age::Reached {
                self.for_each_reference(reference, &entry, |found| self.marking.lock().stack.push(found))?;
            }
        }
    }

    pub(super) fn end_collection(&self) {
        let mut marking = self.marking.lock();
        marking.phase = Phase::Idle;
        marking.stack = Vec::new();
    }

    /// Notes that the collection that runs has reached a blob, and returns what was known of it before.
    fn reach(&self, reference: Reference) -> Result<Entry, BlobError> {
        let Reference { id, role } = reference;
        let found = match role {
            Role::Link => self.index.reach(&id),
            Role::Leaf => self.index.reach_leaf(&id),
        };
        found.ok_or(BlobError::NotFound { id })
    }

    /// Names the blobs that a blob cannot do without.
    fn for_each_reference(
        &self,
        Reference { id, role }: Reference,
        entry: &Entry,
        mut visit: impl FnMut(Reference),
    ) -> Result<(), BlobError> {
        if entry.length == LARGE {
            let manifest = self.manifest(&id)?;
            manifest.chunks.iter().for_each(|chunk| visit(Reference::leaf(chunk.id)));
        }
        if !entry.links || role == Role::Leaf {
            return Ok(());
        }
        if entry.length == LARGE {
            return self.for_each_in_large_table(&id, visit);
        }
        let content = self.read_whole(&id)?;
        // A blob that has the magic but no whole table refers to nothing.
        if let Ok(linked) = Linked::parse(&content) {
            linked.links().for_each(|id| visit(Reference::link(id)));
            linked.leaves().for_each(|id| visit(Reference::leaf(id)));
        }
        Ok(())
    }

    fn for_each_in_large_table(
        &self,
        id: &BlobId,
        mut visit: impl FnMut(Reference),
    ) -> Result<(), BlobError> {
        let length = self.manifest(id)?.length();
        let header = self.read_range(id, 0..HEADER_BYTES as u64)?;
        let Some(table) = Table::parse(&header).ok().filter(|table| table.leaves().end <= length) else {
            return Ok(());
        };
        self.for_each_id(id, table.links(), |id| visit(Reference::link(id)))?;
        self.for_each_id(id, table.leaves(), |id| visit(Reference::leaf(id)))
    }

    /// Reads a part of a large blob that is nothing but names.
    fn for_each_id(
        &self,
        id: &BlobId,
        part: Range<u64>,
        mut visit: impl FnMut(BlobId),
    ) -> Result<(), BlobError> {
        let mut start = part.start;
        while start < part.end {
            let next = (start + TABLE_BYTES).min(part.end);
            let names = self.read_range(id, start..next)?;
            names.as_chunks().0.iter().for_each(|name| visit(BlobId::from_bytes(*name)));
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
                marking.stack.push(Reference::link(id));
                Ok(())
            }
            Phase::Sweep => self.mark_now(id),
        }
    }

    fn mark_now(&self, root: BlobId) -> Result<(), BlobError> {
        let (mut stack, mut reached) = (vec![Reference::link(root)], Vec::new());
        while let Some(reference) = stack.pop() {
            let walked = self.reach(reference).and_then(|entry| {
                if entry.age != Age::Reached {
                    reached.push(reference.id);
                    self.for_each_reference(reference, &entry, |found| stack.push(found))?;
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

const _: () = assert!(TABLE_BYTES.is_multiple_of(ID_BYTES as u64));

/// Marks nothing, for a store that has just been opened.
pub(super) fn idle() -> Mutex<Marking> {
    Mutex::new(Marking::default())
}
