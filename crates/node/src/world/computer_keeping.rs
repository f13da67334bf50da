//! How computers are kept, and come back.

use std::sync::Arc;

use ironloom_core::MachineId;
use ironloom_hyper::computer::{ComputerError, StoredComputer};
use ironloom_net::fabric::Guard;
use ironloom_vm::MachineState;

use super::OrderError;
use super::computers::{Contents, Kept, Still};
use super::core::{Core, Entry};

impl Core {
    /// Counts all machines and computers as changed.
    pub(crate) fn note_changes(&mut self) {
        self.machines.note_changes();
        self.computers.note_changes();
    }

    /// Whether any machine or computer may have changed since somebody took those that did.
    pub(crate) fn has_changed(&self) -> bool {
        self.machines.has_changed() || self.computers.has_changed()
    }

    /// The computers that may have changed since this was asked last.
    pub(crate) fn take_changed_computers(&mut self) -> impl Iterator<Item = MachineId> + use<> {
        self.computers.take_changed().into_iter()
    }

    /// Takes out what is kept of a computer, if it is there.
    pub(crate) fn capture_computer(&self, id: MachineId) -> Option<Result<Still, ComputerError>> {
        self.computers.capture(id)
    }

    /// Tells a computer, if it is still there, that it is stored as it was captured.
    pub(crate) fn settle_computer(&self, id: MachineId, stored: &StoredComputer) {
        self.computers.settle(id, stored);
    }

    /// Makes a computer again as it was kept, under the id that it had.
    pub(crate) fn place_computer_again(
        &mut self,
        (name, id): (&str, MachineId),
        kept: &Kept,
        state: MachineState,
        contents: &mut Contents<'_>,
    ) -> Result<(), OrderError> {
        let table = &kept.table;
        let profiles = self.topology.profiles(table.plan.as_ref(), name).map_err(OrderError::refused)?;
        let address = self.address(table.at.as_deref(), table.address)?;
        let entry = Entry { id, at: table.at.clone(), address, table: Arc::default() };
        let guard = if table.may_spoof { Guard::Any } else { Guard::Assigned };
        self.connect_computer(name, &entry, guard, profiles)?;
        let card = self.card_of(id, entry.at.is_some()).map_err(OrderError::refused)?;
        let chassis = self.computers.build_again(kept, contents, state, card).map_err(OrderError::refused)?;
        let zone = self.zone.as_ref();
        let dns_name = table.name.clone().or_else(|| zone.map(|zone| format!("{name}.{zone}")));
        self.call(&entry, dns_name.as_deref()).map_err(OrderError::refused)?;
        self.computers.insert(id, chassis, table.clone());
        self.enlist(name, entry);
        let now = self.machines.now();
        self.state_changed(now, id, state);
        Ok(())
    }
}
