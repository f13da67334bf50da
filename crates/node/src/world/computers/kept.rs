//! [`Still`]: a computer in its place as it was at one moment, taken out quickly and stored by whoever has time; and
//! [`Kept`]: where it is stored, from which it is built again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use ironloom_blob::link::Role;
use ironloom_blob::{BlobError, BlobId, BlobStore, Durability};
use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::{MachineId, Seed};
use ironloom_hyper::computer::{ComputerCapture, ComputerError, StoredComputer};
use ironloom_vm::MachineState;

use super::parts::{Named, Parts};
use super::serial::Serial;
use super::{Card, Chassis, Computers};
use crate::ComputerTable;

/// A computer in its place as it was at one moment.
#[derive(Debug)]
pub(crate) struct Still {
    pub(super) table: Arc<ComputerTable>,
    pub(super) parts: Arc<Parts>,
    pub(crate) state: MachineState,
    /// The time of the world less its own, in nanoseconds.
    pub(super) behind: i128,
    /// What is kept of what it said.
    pub(super) said: Vec<u8>,
    pub(super) capture: ComputerCapture,
}

/// Where a computer is stored, with what it is switched on again. All of it is by content, so a fork needs nobody else.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub(crate) struct Kept {
    /// What it is like, beside the contents that it was described with.
    pub(crate) table: ComputerTable,
    /// Memory, harts, devices and disk.
    pub(crate) snapshot: BlobId,
    kernel: BlobId,
    initramfs: Option<BlobId>,
    seed: Seed,
    /// The time of the world less its own, in nanoseconds.
    pub(super) behind: i128,
    /// What is kept of what it said.
    said: BlobId,
}

/// Contents that several computers began with, each read once.
#[derive(Debug)]
pub(crate) struct Contents<'a> {
    pub(crate) store: &'a dyn BlobStore,
    read: BTreeMap<BlobId, Bytes>,
}

impl Still {
    /// Stores it. It is not durable before the store is synced.
    pub(crate) fn store(self, store: &Arc<dyn BlobStore>) -> Result<(Kept, StoredComputer), ComputerError> {
        let (kernel, initramfs) = self.parts.contents();
        let kept = Kept {
            kernel: put_once(&**store, kernel)?,
            initramfs: initramfs.map(|initramfs| put_once(&**store, initramfs)).transpose()?,
            seed: self.parts.seed(),
            behind: self.behind,
            said: store.put(&self.said, Durability::Buffered)?,
            snapshot: BlobId::of(b""),
            table: (*self.table).clone(),
        };
        let stored = self.capture.store(store)?;
        Ok((Kept { snapshot: stored.snapshot(), ..kept }, stored))
    }
}

/// Stores what was perhaps stored before; its name is known from then.
fn put_once(store: &dyn BlobStore, (content, name): Named<'_>) -> Result<BlobId, BlobError> {
    if let Some(name) = name.get()
        && store.has(*name)?
    {
        return Ok(*name);
    }
    let id = store.put(content, Durability::Buffered)?;
    // Whoever was faster found the same.
    Ok(*name.get_or_init(|| id))
}

/// The name of a content that was stored.
pub(super) type OnceName = OnceLock<BlobId>;

impl Kept {
    /// All contents that it stands on, and as what. What its guest says may look like anything.
    pub(crate) fn contents(&self) -> impl Iterator<Item = (Role, BlobId)> {
        let leaves = [self.kernel, self.said].into_iter().chain(self.initramfs);
        std::iter::once((Role::Link, self.snapshot)).chain(leaves.map(|leaf| (Role::Leaf, leaf)))
    }
}

impl<'a> Contents<'a> {
    pub(crate) const fn new(store: &'a dyn BlobStore) -> Self {
        Self { store, read: BTreeMap::new() }
    }

    fn get(&mut self, id: BlobId) -> Result<Bytes, BlobError> {
        if let Some(content) = self.read.get(&id) {
            return Ok(content.clone());
        }
        let content = self.store.get(id)?;
        self.read.insert(id, content.clone());
        Ok(content)
    }
}

impl Computers {
    /// Takes out what is kept of a computer.
    pub(in crate::world) fn capture(&self, id: MachineId) -> Option<Result<Still, ComputerError>> {
        let place = self.places.get(&id)?;
        Some(place.chassis.capture(Arc::clone(&place.table)))
    }

    /// Builds a computer again as it was kept.
    pub(in crate::world) fn build_again(
        &self,
        kept: &Kept,
        contents: &mut Contents<'_>,
        state: MachineState,
        card: Option<Card>,
    ) -> Result<Chassis, ComputerError> {
        let kernel = contents.get(kept.kernel)?;
        let initramfs = kept.initramfs.map(|initramfs| contents.get(initramfs)).transpose()?;
        let parts = Parts::again(&kept.table, (kernel, initramfs), kept.seed);
        let said = Serial::holding(&contents.store.get(kept.said)?);
        Chassis::again((Arc::new(parts), Arc::clone(&self.shelf)), kept, (state, said), card)
    }

    /// Tells a computer that it is stored as it was captured.
    pub(in crate::world) fn settle(&self, id: MachineId, stored: &StoredComputer) {
        if let Some(place) = self.places.get(&id) {
            place.chassis.computer().settle(stored);
        }
    }

    /// Counts all computers as changed.
    pub(in crate::world) fn note_changes(&mut self) {
        self.changed = self.places.keys().copied().collect();
    }

    /// Whether any computer may have changed since [`take_changed`](Self::take_changed) was asked last.
    pub(in crate::world) fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The computers that came, ran or were visited since this was asked last. Those that are gone are not among them.
    pub(in crate::world) fn take_changed(&mut self) -> BTreeSet<MachineId> {
        std::mem::take(&mut self.changed)
    }
}
