//! [`Storer`]: stores what was taken out of a world, on whatever thread has time.

use std::sync::Arc;

use ironloom_blob::BlobId;
use ironloom_core::borsh;
use ironloom_core::{Instant, MachineId, Map};
use ironloom_state::BatchId;
use ironloom_vm::Stored;

use super::KeepError;
use super::cut::{Cut, Portrait};
use super::record::{CommitRecord, VERSION, WORLD, machine_resource};
use super::vault::{Changes, Vault};

/// Stores what was taken out of a world, one cut after another.
pub(super) struct Storer {
    vault: Arc<Vault>,
    /// What is kept of each machine, in short, so that what did not change is not written again.
    marks: Map<MachineId, BlobId>,
}

/// What became of a cut.
pub(super) struct Done {
    pub(super) at: Instant,
    pub(super) result: Result<BatchId, KeepError>,
    /// What machines need not hold in memory any more; nothing, if it failed.
    pub(super) stored: Vec<(MachineId, Stored)>,
    /// Who was in it.
    pub(super) changed: Vec<MachineId>,
    pub(super) gone: Vec<MachineId>,
}

impl Storer {
    pub(super) fn new(vault: Arc<Vault>) -> Self {
        Self { vault, marks: Map::default() }
    }

    pub(super) fn store(&mut self, cut: Cut) -> Done {
        let (at, gone) = (cut.at(), cut.gone.clone());
        let changed = cut.changed.iter().map(|portrait| portrait.id).collect();
        let (result, stored) = match self.try_store(cut) {
            Ok((commit, stored)) => (Ok(commit), stored),
            Err(error) => (Err(error), Vec::new()),
        };
        Done { at, result, stored, changed, gone }
    }

    fn try_store(&mut self, cut: Cut) -> Result<(BatchId, Vec<(MachineId, Stored)>), KeepError> {
        let encoded = |error: std::io::Error| KeepError::State(error.to_string());
        let mut changes: Changes = vec![(WORLD, Some(borsh::to_vec(&cut.world).map_err(encoded)?))];
        let (mut stored, mut marks) = (Vec::with_capacity(cut.changed.len()), Vec::new());
        let (machines, now) = (cut.machines, cut.at());
        for portrait in cut.changed {
            let (id, record, files) = store_one(portrait)?;
            let record = borsh::to_vec(&record).map_err(encoded)?;
            let mark = BlobId::of(&record);
            if self.marks.get(&id) != Some(&mark) {
                changes.push((machine_resource(id), Some(record)));
                marks.push((id, mark));
            }
            stored.push((id, files));
        }
        changes.extend(cut.gone.iter().map(|id| (machine_resource(*id), None)));
        let changed = changes.len() as u64 - 1;
        let record = CommitRecord { version: VERSION, at: now, machines, changed };
        let commit = self.vault.commit(record, changes)?;
        self.marks.extend(marks);
        cut.gone.iter().for_each(|id| _ = self.marks.remove(id));
        Ok((commit, stored))
    }
}

fn store_one(portrait: Portrait) -> Result<(MachineId, super::record::MachineRecord, Stored), KeepError> {
    // What is written down says which files, which are known only then.
    let mut record = portrait.record(BlobId::of(b""));
    let stored = portrait.capture.store();
    let stored =
        stored.map_err(|errno| KeepError::Blobs(format!("the files of {}: {errno}", record.name)))?;
    record.files = stored.files();
    Ok((record.id, record, stored))
}
