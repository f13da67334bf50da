//! What must be so whenever nothing is in flight.

use std::collections::BTreeSet;
use std::ops::{Bound, ControlFlow};

use ironloom_state::{BatchId, ReadError, ReadStore, ResourceId, Root, Roots, SPACES, Snapshot, StoreError};

use crate::interpreter::Contents;
use crate::model::Presence;
use crate::program::{RESOURCES, resource};
use crate::world::{Broken, Outcome, World};

/// What a range of a snapshot has.
type Found = Result<Vec<(ResourceId, Vec<u8>)>, StoreError>;

impl World {
    /// Everything that can be seen, against the model.
    pub(crate) fn check(&mut self) -> Outcome {
        self.settle()?;
        let state = self.state();
        let (tip, floor) = (self.model.tip(), state.floor());
        assert_eq!((state.tip(), state.committed()), (tip, tip));
        assert!(
            floor >= self.model.floor() && floor <= tip,
            "{floor} between {} and {tip}",
            self.model.floor()
        );
        check_snapshot(&state.snapshot(), &self.model.contents(tip))?;
        let chain = self.model.chain(tip);
        assert!(chain.contains(&floor));
        for id in self.model.records.keys().copied().chain([BatchId::GENESIS]) {
            let counts = chain.contains(&id);
            match state.snapshot_at(id) {
                Ok(snapshot) => {
                    assert!(counts && id >= floor, "{id} can be read");
                    check_snapshot(&snapshot, &self.model.contents(id))?;
                }
                Err(ReadError::Pruned { .. }) => {
                    assert!(id < floor || self.may_be_pruned(id), "{id} is kept");
                }
                Err(ReadError::Unknown { .. }) => assert!(id >= floor && !counts, "{id} is there"),
                Err(other) => return Err(other.into()),
            }
        }
        for id in chain.into_iter().filter(|id| *id >= floor && *id > BatchId::GENESIS) {
            self.check_batch(id)?;
        }
        self.check_snapshots()?;
        self.model.floor = Some(self.state().floor());
        Ok(())
    }

    fn check_batch(&self, id: BatchId) -> Outcome {
        let (state, record) = (self.state(), &self.model.records[&id]);
        if self.may_be_pruned(id) {
            return Ok(());
        }
        assert_eq!(state.receipts(id)?, record.receipts, "receipts of {id}");
        let diff = state.diff(id)?;
        assert_eq!((diff.batch, diff.changes), (id, record.changes.clone()), "diff of {id}");
        assert_eq!(state.metadata(id)?, [record.plan.metadata], "metadata of {id}");
        let root = state.wait_root(id)?;
        let expected = (self.config.roots == Roots::On).then_some(record.root);
        if root.is_some() || expected.is_none() || self.model.rooted.contains(&id) {
            assert_eq!(root, expected, "root of {id}");
        }
        Ok(())
    }

    /// Snapshots that were opened at any time are as they were.
    pub(crate) fn check_snapshots(&self) -> Outcome {
        let floor = self.state().floor();
        for (snapshot, pin) in &self.snapshots {
            assert!(floor <= *pin, "{floor} is above {pin}, which is read");
            check_snapshot(snapshot, &self.model.contents(snapshot.batch()))?;
        }
        Ok(())
    }

    /// After everything was pruned that can be: the floor is where it should be, and below it there is nothing.
    pub(crate) fn check_pruned(&mut self, before: BatchId) -> Outcome {
        let (state, tip) = (self.state(), self.model.tip());
        let pin = self.snapshots.iter().map(|(_, pin)| *pin).min().unwrap_or(tip);
        let most = self.model.prune_wanted.unwrap_or(BatchId::GENESIS).min(tip).min(pin);
        let newest = self.model.chain(tip).into_iter().rfind(|id| *id <= most).unwrap_or(BatchId::GENESIS);
        let floor = state.floor();
        if self.is_armed {
            return Ok(()); // it may have failed, which nobody is told who waits for pruning
        }
        if self.config.workers > 0 {
            assert!(before <= floor && floor <= newest.max(before), "{floor} after pruning up to {most}");
            return Ok(()); // a worker may hold what pruning needs just now
        }
        assert_eq!(floor, newest.max(before), "the floor after pruning up to {most}");
        self.check_rows(floor)
    }

