//! How a computer in its place is taken out to be kept, and put there again.

use std::sync::Arc;

use ironloom_blob::BlobId;
use ironloom_hyper::Computer;
use ironloom_hyper::board::{BlockError, BoardError, DiskState};
use ironloom_hyper::computer::ComputerError;
use ironloom_vm::MachineState;

use super::{Chassis, Done, Fate, pinning};
use crate::ComputerTable;
use crate::world::computers::card::Card;
use crate::world::computers::kept::{Kept, Still};
use crate::world::computers::parts::Parts;
use crate::world::computers::serial::Serial;
use crate::world::computers::shelf::{Pin, Shelf};

impl Chassis {
    /// Takes out what is kept of it. It stays as it is: its time is not let go by for that, so that a world which is kept
    /// does what another does.
    pub(in crate::world::computers) fn capture(
        &self,
        table: Arc<ComputerTable>,
    ) -> Result<Still, ComputerError> {
        let mut said = self.serial.bytes();
        said.extend(&self.done.said);
        Ok(Still {
            table,
            parts: Arc::clone(&self.parts),
            state: self.state,
            behind: self.behind,
            said,
            capture: self.computer.capture()?,
        })
    }

    /// A computer that goes on where it was.
    pub(in crate::world::computers) fn again(
        (parts, shelf): (Arc<Parts>, Arc<Shelf>),
        kept: &Kept,
        (state, serial): (MachineState, Serial),
        card: Option<Card>,
    ) -> Result<Self, ComputerError> {
        let (computer, base) = restored(&shelf, kept.snapshot)?;
        // Whoever had come to an end is looked at in the first window.
        let fate = computer.ended().filter(|_| state == MachineState::Running).map(Fate::of);
        let (base, done) = (Some(base), Done { fate, ..Done::default() });
        let mut chassis =
            Self { parts, shelf, computer, base, state, behind: kept.behind, card, serial, done };
        chassis.find_card();
        Ok(chassis)
    }
}

/// The computer that a snapshot holds, and what keeps that.
pub(super) fn restored(shelf: &Arc<Shelf>, snapshot: BlobId) -> Result<(Computer, Pin), ComputerError> {
    let mut open = |disk: &DiskState| {
        let snapshot =
            disk.snapshot.ok_or(BoardError::Malformed { what: "a disk was not stored with it" })?;
        let disk = shelf.open(snapshot).map_err(BlockError::from)?;
        Ok(Box::new(disk) as Box<_>)
    };
    let computer = Computer::restore(Arc::clone(&shelf.store), snapshot, &mut open)?;
    Ok((computer, shelf.hold(snapshot).map_err(pinning)?))
}
