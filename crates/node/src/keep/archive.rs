//! [`Archive`]: the history of a world that nobody runs.

use std::collections::BTreeSet;
use std::path::Path;

use ironloom_blob::link::{Linked, Role};
use ironloom_blob::{BlobId, BlobStore, Collected, Durability, PinName, Spare};
use ironloom_core::Instant;
use ironloom_core::borsh::BorshDeserialize;
use ironloom_state::{BatchId, ReadError, Root, Snapshot};

use super::KeepError;
use super::record::{CommitRecord, PROGRAMS, VERSION};
use super::restored::{computer_records, machine_records, restored, world_record};
use super::vault::{Changes, Vault};
use crate::replay::Basis;
use crate::{Log, Replay, ReplayError, World};

/// What a collection keeps hangs from here.
const PIN: &str = "ironloom/world";

/// How many contents a blob names of those that are to be kept.
const LINKS_MAX: usize = 16_384;

/// The history of a world that nobody runs: its commits, to be looked at, branched off, gone back to and forgotten.
///
/// ```
/// use ironloom_node::Archive;
/// use ironloom_node::prelude::*;
///
/// let directory = tempfile::tempdir()?;
/// let town = World::builder(7).machine("loom", |loom| loom).describe()?;
/// let world = World::create(directory.path(), &town)?;
/// for cloth in ["linen", "silk"] {
///     world.exec("loom", format!("echo {cloth} > /root/cloth")).wait()?;
///     world.commit().wait()?;
/// }
/// drop(world);
///
/// let archive = Archive::open(directory.path())?;
/// let [_, linen, silk] = archive.commits()?[..] else { panic!("there are three") };
/// let then = archive.world_at(linen.id)?;
/// assert_eq!(then.read_file("loom", "/root/cloth").wait()?, b"linen\n");
///
/// let elsewhere = tempfile::tempdir()?;
/// archive.branch(silk.id, elsewhere.path())?;
/// archive.roll_back(linen.id)?;
/// drop((archive, then));
/// let cloth = |path| World::open(path)?.exec("loom", "cat /root/cloth").wait().map_err(Box::<dyn std::error::Error>::from);
/// assert_eq!(cloth(directory.path())?.text(), "linen\n");
/// assert_eq!(cloth(elsewhere.path())?.text(), "silk\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Archive {
    vault: Vault,
}

/// A commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// What it is called.
    pub id: BatchId,
    /// What time it was in the world.
    pub at: Instant,
    /// How many machines and computers there were.
    pub machines: u64,
    /// How many of them changed since the commit before.
    pub changed: u64,
}

