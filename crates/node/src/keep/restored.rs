//! [`Restored`]: a world as a commit has it, built again.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use ironloom_blob::tree::Config as TreeConfig;
use ironloom_blob::{BlobId, BlobStore, Tree};
use ironloom_core::borsh::BorshDeserialize;
use ironloom_core::{MachineId, Rng, Seed};
use ironloom_state::{BatchId, Snapshot};
use ironloom_vm::Image;
use parking_lot::Mutex;

use super::record::{COMPUTERS, MACHINES, VERSION, WORLD};
use super::record::{ComputerRecord, MachineRecord, Power, WorldRecord};
use super::vault::Vault;
use super::{KeepError, Keeper, Opened, Passed};
use crate::world::{Contents, Core, Entry, Ground, pair};
use crate::{Description, World};

/// A world as a commit has it.
pub(super) struct Restored {
    core: Core,
    record: WorldRecord,
}

/// Builds the world of a commit again.
pub(super) fn restored(vault: &Vault, commit: BatchId) -> Result<Restored, KeepError> {
    let snapshot = vault.state()?.snapshot_at(commit)?;
    let mut record = world_record(&snapshot, commit)?;
    record.lives += 1;
    let description = described(vault, &record, commit)?;
    let mut chance = Rng::new(description.seed()).split("life", record.lives);
    let ground = Ground {
        store: vault.store(),
        images: Some(record.images.clone()),
        seed: Seed::new(chance.next_u64()),
    };
    let mut bare = Description { machines: BTreeMap::new(), computers: BTreeMap::new(), ..description };
    let listeners = std::mem::take(&mut bare.listeners);
    let mut core = Core::assemble(&bare, &ground, &mut |_| ControlFlow::Continue(()))?;
    core.made = record.made;
    core.machines.run_until(record.now);
    for machine in machine_records(&snapshot, commit) {
        come_back(&mut core, machine?, &record.images, &ground.store)
            .map_err(|reason| KeepError::Damaged { commit, reason })?;
    }
    let mut contents = Contents::new(&*ground.store);
    for computer in computer_records(&snapshot, commit) {
        let ComputerRecord { name, id, power, kept } = computer?;
        core.place_computer_again((&name, id), &kept, power.state(), &mut contents)
            .map_err(|error| KeepError::Damaged { commit, reason: format!("{name}: {error}") })?;
    }
    // Those whose machine is gone lead nowhere.
    core.listeners = listeners;
    core.listeners.retain(|name, table| match table.leads_to(name) {
        Ok((_, machine)) => core.entries.contains_key(machine),
        Err(_) => false,
    });
    for order in record.network.orders() {
        let (answer, reply) = pair();
        core.execute(order.clone(), answer);
        if let Err(error) = reply.wait() {
            tracing::warn!(%error, ?order, "what was done to the network cannot be done again");
        }
    }
    core.settle();
    Ok(Restored { core, record })
}

impl Restored {
    /// The world, kept nowhere.
    pub(super) fn loose(self) -> World {
        World { core: Arc::new(Mutex::new(self.core)) }
    }

    /// The world, kept where it came from.
    pub(super) fn kept(
        self,
        vault: Arc<Vault>,
        commit: BatchId,
        passed: Vec<Passed>,
    ) -> Result<World, KeepError> {
        let Self { mut core, record } = self;
        let opened = Opened { commit, at: record.now, passed };
        let there: Vec<MachineId> = match opened.passed.is_empty() {
            true => Vec::new(),
            // What the damaged commits have is not what is here.
            false => ids(&vault.snapshot()?)?,
        };
        core.keep(Keeper::new(vault, opened, record.description, record.images, record.lives));
        core.distrust(there);
        Ok(World { core: Arc::new(Mutex::new(core)) })
    }
}

/// Puts a machine back where it was, and switches it on if it was on.
fn come_back(
    core: &mut Core,
    record: MachineRecord,
    images: &BTreeMap<String, BlobId>,
    store: &Arc<dyn BlobStore>,
) -> Result<(), String> {
    let MachineRecord { name, id, table, at, address, power, files, checkpoints } = record;
    // Those who never wrote anything share the image's files in memory.
    let image = images.iter().find(|(_, image)| **image == files).and_then(|(name, _)| core.images.get(name));
    let image = match image {
        Some(image) => image.clone(),
        None => {
            let tree = Tree::open(Arc::clone(store), files, TreeConfig::default());
            Image::new(tree.map_err(|error| format!("the files of {name}: {error}"))?)
        }
    };
    let failed = |error: &dyn std::fmt::Display| format!("{name}: {error}");
    let entry = Entry { id, at, address, table: Arc::new(table) };
    core.place_again(&name, entry, &image).map_err(|error| failed(&error))?;
    if power == Power::Off {
        return Ok(());
    }
    core.machines.boot_again(id, checkpoints).map_err(|error| failed(&error))?;
    if power == Power::Suspended {
        core.machines.suspend(id).map_err(|error| failed(&error))?;
    }
    Ok(())
}

pub(super) fn world_record(snapshot: &Snapshot, commit: BatchId) -> Result<WorldRecord, KeepError> {
    let damaged = |reason: &str| KeepError::Damaged { commit, reason: reason.to_owned() };
    let value = snapshot.get(WORLD)?.ok_or_else(|| damaged("there is no world in it"))?;
    let record = WorldRecord::try_from_slice(&value).map_err(|_| damaged("its world cannot be read"))?;
    if record.version != VERSION {
        return Err(damaged("it was written by another version"));
    }
    Ok(record)
}

fn described(vault: &Vault, record: &WorldRecord, commit: BatchId) -> Result<Description, KeepError> {
    let damaged = |reason: String| KeepError::Damaged { commit, reason };
    let bytes = vault.blobs.get(record.description);
    let bytes = bytes.map_err(|error| damaged(format!("its description: {error}")))?;
    Description::try_from_slice(&bytes).map_err(|_| damaged("its description cannot be read".to_owned()))
}

/// All machines of a commit, in the order of their ids.
pub(super) fn machine_records(
    snapshot: &Snapshot,
    commit: BatchId,
) -> impl Iterator<Item = Result<MachineRecord, KeepError>> {
    records(snapshot, commit, MACHINES, "machines")
}

/// All computers of a commit, in the order of their ids.
pub(super) fn computer_records(
    snapshot: &Snapshot,
    commit: BatchId,
) -> impl Iterator<Item = Result<ComputerRecord, KeepError>> {
    records(snapshot, commit, COMPUTERS, "computers")
}

fn records<T: BorshDeserialize>(
    snapshot: &Snapshot,
    commit: BatchId,
    prefix: &'static [u8],
    what: &'static str,
) -> impl Iterator<Item = Result<T, KeepError>> {
    snapshot.prefix(prefix).map(move |found| {
        let (_, value) = found?;
        T::try_from_slice(&value).map_err(|_| {
            let reason = format!("one of its {what} cannot be read");
            KeepError::Damaged { commit, reason }
        })
    })
}

/// The ids of all machines and computers, which are part of the names under which they are.
fn ids(snapshot: &Snapshot) -> Result<Vec<MachineId>, KeepError> {
    let found = [MACHINES, COMPUTERS].into_iter().flat_map(|prefix| snapshot.prefix(prefix));
    let ids = found.map(|found| {
        let (resource, _) = found?;
        let id = &resource.as_bytes()[MACHINES.len()..][..size_of::<MachineId>()];
        MachineId::try_from_slice(id).map_err(|error| KeepError::State(error.to_string()))
    });
    ids.collect()
}
