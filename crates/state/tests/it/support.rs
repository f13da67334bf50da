//! The processor of the scenarios: a transaction appends its number to every resource that it may write.

use borsh::BorshSerialize;
use ironloom_state::{
    Access, AccessKind, Batch, BatchId, Config, Context, Failure, MemoryStore, Processor, ResourceId, State,
    Submission,
};

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
}

impl Processor for Append {
    type Payload = Payload;

    fn execute(&self, context: &mut Context<'_>, payload: &Payload) -> Result<(), Failure> {
        let accesses: Vec<Access> = context.accesses().collect();
        for access in accesses.into_iter().filter(|access| access.kind == AccessKind::Write) {
            let mut value = context.read(access.resource)?.map_or(Vec::new(), |value| value.to_vec());
            match payload {
                Payload::Remove => context.remove(access.resource)?,
                Payload::Append(number) => {
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
