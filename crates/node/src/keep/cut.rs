//! [`Cut`]: a world as it was at the end of one window, of which nothing is stored yet.

use std::net::IpAddr;
use std::sync::Arc;

use ironloom_blob::BlobId;
use ironloom_core::{Instant, MachineId};
use ironloom_vm::{Capture, MachineState};

use super::record::{MachineRecord, Power, WorldRecord};
use crate::MachineTable;

/// What is to be kept of a world, as it was at the end of one window.
pub(super) struct Cut {
    pub(super) world: WorldRecord,
    /// How many machines there are.
    pub(super) machines: u64,
    /// Those that may have changed.
    pub(super) changed: Vec<Portrait>,
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

impl Cut {
    pub(super) fn at(&self) -> Instant {
        self.world.now
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
            power: match self.capture.state() {
                MachineState::Running | MachineState::Booting => Power::On,
                MachineState::Suspended => Power::Suspended,
                _ => Power::Off,
            },
            files,
            checkpoints: self.capture.checkpoints().to_vec(),
        }
    }
}
