//! Crashes at every write boundary, against a model of what must have survived.

use std::collections::{BTreeMap, BTreeSet};

use ironloom_core::Seed;
use proptest::prelude::*;

use super::{Store, noise, open, small};
use crate::link::Linked;
use crate::{BlobError, BlobId, BlobStore, DiskStore, Durability, FaultyMedium, PinName, Spare};

#[derive(Debug, Clone)]
enum Step {
    Put {
        number: u64,
        length: usize,
        durability: Durability,
    },
    Sync,
    /// Pins a new blob that links to those that were put last.
    Pin(u8),
    Unpin(u8),
    Collect,
    Checkpoint,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let length = prop_oneof![4 => 0..500usize, 2 => 2_000..9_000usize, 1 => 20_000..60_000usize];
    let durability = prop_oneof![3 => Just(Durability::Buffered), 1 => Just(Durability::Synced)];
    let put = (0..30u64, length, durability);
    let step = prop_oneof![
        10 => put.prop_map(|(number, length, durability)| Step::Put { number, length, durability }),
        1 => Just(Step::Sync),
        2 => (0..3u8).prop_map(Step::Pin),
        1 => (0..3u8).prop_map(Step::Unpin),
        1 => Just(Step::Collect),
        1 => Just(Step::Checkpoint),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..25)
}

/// What may and what must be in the store.
#[derive(Debug, Default)]
struct Model {
    contents: BTreeMap<BlobId, Vec<u8>>,
    links: BTreeMap<BlobId, Vec<BlobId>>,
    /// Put, and not collected.
    present: BTreeSet<BlobId>,
    /// Put, not collected, and durable.
    durable: BTreeSet<BlobId>,
    pins: BTreeMap<PinName, BlobId>,
    /// The move that was not acknowledged.
    in_doubt: Option<(PinName, Option<BlobId>)>,
    recent: Vec<BlobId>,
}

impl Model {
    fn put(&mut self, content: Vec<u8>) -> BlobId {
        let id = BlobId::of(&content);
        self.contents.insert(id, content);
        self.present.insert(id);
        self.recent.retain(|other| *other != id);
        self.recent.push(id);
        id
    }

    fn sync(&mut self) {
        self.durable.clone_from(&self.present);
    }

    fn collect(&mut self) {
        let mut stack: Vec<BlobId> = self.pins.values().copied().collect();
        let mut kept = BTreeSet::new();
        while let Some(id) = stack.pop() {
            if kept.insert(id) {
                stack.extend(self.links.get(&id).into_iter().flatten());
            }
        }
        self.present.retain(|id| kept.contains(id));
        self.durable.retain(|id| kept.contains(id));
        self.recent.retain(|id| kept.contains(id));
    }

    /// Does a step to the store and to the model; an error leaves the model with what must have survived it.
    fn step(&mut self, store: &Store, step: &Step) -> Result<(), BlobError> {
        match step {
            Step::Put { number, length, durability } => {
                let content = noise(*number, *length);
                store.put(&content, *durability)?;
                self.put(content);
                if *durability == Durability::Synced {
                    self.sync();
                }
            }
            Step::Sync => {
                store.sync()?;
                self.sync();
            }
            Step::Pin(number) => {
                let links: Vec<BlobId> = self.recent.iter().rev().take(2).copied().collect();
                let content = Linked::encode(&links, &[*number]);
                let id = store.put(&content, Durability::Buffered)?;
                self.put(content);
                self.links.insert(id, links);
                self.move_pin(store, *number, Some(id))?;
                self.sync();
            }
            Step::Unpin(number) => self.move_pin(store, *number, None)?,
            Step::Collect => {
                self.collect();
                store.collect(Spare::Racing)?;
                self.sync();
            }
            Step::Checkpoint | Step::Reopen => {
                store.checkpoint()?;
                self.sync();
            }
        }
        Ok(())
    }

    fn move_pin(&mut self, store: &Store, number: u8, target: Option<BlobId>) -> Result<(), BlobError> {
        let name: PinName = format!("pin {number}").parse().unwrap();
        self.in_doubt = Some((name.clone(), target));
        let moved = store.set_pin(&name, self.pins.get(&name).copied(), target);
        moved.map_err(|_| BlobError::Full)?;
        self.in_doubt = None;
        match target {
            Some(id) => self.pins.insert(name, id),
            None => self.pins.remove(&name),
        };
        Ok(())
    }

    fn check(&self, store: &Store) {
        for (id, content) in &self.contents {
            match store.get(*id) {
                Ok(found) => assert_eq!(found, content, "never anything else"),
                Err(BlobError::NotFound { .. }) => {
                    assert!(!self.durable.contains(id), "{id} of {} bytes was synced", content.len());
                }
                Err(error) => panic!("{error}"),
            }
        }
        let pins: BTreeMap<PinName, BlobId> = store.pins().unwrap().into_iter().collect();
        if pins == self.pins {
            return;
        }
        let (name, target) = self.in_doubt.clone().expect("no pin was being moved");
        let mut moved = self.pins.clone();
        match target {
            Some(id) => moved.insert(name, id),
            None => moved.remove(&name),
        };
        assert_eq!(pins, moved, "a pin moved as a whole or not at all");
        for id in pins.values() {
            let links = self.links.get(id).into_iter().flatten();
            links.for_each(|link| drop(store.get(*link).unwrap()));
        }
    }
}

/// Runs until the power goes, turns it on again, and checks; returns whether the power went.
fn run(steps: &[Step], seed: u64, operations: u64) -> bool {
    let medium = FaultyMedium::new(Seed::new(seed));
    medium.power_off_after(operations);
    let mut model = Model::default();
    let is_off = run_steps(&medium, steps, &mut model).is_none();
    // Either the power went, or only the process did.
    if seed.is_multiple_of(2) {
        medium.crash();
    } else {
        medium.kill();
    }
    let store = open(&medium);
    model.check(&store);
    // What was recovered is durable: it may be relied on, and put again without being written again.
    let recovered = model.contents.keys().filter(|id| store.has(**id).unwrap());
    model.durable = recovered.copied().collect();
    medium.crash();
    drop(store);
    let store = open(&medium);
    model.check(&store);
    for content in model.contents.values() {
        store.put(content, Durability::Buffered).unwrap();
    }
    store.sync().unwrap();
    model.durable = model.contents.keys().copied().collect();
    medium.crash();
    drop(store);
    model.check(&open(&medium));
    is_off
}

fn run_steps(medium: &FaultyMedium, steps: &[Step], model: &mut Model) -> Option<()> {
    let mut store = DiskStore::open_on(medium.clone(), small()).ok()?;
    for step in steps {
        model.step(&store, step).ok()?;
        if matches!(step, Step::Reopen) {
            drop(store);
            store = DiskStore::open_on(medium.clone(), small()).ok()?;
        }
    }
    // The close is cut short as well.
    store.close().ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn after_a_crash_at_every_write_boundary_what_was_synced_is_there(steps in steps(), seed: u64) {
        let mut operations = 0;
        while run(&steps, seed.wrapping_add(operations), operations) {
            operations += 1;
        }
    }
}
