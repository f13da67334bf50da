//! How a world is made where it is kept, and comes back from there.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use ironloom_blob::tree::Config as TreeConfig;
use ironloom_blob::{BlobId, BlobStore, Tree};
use ironloom_core::borsh::BorshDeserialize;
use ironloom_core::{Instant, MachineId, Rng, Seed};
use ironloom_state::{BatchId, Snapshot};
use ironloom_vm::Image;
use parking_lot::Mutex;

use super::archive::{commits, proven};
use super::record::{MACHINES, MachineRecord, Power, VERSION, WORLD, WorldRecord};
use super::vault::Vault;
use super::{KeepError, Keeper, Ledger};
use crate::replay::Basis;
use crate::world::{Core, Entry, Ground, Progress, pair};
use crate::{Description, Log, Outcome, ReplayError, World};

/// What was found when a world was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The commit that it came back from.
    pub commit: BatchId,
    /// What time it was then.
    pub at: Instant,
    /// Newer commits, the newest first, which are damaged.
    pub passed: Vec<Passed>,
}

/// A commit that is damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Which commit.
    pub commit: BatchId,
    /// What is wrong with it.
    pub reason: String,
}

impl World {
    /// Makes a world where it is kept from now on: a directory, which is made if it is not there. The first commit is there
    /// for good on return.
    ///
    /// ```
    /// use ironloom_node::prelude::*;
    ///
    /// let directory = tempfile::tempdir()?;
    /// let town = World::builder(7).machine("loom", |loom| loom).describe()?;
    ///
    /// let world = World::create(directory.path(), &town)?;
    /// world.exec("loom", "echo linen > /root/cloth").wait()?;
    /// world.commit().wait()?;
    /// world.exec("loom", "rm /root/cloth").wait()?;
    /// drop(world); // As if its power had failed.
    ///
    /// let world = World::open(directory.path())?;
    /// assert_eq!(world.read_file("loom", "/root/cloth").wait()?, b"linen\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there is one already, the description makes no sense, or the directory cannot be written to.
    pub fn create(path: impl AsRef<Path>, description: &Description) -> Result<Self, KeepError> {
        Self::create_watched(path, description, |_| ControlFlow::Continue(()))
    }

    /// The same, and somebody is told after each machine how far it is, and may end it.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create), or if `watch` said that it was enough.
    pub fn create_watched(
        path: impl AsRef<Path>,
        description: &Description,
        mut watch: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Self, KeepError> {
        if !description.computers.is_empty() {
            return Err(KeepError::Computers);
        }
        let vault = Arc::new(Vault::create(path.as_ref())?);
        let ground = Ground { store: vault.store(), images: None, seed: description.seed() };
        let mut core = Core::assemble(description, &ground, &mut watch)?;
        let images = core.images.iter().map(|(name, image)| Ok((name.clone(), image.id()?)));
        let images: Result<BTreeMap<String, BlobId>, ironloom_blob::TreeError> = images.collect();
        let images = images.map_err(|error| KeepError::Blobs(error.to_string()))?;
        let opened = Opened { commit: BatchId::GENESIS, at: Instant::ZERO, passed: Vec::new() };
        let described = vault.put(description)?;
        core.keep(Keeper::new(vault, opened, described, images, 0));
        let (answer, reply) = pair();
        core.commit(answer);
        match reply.wait() {
            Ok(Outcome::Committed(commit)) => {
                let opened = Opened { commit, at: Instant::ZERO, passed: Vec::new() };
                core.keeper.iter_mut().for_each(|keeper| keeper.opened = opened.clone());
            }
            Ok(_) => unreachable!("a commit's outcome is a commit"),
            Err(error) => return Err(KeepError::State(error.to_string())),
        }
        Ok(Self { core: Arc::new(Mutex::new(core)) })
    }

    /// Opens a world as its newest commit has it, or the newest that is not damaged; [`opened`](Self::opened) tells which.
    ///
    /// Machines that ran are switched on again. What their processes had kept is handed to those who are started as they
    /// were; addresses, files and changes of the network are as they were.
    ///
    /// # Errors
    ///
    /// If there is none, somebody else has it open, or no commit can be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, KeepError> {
        let vault = Arc::new(Vault::open(path.as_ref())?);
        let mut passed = Vec::new();
        for commit in commits(&vault)? {
            let commit = commit?;
            match proven(&vault, commit).and_then(|()| restored(&vault, commit)) {
                Ok(restored) => return restored.kept(Arc::clone(&vault), commit, passed),
                Err(KeepError::Damaged { commit, reason }) => {
                    tracing::warn!(%commit, reason, "a commit is damaged, the one before it is tried");
                    passed.push(Passed { commit, reason });
                }
                Err(error) => return Err(error),
            }
        }
        let reason = passed.first().map_or_else(String::new, |passed| passed.reason.clone());
        Err(KeepError::AllDamaged { commits: passed.len(), reason })
    }

