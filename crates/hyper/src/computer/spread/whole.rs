//! A snapshot of a whole computer, made of the parts that its hosts have stored.
//!
//! A part is a linked blob: its links are the image of the pages that its host held and those of the disks there, its body
//! a frame with the rest. The whole is what [`Computer::snapshot`](crate::Computer::snapshot) stores.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_blob::{BlobId, BlobStore};
use ironloom_core::Instant;
use ironloom_core::frame::Message;

use crate::board::BoardState;
use crate::computer::keep::{self, Rest};
use crate::computer::{ComputerConfig, ComputerError, HartStatus};
use crate::hart::HartState;
use crate::memory::{self, MemoryPart};

/// What is on one host of a computer that stands still, besides memory.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
pub(in crate::computer) struct Part {
    /// How far the host is, and its harts are.
    pub(in crate::computer) now: Instant,
    /// The harts that live there.
    pub(in crate::computer) harts: Vec<(u8, HartStatus, HartState)>,
    /// The devices, if they are there.
    pub(in crate::computer) devices: Option<Devices>,
}

/// The devices of a computer that stands still.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
pub(in crate::computer) struct Devices {
    pub(in crate::computer) board: BoardState,
    /// What waits in the debug console.
    pub(in crate::computer) console: Vec<u8>,
}

impl Message for Part {
    const KIND: u16 = 0x4c50;
    const VERSION: u16 = 1;
}

impl Part {
    /// Stores the part.
    pub(super) fn store(
        &self,
        memory: MemoryPart,
        store: &Arc<dyn BlobStore>,
    ) -> Result<BlobId, ComputerError> {
        let mut links = vec![memory.store(store)?];
        let disks = self.devices.iter().flat_map(|devices| devices.board.disks());
        links.extend(disks.filter_map(|disk| disk.snapshot));
        keep::put_linked(&**store, &links, self)
    }
}

/// Stores the computer whose parts these are.
pub(super) fn compose(
    store: &dyn BlobStore,
    config: &ComputerConfig,
    parts: &[BlobId],
) -> Result<BlobId, ComputerError> {
    let mut images = Vec::with_capacity(parts.len());
    let mut harts = vec![None; usize::from(config.board.harts)];
    let (mut now, mut devices) = (Instant::ZERO, None);
    for id in parts {
        let unsound = |reason: &str| ComputerError::Unsound { snapshot: *id, reason: reason.into() };
        let (image, part): (_, Part) = keep::get_linked(store, *id)?;
        images.push(image);
        now = now.max(part.now);
        for (number, status, state) in part.harts {
            let place = harts.get_mut(usize::from(number)).ok_or_else(|| unsound("there is no such hart"))?;
            if place.replace((status, state)).is_some() {
                return Err(unsound("a hart is on another host as well"));
            }
        }
        if part.devices.is_some() && devices.is_some() {
            return Err(unsound("devices are on another host as well"));
        }
        devices = devices.or(part.devices);
    }
    let missing = |reason: &str| ComputerError::Unsound { snapshot: parts[0], reason: reason.into() };
    let harts: Option<Vec<_>> = harts.into_iter().collect();
    let harts = harts.ok_or_else(|| missing("a hart is on no host"))?;
    let Devices { board, console } = devices.ok_or_else(|| missing("devices are on no host"))?;
    let image = memory::merge(store, &images)?;
    keep::put(store, config, image, board, Rest { harts, now, ended: None, console })
}