    /// The rows in the store are those that somebody may ask for.
    fn check_rows(&self, floor: BatchId) -> Outcome {
        if self.model.stored.values().any(|presence| *presence == Presence::Possible) {
            return Ok(());
        }
        let stored: Vec<BatchId> = self.model.stored.keys().copied().filter(|id| *id >= floor).collect();
        let batches = keys(&self.store, 1)?;
        assert_eq!(batches, stored.iter().map(|id| id.number().to_be_bytes().to_vec()).collect(), "batches");
        let row = |name: &ResourceId, version: BatchId| {
            [&name.as_bytes()[..], &(!version.number()).to_be_bytes()].concat()
        };
        let above = stored.iter().filter(|id| **id > floor).flat_map(|id| {
            self.model.records[id].changes.iter().map(move |change| row(&change.resource, *id))
        });
        let contents = self.model.contents(floor);
        let at_floor = contents.iter().map(|(name, (version, _))| row(name, *version));
        let expected: BTreeSet<Vec<u8>> = above.chain(at_floor).collect();
        let mut found = keys(&self.store, 0)?;
        if floor == BatchId::GENESIS {
            assert!(found.is_superset(&expected));
            found = expected.clone();
        }
        assert_eq!(found, expected, "rows with a floor of {floor}");
        Ok(())
    }

    /// All roots that are known.
    pub(crate) fn roots(&self) -> Vec<(BatchId, Option<Root>)> {
        let chain = self.model.chain(self.model.tip());
        chain.into_iter().map(|id| (id, self.state().wait_root(id).unwrap())).collect()
    }
}

/// All keys of one of the engine's spaces.
fn keys(store: &impl ReadStore, space: usize) -> Outcome<BTreeSet<Vec<u8>>> {
    let mut found = BTreeSet::new();
    store.scan(SPACES[space], (Bound::Unbounded, Bound::Unbounded), &mut |key, _| {
        found.insert(key.to_vec());
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// A snapshot shows what it should, however it is asked.
fn check_snapshot(snapshot: &Snapshot, expected: &Contents) -> Outcome {
    let at = snapshot.batch();
    for name in (0..RESOURCES).map(resource) {
        let (version, value) = (snapshot.version(name)?, snapshot.get(name)?);
        let held = expected.get(&name);
        assert_eq!(value.map(|value| value.to_vec()), held.map(|(_, value)| value.clone()), "{name} at {at}");
        assert_eq!(version, held.map(|(version, _)| *version), "version of {name} at {at}");
    }
    let collect =
        |range: &mut dyn Iterator<Item = Result<(ResourceId, ironloom_state::Value), StoreError>>| {
            range.map(|entry| entry.map(|(name, value)| (name, value.to_vec()))).collect::<Found>()
        };
    let within = |is_in: &dyn Fn(&ResourceId) -> bool| -> Vec<(ResourceId, Vec<u8>)> {
        let entries = expected.iter().filter(|(name, _)| is_in(name));
        entries.map(|(name, (_, value))| (*name, value.clone())).collect()
    };
    assert_eq!(collect(&mut snapshot.iter())?, within(&|_| true), "all at {at}");
    let (from, to) = (resource(3), resource(4));
    assert_eq!(collect(&mut snapshot.range(from..=to))?, within(&|name| (from..=to).contains(name)), "{at}");
    let exclusive = (Bound::Excluded(from), Bound::Excluded(to));
    assert_eq!(collect(&mut snapshot.range(exclusive))?, within(&|name| *name > from && *name < to), "{at}");
    for prefix in [&[7][..], &[u8::MAX], &[]] {
        let expected = within(&|name| name.as_bytes().starts_with(prefix));
        assert_eq!(collect(&mut snapshot.prefix(prefix))?, expected, "prefix {prefix:?} at {at}");
    }
    Ok::<(), Broken>(())
}
