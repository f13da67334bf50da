//! The sequential interpreter: what a batch does, one transaction after another, on plain maps.

use std::collections::{BTreeMap, BTreeSet};

use ironloom_state::{AccessError, BatchId, Change, Failure, Receipt, ResourceId};

use crate::program::{BUDGET, EVENT_BYTES_MAX, EVENTS_MAX, Op, Plan, Transaction, VALUE_BYTES_MAX, resource};

/// All resources that exist: since which batch, and what they hold.
pub(crate) type Contents = BTreeMap<ResourceId, (BatchId, Vec<u8>)>;

type Values = BTreeMap<ResourceId, Vec<u8>>;

/// What becomes of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Executed {
    pub(crate) receipts: Vec<Receipt>,
    pub(crate) changes: Vec<Change>,
    pub(crate) after: Contents,
}

/// Executes a batch on what was before it.
pub(crate) fn execute(before: &Contents, plan: &Plan, id: BatchId) -> Executed {
    let mut values: Values = before.iter().map(|(name, (_, value))| (*name, value.clone())).collect();
    let receipts = plan.transactions.iter().map(|transaction| run(&mut values, transaction)).collect();
    let names: BTreeSet<ResourceId> = before.keys().chain(values.keys()).copied().collect();
    let (mut after, mut changes) = (before.clone(), Vec::new());
    for name in names {
        let (old, new) = (before.get(&name), values.get(&name));
        if old.map(|(_, value)| value) == new {
            continue;
        }
        changes.push(Change { resource: name, old: old.map(|(version, _)| *version), new: new.map(|_| id) });
        match new {
            Some(value) => drop(after.insert(name, (id, value.clone()))),
            None => drop(after.remove(&name)),
        }
    }
    Executed { receipts, changes, after }
}

struct Run<'a> {
    declared: &'a [(u8, bool)],
    values: Values,
    spent: u64,
    granted: u64,
    events: Vec<Vec<u8>>,
}

fn run(values: &mut Values, transaction: &Transaction) -> Receipt {
    let granted = transaction.budget.unwrap_or(BUDGET);
    let mut run = Run {
        declared: &transaction.accesses,
        values: values.clone(),
        spent: 0,
        granted,
        events: Vec::new(),
    };
    let returned = transaction.ops.iter().try_for_each(|op| run.step(op));
    let outcome = match returned {
        Err(Failure::Panicked { message }) => Err(Failure::Panicked { message }),
        _ if run.spent > granted => Err(Failure::OutOfBudget { granted }),
        other => other,
    };
    if outcome.is_err() {
        return Receipt { outcome, spent: run.spent, events: Vec::new() };
    }
    *values = run.values;
    Receipt { outcome, spent: run.spent, events: run.events }
}

impl Run<'_> {
    fn step(&mut self, op: &Op) -> Result<(), Failure> {
        match op {
            Op::Put(to, bytes) => self.write(*to, bytes.clone())?,
            Op::Append(to, byte) => {
                let value = self.read(*to)?.unwrap_or_default();
                self.write(*to, [value, vec![*byte]].concat())?;
            }
            Op::Remove(what) => self.remove(*what)?,
            Op::Copy(from, to) => match self.read(*from)? {
                Some(value) => self.write(*to, value)?,
                None => self.remove(*to)?,
            },
            Op::Tell(what) => {
                let told = self.read(*what)?.map_or(Vec::new(), |value| [b"=", &value[..]].concat());
                self.emit(told)?;
            }
            Op::Spend(units) => {
                self.spent += units;
                if self.spent > self.granted {
                    return Err(Failure::OutOfBudget { granted: self.granted });
                }
            }
            Op::SpendQuietly(units) => self.spent += units,
            Op::Refuse => return Err(Failure::Refused { reason: "no".into() }),
            Op::Panic => return Err(Failure::Panicked { message: "oh".into() }),
        }
        Ok(())
    }

    fn read(&self, number: u8) -> Result<Option<Vec<u8>>, Failure> {
        self.find(number)?;
        Ok(self.values.get(&resource(number)).cloned())
    }

    fn write(&mut self, number: u8, value: Vec<u8>) -> Result<(), Failure> {
        self.find_writable(number)?;
        check("value_bytes_max", value.len() as u64, VALUE_BYTES_MAX)?;
        self.values.insert(resource(number), value);
        Ok(())
    }

    fn remove(&mut self, number: u8) -> Result<(), Failure> {
        self.find_writable(number)?;
        self.values.remove(&resource(number));
        Ok(())
    }

    fn emit(&mut self, event: Vec<u8>) -> Result<(), Failure> {
        check("events_max", self.events.len() as u64 + 1, EVENTS_MAX)?;
        let bytes: usize = self.events.iter().map(Vec::len).sum();
        check("event_bytes_max", (bytes + event.len()) as u64, EVENT_BYTES_MAX)?;
        self.events.push(event);
        Ok(())
    }

    fn find(&self, number: u8) -> Result<bool, Failure> {
        let found = self.declared.iter().find(|(declared, _)| *declared == number);
        let undeclared = AccessError::Undeclared { resource: resource(number) };
        found.map(|(_, writes)| *writes).ok_or(Failure::Access(undeclared))
    }

    fn find_writable(&self, number: u8) -> Result<(), Failure> {
        match self.find(number)? {
            true => Ok(()),
            false => Err(Failure::Access(AccessError::ReadOnly { resource: resource(number) })),
        }
    }
}

fn check(limit: &str, amount: u64, max: u64) -> Result<(), Failure> {
    if amount > max { Err(Failure::Limit { limit: limit.to_owned(), amount, max }) } else { Ok(()) }
}
