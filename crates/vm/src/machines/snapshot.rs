//! Snapshots: what of a machine outlives it, as a blob.

use ironloom_blob::link::Linked;
use ironloom_blob::tree::Config as TreeConfig;
use ironloom_blob::{BlobId, Durability, Tree};
use ironloom_core::MachineId;
use ironloom_core::borsh::{self, BorshDeserialize, BorshSerialize};

use crate::machine::{MachineSpec, ProcessRecord};
use crate::os::{Errno, Exit, Files, Process, Signal};
use crate::{Image, Machine};

use super::{MachineError, Machines};

/// The form of what follows.
const VERSION: u16 = 1;

/// A machine without its files, which the blob links to.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
struct Record {
    version: u16,
    hostname: String,
    processes: Vec<ProcessRecord>,
}

impl Machines {
    /// Stores what of a machine outlives it, and gives the name of that: its files, and what its processes were started
    /// with and have kept. It is not pinned.
    ///
    /// What scripts are in the middle of is not captured; they keep what matters with `os.checkpoint`.
    ///
    /// # Errors
    ///
    /// If there is no such machine, or the store fails.
    pub fn snapshot(&mut self, id: MachineId) -> Result<BlobId, MachineError> {
        let stored = self.visit(id, |machine| -> Result<BlobId, Errno> {
            let files = machine.files.commit(Durability::Buffered)?;
            let record = Record {
                version: VERSION,
                hostname: machine.hostname().to_owned(),
                processes: machine.record(),
            };
            let body = borsh::to_vec(&record).map_err(|_| Errno::Io)?;
            let content = Linked::encode(&[files], &body);
            machine.files.tree().store().put(&content, Durability::Buffered).map_err(|_| Errno::Io)
        })?;
        stored.map_err(|errno| MachineError::System { machine: id, what: "a snapshot".into(), errno })
    }

    /// Gives a machine the files of a snapshot back, and starts the snapshot's processes again.
    ///
    /// # Errors
    ///
    /// If there is no such machine or snapshot, or the store fails; the machine is as it was then.
    pub fn rollback(&mut self, id: MachineId, snapshot: BlobId) -> Result<(), MachineError> {
        let rolled = self.visit(id, |machine| -> Result<(), Errno> {
            let (files, record) = open(machine, snapshot)?;
            let quota = machine.files.quota();
            let pids: Vec<_> = machine.processes().map(Process::pid).collect();
            for pid in pids {
                machine.end(pid, Exit::Signal(Signal::Kill));
                machine.discard(pid);
            }
            machine.files = files;
            machine.files.set_quota(quota);
            machine.leave(Vec::new());
            machine.restart(&record.processes);
            Ok(())
        })?;
        rolled.map_err(|errno| MachineError::System { machine: id, what: "a rollback".into(), errno })?;
        let place = self.place(id)?;
        self.woken.insert(place);
        Ok(())
    }

    /// Another machine that begins as this one is: with its files, and with its processes started again from their last
    /// checkpoints. Its name and network are as `spec` says.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create), and if there is no such machine.
    pub fn fork(&mut self, origin: MachineId, spec: &MachineSpec) -> Result<MachineId, MachineError> {
        let (tree, processes) =
            self.visit(origin, |machine| (machine.files.fork().into_tree(), machine.record()))?;
        let spec = MachineSpec { image: Image::new(tree), ..spec.clone() };
        let id = self.create(&spec)?;
        self.visit(id, |machine| machine.restart(&processes))?;
        Ok(id)
    }
}

/// The files and the rest of a snapshot.
fn open(machine: &Machine, snapshot: BlobId) -> Result<(Files, Record), Errno> {
    let store = machine.files.tree().store();
    let content = store.get(snapshot).map_err(|_| Errno::NotFound)?;
    let linked = Linked::parse(&content).map_err(|_| Errno::Invalid)?;
    let record = Record::try_from_slice(linked.body()).map_err(|_| Errno::Invalid)?;
    let files = linked.links().next().filter(|_| record.version == VERSION).ok_or(Errno::Invalid)?;
    let tree = Tree::open(std::sync::Arc::clone(store), files, TreeConfig::default())?;
    Ok((Files::new(tree), record))
}
