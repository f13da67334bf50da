//! The processor of the scenarios: a transaction appends its number to every resource that it may write.

use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use borsh::BorshSerialize;
use ironloom_state::{
    Access, AccessKind, Batch, BatchId, Config, Context, Failure, MemoryStore, Processor, ReadStore,
    ResourceId, Space, State, Store, Submission,
};

use crate::gates::{Gate, Held};

/// Appends the number of a transaction to every resource that it may write.
pub(crate) struct Append;

#[derive(Debug, Clone, BorshSerialize)]
pub(crate) enum Payload {
    /// Appends this.
    Append(u8),
    /// Removes what it may write.
    Remove,
    /// Writes, and then fails.
    Fail(String),
    /// Writes, and then panics.
    Panic(String),
    /// Writes, and then spends so much.
    Spend(u64),
    /// Waits at a gate, and then appends this.
    Held(u8, Held),
}

impl Processor for Append {
    type Payload = Payload;

    fn execute(&self, context: &mut Context<'_>, payload: &Payload) -> Result<(), Failure> {
        if let Payload::Held(_, gate) = payload {
            gate.pass();
        }
        let accesses: Vec<Access> = context.accesses().collect();
        for access in accesses.into_iter().filter(|access| access.kind == AccessKind::Write) {
            let mut value = context.read(access.resource)?.map_or(Vec::new(), |value| value.to_vec());
            match payload {
                Payload::Remove => context.remove(access.resource)?,
                Payload::Append(number) | Payload::Held(number, _) => {
                    value.push(*number);
                    context.write(access.resource, value)?;
                }
                _ => context.write(access.resource, *b"must not be seen")?,
            }
        }
        context.spend(1)?;
        match payload {
            Payload::Fail(reason) => Err(Failure::refused(reason.clone())),
            Payload::Panic(message) => panic!("{message}"),
            Payload::Spend(units) => context.spend(*units),
            _ => Ok(()),
        }
    }
}

pub(crate) fn id(number: u64) -> ResourceId {
    ResourceId::numbered(number)
}

/// A batch of one transaction that appends `number` to the resources.
pub(crate) fn append(number: u8, resources: &[u64]) -> Batch<Payload> {
    let accesses: Vec<Access> = resources.iter().map(|resource| Access::write(id(*resource))).collect();
    let mut batch = Batch::new(vec![number]);
    batch.push(&accesses, Payload::Append(number)).unwrap();
    batch
}

/// A batch of one transaction that waits at a gate and appends `number` to the resources then.
pub(crate) fn held(number: u8, resources: &[u64]) -> (Batch<Payload>, Arc<Gate>) {
    let gate = Held::default();
    let mut batch = Batch::new(vec![number]);
    let accesses: Vec<Access> = resources.iter().map(|resource| Access::write(id(*resource))).collect();
    batch.push(&accesses, Payload::Held(number, gate.clone())).unwrap();
    (batch, gate.0)
}

/// A batch of one transaction that reads the resources.
pub(crate) fn look(number: u8, resources: &[u64]) -> Batch<Payload> {
    let accesses: Vec<Access> = resources.iter().map(|resource| Access::read(id(*resource))).collect();
    let mut batch = Batch::new(vec![number]);
    batch.push(&accesses, Payload::Append(number)).unwrap();
    batch
}

/// A batch of one transaction that removes the resources.
pub(crate) fn remove(resources: &[u64]) -> Batch<Payload> {
    let accesses: Vec<Access> = resources.iter().map(|resource| Access::write(id(*resource))).collect();
    let mut batch = Batch::new("remove");
    batch.push(&accesses, Payload::Remove).unwrap();
    batch
}

pub(crate) fn open_with(store: &(impl Store + Clone), config: Config) -> State<Append> {
    State::open(store.clone(), Append, config).unwrap()
}

pub(crate) fn open(store: &MemoryStore, workers: usize) -> State<Append> {
    State::open(store.clone(), Append, Config { workers, ..Config::default() }).unwrap()
}

pub(crate) fn submit(state: &State<Append>, batch: Batch<Payload>) -> Submission<Append> {
    state.submit(batch).unwrap()
}

/// What a resource holds in what is committed.
pub(crate) fn read(state: &State<Append>, resource: u64) -> Option<Vec<u8>> {
    state.snapshot().get(id(resource)).unwrap().map(|value| value.to_vec())
}

pub(crate) fn commit_all(
    state: &State<Append>,
    batches: impl IntoIterator<Item = Batch<Payload>>,
) -> Vec<BatchId> {
    let submissions: Vec<_> = batches.into_iter().map(|batch| submit(state, batch)).collect();
    submissions.iter().for_each(|submission| submission.wait_committed().unwrap());
    submissions.iter().map(Submission::id).collect()
}

/// How many rows a space has.
pub(crate) fn rows(store: &MemoryStore, space: Space) -> usize {
    let mut rows = 0;
    let everything = (Bound::Unbounded, Bound::Unbounded);
    let mut count = |_: &[u8], _: &[u8]| {
        rows += 1;
        ControlFlow::Continue(())
    };
    store.scan(space, everything, &mut count).unwrap();
    rows
}
