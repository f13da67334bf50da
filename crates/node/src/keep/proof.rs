//! Reading what a commit has written, to see whether it is there and whole.

use std::collections::BTreeSet;

use ironloom_blob::link::Role;
use ironloom_blob::tree::{Config as TreeConfig, Kind};
use ironloom_blob::{BlobId, Tree, TreeError};
use ironloom_core::borsh::BorshDeserialize;
use ironloom_hyper::Computer;
use ironloom_state::{BatchId, ResourceId, Snapshot, State};

use super::KeepError;
use super::clerk::Clerk;
use super::record::{COMPUTERS, ComputerRecord, MACHINES, MachineRecord};
use super::restored::world_record;
use super::vault::Vault;

/// Reads all that is new in a commit, to see whether it is there and whole.
pub(super) fn proven(vault: &Vault, commit: BatchId) -> Result<(), KeepError> {
    let damaged = |reason: String| KeepError::Damaged { commit, reason };
    let state = vault.state()?;
    let after = state.snapshot_at(commit)?;
    let world = world_record(&after, commit)?;
    let image = |id: &BlobId| Tree::open(vault.store(), *id, TreeConfig::default());
    let images = world.images.values().map(image).collect::<Result<Vec<_>, _>>();
    let images = images.map_err(|error| damaged(format!("an image: {error}")))?;
    let mut seen: BTreeSet<BlobId> = world.images.values().copied().collect();
    for change in state.diff(commit)?.changes {
        let (resource, name) = (change.resource, change.resource.as_bytes());
        if change.new.is_none() {
            continue;
        }
        if name.starts_with(MACHINES) {
            let record: MachineRecord = record(&after, resource, commit)?;
            if seen.insert(record.files) {
                let before: Option<MachineRecord> = before(&state, resource, change.old);
                prove_files(vault, &record, before.as_ref(), images.first())
                    .map_err(|error| damaged(format!("the files of {}: {error}", record.name)))?;
            }
        } else if name.starts_with(COMPUTERS) {
            let record: ComputerRecord = record(&after, resource, commit)?;
            let before: Option<ComputerRecord> = before(&state, resource, change.old);
            prove_computer(vault, &record, before.as_ref(), &mut seen)
                .map_err(|error| damaged(format!("the computer {}: {error}", record.name)))?;
        }
    }
    Ok(())
}

/// Reads the files of a machine that it did not have before, or which its image does not.
fn prove_files(
    vault: &Vault,
    record: &MachineRecord,
    before: Option<&MachineRecord>,
    image: Option<&Tree>,
) -> Result<(), TreeError> {
    let open = |files| Tree::open(vault.store(), files, TreeConfig::default());
    let before = before.and_then(|record| open(record.files).ok()).or_else(|| image.map(Tree::fork));
    let after = open(record.files)?;
    let before = before.unwrap_or_else(|| Tree::new(vault.store(), TreeConfig::default()));
    for difference in before.diff(&after) {
        let difference = difference?;
        let is_file = difference.after.is_some_and(|stat| stat.kind == Kind::File);
        if is_file && difference.is_content_changed {
            after.read_all(&difference.path)?;
        }
    }
    Ok(())
}

/// Reads what a computer did not have before, and no other had.
fn prove_computer(
    vault: &Vault,
    record: &ComputerRecord,
    before: Option<&ComputerRecord>,
    seen: &mut BTreeSet<BlobId>,
) -> Result<(), String> {
    let (kept, store) = (&record.kept, vault.store());
    let known: BTreeSet<_> = before.iter().flat_map(|record| record.kept.contents()).collect();
    for (role, content) in kept.contents().filter(|content| !known.contains(content)) {
        if !seen.insert(content) {
            continue;
        }
        let read = match role {
            Role::Link => {
                let before = before.map(|record| record.kept.snapshot);
                Computer::prove(&*store, content, before).map_err(|error| error.to_string())
            }
            Role::Leaf => store.get(content).map(drop).map_err(|error| error.to_string()),
        };
        read?;
    }
    Ok(())
}

/// What was written down of something before; nothing if it cannot be read any more.
fn before<T: BorshDeserialize>(
    state: &State<Clerk>,
    resource: ResourceId,
    batch: Option<BatchId>,
) -> Option<T> {
    let value = state.snapshot_at(batch?).ok()?.get(resource).ok()??;
    T::try_from_slice(&value).ok()
}

fn record<T: BorshDeserialize>(
    snapshot: &Snapshot,
    resource: ResourceId,
    commit: BatchId,
) -> Result<T, KeepError> {
    let value = snapshot.get(resource)?;
    let record = value.and_then(|value| T::try_from_slice(&value).ok());
    let reason = || "one of its machines or computers cannot be read".to_owned();
    record.ok_or_else(|| KeepError::Damaged { commit, reason: reason() })
}
