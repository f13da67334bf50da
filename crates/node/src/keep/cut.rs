//! [`Cut`]: a world as it was at the end of one window, of which nothing is stored yet.

use std::net::IpAddr;
use std::sync::Arc;

use ironloom_blob::{BlobId, BlobStore};
use ironloom_core::{Instant, MachineId};
use ironloom_hyper::computer::StoredComputer;
use ironloom_vm::Capture;

use super::KeepError;
use super::record::{ComputerRecord, MachineRecord, Power, WorldRecord};
use crate::MachineTable;
use crate::world::Still;

/// What is to be kept of a world, as it was at the end of one window.
pub(super) struct Cut {
    pub(super) world: WorldRecord,
    /// How many machines and computers there are.
    pub(super) machines: u64,
    /// Those that may have changed.
    pub(super) changed: Vec<Portrait>,
    pub(super) computers: Vec<ComputerPortrait>,
    /// Those that vanished.
    pub(super) gone: Vec<MachineId>,
}

/// A machine, as it was then.
pub(super) struct Portrait {
    pub(super) name: String,
    pub(super) id: MachineId,
    pub(super) table: Arc<MachineTable>,
    pub(super) at: Option<String>,
    pub(super) address: Option<IpAddr>,
    pub(super) capture: Capture,
}

/// A computer, as it was then.
pub(super) struct ComputerPortrait {
    pub(super) name: String,
    pub(super) id: MachineId,
    pub(super) still: Still,
}

impl Cut {
    pub(super) fn at(&self) -> Instant {
        self.world.now
    }

    /// Who is in it.
    pub(super) fn ids(&self) -> Vec<MachineId> {
        let computers = self.computers.iter().map(|portrait| portrait.id);
        self.changed.iter().map(|portrait| portrait.id).chain(computers).collect()
    }
}

impl Portrait {
    /// What is written down of it.
    pub(super) fn record(&self, files: BlobId) -> MachineRecord {
        MachineRecord {
            name: self.name.clone(),
            id: self.id,
            table: (*self.table).clone(),
            at: self.at.clone(),
            address: self.address,
            power: Power::of(self.capture.state()),
            files,
            checkpoints: self.capture.checkpoints().to_vec(),
        }
    }
}

impl ComputerPortrait {
    /// Stores it; what is written down of it.
    pub(super) fn store(
        self,
        store: &Arc<dyn BlobStore>,
    ) -> Result<(ComputerRecord, StoredComputer), KeepError> {
        let Self { name, id, still } = self;
        let power = Power::of(still.state);
        let stored = still.store(store);
        let (kept, stored) =
            stored.map_err(|error| KeepError::Blobs(format!("the computer {name}: {error}")))?;
        Ok((ComputerRecord { name, id, power, kept }, stored))
    }
}
