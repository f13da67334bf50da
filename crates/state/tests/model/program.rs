//! [`Op`]: the language of the transactions, and [`Programs`], which runs it on the engine.

use std::panic::resume_unwind;

use borsh::BorshSerialize;
use ironloom_state::{Access, Batch, Context, Failure, Processor, ResourceId};

/// How many resources there are.
pub(crate) const RESOURCES: u8 = 7;

/// What a transaction may spend if it does not say.
pub(crate) const BUDGET: u64 = 100;
pub(crate) const VALUE_BYTES_MAX: u64 = 40;
pub(crate) const EVENTS_MAX: u64 = 3;
pub(crate) const EVENT_BYTES_MAX: u64 = 60;

/// One step of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize)]
pub(crate) enum Op {
    Put(u8, Vec<u8>),
    Append(u8, u8),
    Remove(u8),
    /// Makes the second hold what the first does, or not exist.
    Copy(u8, u8),
    /// Emits what a resource holds.
    Tell(u8),
    Spend(u64),
    /// Spends, and does not care whether that was too much.
    SpendQuietly(u64),
    Refuse,
    Panic,
}

/// A transaction as it is planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transaction {
    /// Which resources it declares, ascending, and whether for writing.
    pub(crate) accesses: Vec<(u8, bool)>,
    pub(crate) budget: Option<u64>,
    pub(crate) ops: Vec<Op>,
}

/// A batch as it is planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) metadata: u8,
    pub(crate) transactions: Vec<Transaction>,
}

/// The id of a resource: three prefixes, so that there is something to iterate over.
pub(crate) fn resource(number: u8) -> ResourceId {
    let mut bytes = [0; ResourceId::BYTES];
    bytes[0] = [0, 7, u8::MAX][usize::from(number % 3)];
    bytes[ResourceId::BYTES - 1] = number;
    ResourceId::from_bytes(bytes)
}

impl Plan {
    /// The batch for the engine.
    pub(crate) fn batch(&self) -> Batch<Vec<Op>> {
        let mut batch = Batch::new([self.metadata]);
        for transaction in &self.transactions {
            let declare = |(number, writes): &(u8, bool)| match writes {
                true => Access::write(resource(*number)),
                false => Access::read(resource(*number)),
            };
            let accesses: Vec<Access> = transaction.accesses.iter().map(declare).collect();
            let pushed = match transaction.budget {
                Some(budget) => batch.push_with_budget(&accesses, transaction.ops.clone(), budget),
                None => batch.push(&accesses, transaction.ops.clone()),
            };
            pushed.unwrap();
        }
        batch
    }
}

/// Runs the steps of a transaction.
pub(crate) struct Programs;

impl Processor for Programs {
    type Payload = Vec<Op>;

    fn execute(&self, context: &mut Context<'_>, ops: &Vec<Op>) -> Result<(), Failure> {
        ops.iter().try_for_each(|op| step(context, op))
    }
}

fn step(context: &mut Context<'_>, op: &Op) -> Result<(), Failure> {
    match op {
        Op::Put(to, bytes) => context.write(resource(*to), bytes.as_slice())?,
        Op::Append(to, byte) => {
            let mut value = context.read(resource(*to))?.map_or(Vec::new(), |value| value.to_vec());
            value.push(*byte);
            context.write(resource(*to), value)?;
        }
        Op::Remove(what) => context.remove(resource(*what))?,
        Op::Copy(from, to) => match context.read(resource(*from))?.cloned() {
            Some(value) => context.write(resource(*to), value)?,
            None => context.remove(resource(*to))?,
        },
        Op::Tell(what) => {
            let told = context.read(resource(*what))?.map_or(Vec::new(), |value| [b"=", &value[..]].concat());
            context.emit(told)?;
        }
        Op::Spend(units) => context.spend(*units)?,
        Op::SpendQuietly(units) => drop(context.spend(*units)),
        Op::Refuse => return Err(Failure::refused("no")),
        // Without the hook that prints it: there are thousands.
        Op::Panic => resume_unwind(Box::new("oh".to_owned())),
    }
    Ok(())
}