impl Archive {
    /// Opens the history of a world, which nobody else may have open.
    ///
    /// # Errors
    ///
    /// If there is no world, or it cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, KeepError> {
        Ok(Self { vault: Vault::open(path.as_ref())? })
    }

    /// All commits that are kept, the oldest first.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub fn commits(&self) -> Result<Vec<Commit>, KeepError> {
        let commits = commits(&self.vault)?.map(|commit| self.commit(commit?));
        let mut commits = commits.collect::<Result<Vec<_>, _>>()?;
        commits.reverse();
        Ok(commits)
    }

    fn commit(&self, id: BatchId) -> Result<Commit, KeepError> {
        let record = commit_record(&self.vault, id)?.ok_or(KeepError::NoCommit { commit: id })?;
        let CommitRecord { at, machines, changed, .. } = record;
        Ok(Commit { id, at, machines, changed })
    }

    /// One number for everything that a commit has.
    ///
    /// # Errors
    ///
    /// If there is no such commit, or it cannot be read.
    pub fn root(&self, commit: BatchId) -> Result<Option<Root>, KeepError> {
        self.commit(commit)?;
        Ok(self.vault.state()?.wait_root(commit)?)
    }

    /// The files of each machine and the snapshot of each computer, by name: what of a commit can be compared with another.
    ///
    /// # Errors
    ///
    /// If there is no such commit, or it cannot be read.
    pub fn files(&self, commit: BatchId) -> Result<Vec<(String, BlobId)>, KeepError> {
        self.commit(commit)?;
        let snapshot = self.vault.state()?.snapshot_at(commit)?;
        let files = machine_records(&snapshot, commit).map(|record| record.map(|it| (it.name, it.files)));
        let computers = computer_records(&snapshot, commit)
            .map(|record| record.map(|computer| (computer.name, computer.kept.snapshot)));
        let mut files = files.chain(computers).collect::<Result<Vec<_>, _>>()?;
        files.sort();
        Ok(files)
    }

    /// The world as a commit has it, to be looked at and gone on with. It is kept nowhere; the archive's contents are open as
    /// long as it is there.
    ///
    /// # Errors
    ///
    /// If there is no such commit, or it cannot be read.
    pub fn world_at(&self, commit: BatchId) -> Result<World, KeepError> {
        self.commit(commit)?;
        Ok(restored(&self.vault, commit)?.loose())
    }

    /// Begins to play a run again that was [written down](World::open_recorded) when the world was opened, from the commit that
    /// it came back from then.
    ///
    /// # Errors
    ///
    /// If the log cannot be read, or the commit is gone.
    pub fn replay(&self, log: &Log) -> Result<Replay, ReplayError> {
        match log.read()? {
            (Basis::Kept(commit), chunks) => Ok(Replay::of(self.world_at(commit)?, log, chunks)),
            (Basis::Described(_), _) => World::replay(log),
        }
    }

    /// Makes another world of a commit, in a directory of its own, with what the [ledger](crate::Ledger) held then.
    ///
    /// # Errors
    ///
    /// If there is no such commit, there is a world there already, or either cannot be used.
    pub fn branch(&self, commit: BatchId, path: impl AsRef<Path>) -> Result<(), KeepError> {
        let of = self.commit(commit)?;
        let snapshot = self.vault.state()?.snapshot_at(commit)?;
        let there = Vault::create(path.as_ref())?;
        copy(&*self.vault.blobs, &*there.blobs, contents(&snapshot, commit)?)?;
        let changes =
            snapshot.iter().map(|found| found.map(|(resource, value)| (resource, Some(value.to_vec()))));
        let changes: Changes = changes.collect::<Result<_, _>>()?;
        let Commit { at, machines, .. } = of;
        there.commit(CommitRecord { version: VERSION, at, machines, changed: machines }, changes)?;
        Ok(())
    }

    /// Goes back to a commit: what came after it never happened, in the [ledger](crate::Ledger) neither.
    ///
    /// # Errors
    ///
    /// If there is no such commit, or it cannot be written.
    pub fn roll_back(&self, commit: BatchId) -> Result<(), KeepError> {
        self.commit(commit)?;
        Ok(self.vault.state()?.rollback(commit)?.wait()?)
    }

    /// Forgets all commits before one, and the contents that only they had.
    ///
    /// # Errors
    ///
    /// If there is no such commit, or the store fails.
    pub fn prune(&self, before: BatchId) -> Result<Collected, KeepError> {
        self.commit(before)?;
        let state = self.vault.state()?;
        state.prune(before);
        state.wait_pruned();
        drop(state);
        self.collect()
    }

    /// Gives back the room of contents that no commit has.
    fn collect(&self) -> Result<Collected, KeepError> {
        let blobs = &self.vault.blobs;
        let mut needed = BTreeSet::new();
        for commit in commits(&self.vault)? {
            let commit = commit?;
            needed.extend(contents(&self.vault.state()?.snapshot_at(commit)?, commit)?);
        }
        let mut lists = Vec::new();
        for role in [Role::Link, Role::Leaf] {
            let ids: Vec<BlobId> = needed.iter().filter(|(is, _)| *is == role).map(|(_, id)| *id).collect();
            for ids in ids.chunks(LINKS_MAX) {
                lists.push(blobs.put(&Linked::encode_only(role, ids, b""), Durability::Buffered)?);
            }
        }
        let all = blobs.put(&Linked::encode(&lists, b""), Durability::Synced)?;
        let name: PinName = PIN.parse().map_err(|_| KeepError::Blobs("the name of the pin".to_owned()))?;
        let pinned = blobs.pin(&name)?;
        let moved = blobs.set_pin(&name, pinned, Some(all));
        moved.map_err(|error| KeepError::Blobs(error.to_string()))?;
        Ok(blobs.collect(Spare::Racing)?)
    }
}