    /// Makes a world that is kept, and has its run written down from the beginning: [`replay`](Self::replay) plays it again.
    ///
    /// # Errors
    ///
    /// If it cannot be made, or the log is not empty or cannot be written.
    pub fn create_recorded(
        path: impl AsRef<Path>,
        description: &Description,
        log: &Log,
    ) -> Result<Self, ReplayError> {
        let world = Self::create(path, description)?;
        world.write_down(log, Basis::Described(Box::new(description.clone())))?;
        Ok(world)
    }

    /// Opens a world that is kept, and has its run written down from there: [`Archive::replay`](crate::Archive::replay) plays
    /// it again as long as the history has the commit that it came back from.
    ///
    /// # Errors
    ///
    /// If it cannot be opened, or the log is not empty or cannot be written.
    pub fn open_recorded(path: impl AsRef<Path>, log: &Log) -> Result<Self, ReplayError> {
        let world = Self::open(path)?;
        let opened = world.opened().ok_or(KeepError::NotKept)?;
        world.write_down(log, Basis::Kept(opened.commit))?;
        Ok(world)
    }

    /// What was found when it was opened; nothing if it is not kept.
    #[must_use]
    pub fn opened(&self) -> Option<Opened> {
        self.core.lock().keeper.as_ref().map(|keeper| keeper.opened.clone())
    }

    /// What its machines and its host share and change together.
    ///
    /// # Errors
    ///
    /// If it is not kept.
    pub fn ledger(&self) -> Result<Ledger, KeepError> {
        let core = self.core.lock();
        let keeper = core.keeper.as_ref().ok_or(KeepError::NotKept)?;
        Ok(Ledger::new(&keeper.vault))
    }
}

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
    let mut bare = Description { machines: BTreeMap::new(), ..description };
    let listeners = std::mem::take(&mut bare.listeners);
    let mut core = Core::assemble(&bare, &ground, &mut |_| ControlFlow::Continue(()))?;
    core.made = record.made;
    core.machines.run_until(record.now);
    for machine in machine_records(&snapshot, commit) {
        come_back(&mut core, machine?, &record.images, &ground.store)
            .map_err(|reason| KeepError::Damaged { commit, reason })?;
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
    fn kept(self, vault: Arc<Vault>, commit: BatchId, passed: Vec<Passed>) -> Result<World, KeepError> {
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
    snapshot.prefix(MACHINES).map(move |found| {
        let (_, value) = found?;
        MachineRecord::try_from_slice(&value).map_err(|_| {
            let reason = "one of its machines cannot be read".to_owned();
            KeepError::Damaged { commit, reason }
        })
    })
}

/// The ids of all machines, which are part of the names under which they are.
fn ids(snapshot: &Snapshot) -> Result<Vec<MachineId>, KeepError> {
    let ids = snapshot.prefix(MACHINES).map(|found| {
        let (resource, _) = found?;
        let id = &resource.as_bytes()[MACHINES.len()..][..size_of::<MachineId>()];
        MachineId::try_from_slice(id).map_err(|error| KeepError::State(error.to_string()))
    });
    ids.collect()
}

impl Core {
    /// From now on it is kept.
    fn keep(&mut self, keeper: Keeper) {
        self.machines.note_changes();
        self.keeper = Some(keeper);
    }
}
