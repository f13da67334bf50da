//! How a world is made where it is kept, and opened.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use ironloom_blob::BlobId;
use ironloom_core::Instant;
use ironloom_state::BatchId;
use parking_lot::Mutex;

use super::archive::commits;
use super::proof::proven;
use super::restored::restored;
use super::vault::Vault;
use super::{KeepError, Keeper, Ledger};
use crate::replay::Basis;
use crate::world::{Core, Ground, Progress, pair};
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
    /// were; addresses, files and changes of the network are as they were. Computers go on where they were.
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

impl Core {
    /// From now on it is kept.
    pub(super) fn keep(&mut self, keeper: Keeper) {
        self.note_changes();
        self.keeper = Some(keeper);
    }
}