/// What of a batch is a commit of the world; nothing if it is one of the ledger.
fn commit_record(vault: &Vault, batch: BatchId) -> Result<Option<CommitRecord>, KeepError> {
    match vault.state()?.metadata(batch) {
        Ok(metadata) => Ok(CommitRecord::try_from_slice(&metadata).ok()),
        Err(ReadError::Unknown { .. } | ReadError::Pruned { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// All commits of a world that are kept, the newest first.
pub(super) fn commits(vault: &Vault) -> Result<impl Iterator<Item = Result<BatchId, KeepError>>, KeepError> {
    let state = vault.state()?;
    let (floor, newest) = (state.floor(), state.committed());
    let before = move |batch: &Result<BatchId, ReadError>| match batch {
        Ok(batch) if *batch > floor => Some(state.parent(*batch)),
        _ => None,
    };
    let batches = std::iter::successors(Some(Ok(newest)), before);
    Ok(batches.filter_map(|batch| match batch.map_err(KeepError::from).and_then(|it| is_commit(vault, it)) {
        Ok(commit) => commit.map(Ok),
        Err(error) => Some(Err(error)),
    }))
}

/// A batch, if it is a commit of the world.
fn is_commit(vault: &Vault, batch: BatchId) -> Result<Option<BatchId>, KeepError> {
    Ok(commit_record(vault, batch)?.map(|_| batch))
}

/// The contents that a commit stands on, and as what.
fn contents(snapshot: &Snapshot, commit: BatchId) -> Result<BTreeSet<(Role, BlobId)>, KeepError> {
    let world = world_record(snapshot, commit)?;
    let mut contents = BTreeSet::from([(Role::Leaf, world.description)]);
    contents.extend(world.images.into_values().map(|image| (Role::Link, image)));
    for record in machine_records(snapshot, commit) {
        contents.insert((Role::Link, record?.files));
    }
    for record in computer_records(snapshot, commit) {
        contents.extend(record?.kept.contents());
    }
    for found in snapshot.prefix(PROGRAMS) {
        let (_, value) = found?;
        let id: Result<[u8; 32], _> = value.as_ref().try_into();
        contents.extend(id.map(|id| (Role::Leaf, BlobId::from_bytes(id))).ok());
    }
    Ok(contents)
}

/// Copies contents with all that they lead to. What is there already as a leaf may still have to be followed.
fn copy(
    from: &dyn BlobStore,
    to: &dyn BlobStore,
    contents: BTreeSet<(Role, BlobId)>,
) -> Result<(), KeepError> {
    let mut ahead: Vec<(Role, BlobId)> = contents.into_iter().collect();
    let mut followed = BTreeSet::new();
    while let Some((role, id)) = ahead.pop() {
        let is_new = match role {
            Role::Link => followed.insert(id),
            Role::Leaf => !to.has(id)?,
        };
        if !is_new {
            continue;
        }
        let content = from.get(id)?;
        to.put(&content, Durability::Buffered)?;
        if role == Role::Link
            && let Ok(linked) = Linked::parse(&content)
        {
            ahead.extend(linked.links().map(|link| (Role::Link, link)));
            ahead.extend(linked.leaves().map(|leaf| (Role::Leaf, leaf)));
        }
    }
    Ok(())
}
