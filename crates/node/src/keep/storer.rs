//! [`Storer`]: stores what was taken out of a world, on whatever thread has time.

use std::sync::Arc;

use ironloom_blob::BlobId;
use ironloom_core::borsh;
use ironloom_core::{Instant, MachineId, Map};
use ironloom_hyper::computer::StoredComputer;
use ironloom_state::{BatchId, ResourceId};
use ironloom_vm::Stored;

use super::KeepError;
use super::cut::{Cut, Portrait};
use super::record::{CommitRecord, MachineRecord, VERSION, WORLD, computer_resource, machine_resource};
use super::vault::{Changes, Vault};

/// So many machines are stored by two threads.
const MANY: usize = 64;

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
    /// The same of computers.
    pub(super) computers: Vec<(MachineId, StoredComputer)>,
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
        let changed = cut.ids();
        let (result, stored, computers) = match self.try_store(cut) {
            Ok((commit, stored, computers)) => (Ok(commit), stored, computers),
            Err(error) => (Err(error), Vec::new(), Vec::new()),
        };
        Done { at, result, stored, computers, changed, gone }
    }

    fn try_store(&mut self, cut: Cut) -> Result<StoredCut, KeepError> {
        let encoded = |error: std::io::Error| KeepError::State(error.to_string());
        let mut changes: Changes = vec![(WORLD, Some(borsh::to_vec(&cut.world).map_err(encoded)?))];
        let mut marks = Vec::new();
        let mut write = |id: MachineId, resource: ResourceId, record: Vec<u8>| {
            let mark = BlobId::of(&record);
            if self.marks.get(&id) != Some(&mark) {
                changes.push((resource, Some(record)));
                marks.push((id, mark));
            }
        };
        let (machines, now) = (cut.machines, cut.at());
        let mut stored = Vec::with_capacity(cut.changed.len());
        for (id, record, files) in store_all(cut.changed)? {
            write(id, machine_resource(id), borsh::to_vec(&record).map_err(encoded)?);
            stored.push((id, files));
        }
        let (store, mut computers) = (self.vault.store(), Vec::with_capacity(cut.computers.len()));
        for portrait in cut.computers {
            let (record, computer) = portrait.store(&store)?;
            write(record.id, computer_resource(record.id), borsh::to_vec(&record).map_err(encoded)?);
            computers.push((record.id, computer));
        }
        let changed = (changes.len() - 1 + cut.gone.len()) as u64;
        // Whichever of the two it was.
        changes.extend(
            cut.gone
                .iter()
                .flat_map(|id| [machine_resource(*id), computer_resource(*id)])
                .map(|it| (it, None)),
        );
        let record = CommitRecord { version: VERSION, at: now, machines, changed };
        let commit = self.vault.commit(record, changes)?;
        self.marks.extend(marks);
        cut.gone.iter().for_each(|id| _ = self.marks.remove(id));
        Ok((commit, stored, computers))
    }
}

/// A commit, and what machines and computers need not hold in memory or store again.
type StoredCut = (BatchId, Vec<(MachineId, Stored)>, Vec<(MachineId, StoredComputer)>);

/// A machine that is stored.
type StoredOne = (MachineId, MachineRecord, Stored);

/// Stores all, on two threads if there are many: most of it is hashing.
fn store_all(mut portraits: Vec<Portrait>) -> Result<Vec<StoredOne>, KeepError> {
    if portraits.len() < MANY {
        return portraits.into_iter().map(store_one).collect();
    }
    let others = portraits.split_off(portraits.len() / 2);
    std::thread::scope(|scope| {
        let others = scope.spawn(|| others.into_iter().map(store_one).collect::<Result<Vec<_>, _>>());
        let mut stored = portraits.into_iter().map(store_one).collect::<Result<Vec<_>, _>>()?;
        let others = others
            .join()
            .map_err(|_| KeepError::Blobs("whoever was to store half of it failed".to_owned()))?;
        stored.extend(others?);
        Ok(stored)
    })
}

fn store_one(portrait: Portrait) -> Result<StoredOne, KeepError> {
    // What is written down says which files, which are known only then.
    let mut record = portrait.record(BlobId::of(b""));
    let stored = portrait.capture.store();
    let stored =
        stored.map_err(|errno| KeepError::Blobs(format!("the files of {}: {errno}", record.name)))?;
    record.files = stored.files();
    Ok((record.id, record, stored))
}
