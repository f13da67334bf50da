//! [`Processor`]: how transactions are executed, and [`Context`]: what one of them can reach.

use std::fmt;

use borsh::BorshSerialize;
use ironloom_core::Limit;

use crate::{Access, AccessError, AccessKind, Config, Failure, ResourceId, Value};

/// Executes transactions. It is supplied from above: a ledger in Rust, an interpreter of scripts.
///
/// It runs on any thread, and on several at once. What it does must depend on nothing but the payload and what the
/// context shows, or the same batches will not have the same result. A panic fails the transaction and nothing else.
///
/// ```
/// use ironloom_state::{Context, Failure, Processor, ResourceId};
///
/// /// Adds the payload to a counter.
/// struct Counter(ResourceId);
///
/// impl Processor for Counter {
///     type Payload = u64;
///
///     fn execute(&self, context: &mut Context<'_>, amount: &u64) -> Result<(), Failure> {
///         let count = context.read(self.0)?.map_or(0, |value| u64::from_le_bytes(value.as_ref().try_into().unwrap()));
///         let sum = count.checked_add(*amount).ok_or_else(|| Failure::refused("the counter is full"))?;
///         context.write(self.0, sum.to_le_bytes())
///     }
/// }
/// ```
pub trait Processor: Send + Sync + 'static {
    /// What a transaction says beside its accesses. Its encoding is part of what a returning batch is recognised by.
    type Payload: BorshSerialize + Send + Sync + 'static;

    /// Executes one transaction.
    ///
    /// # Errors
    ///
    /// If the transaction shall change nothing.
    fn execute(&self, context: &mut Context<'_>, payload: &Self::Payload) -> Result<(), Failure>;
}

/// What a transaction sees while it runs: the resources that it declared, and its budget.
pub struct Context<'a> {
    declared: Declared<'a>,
    values: &'a mut [Held],
    granted: u64,
    spent: u64,
    events: Vec<Vec<u8>>,
    event_bytes: u64,
    limits: &'a Config,
}

/// The accesses of the transaction, in the order of their resources.
pub(crate) type Declared<'a> = &'a dyn Fn(usize) -> Access;

/// One declared resource while the transaction runs.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) value: Option<Value>,
    pub(crate) written: bool,
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        declared: Declared<'a>,
        values: &'a mut [Held],
        granted: u64,
        limits: &'a Config,
    ) -> Self {
        Self { declared, values, granted, spent: 0, events: Vec::new(), event_bytes: 0, limits }
    }

    /// The resources that the transaction declared, in their order.
    #[must_use]
    pub fn accesses(&self) -> impl ExactSizeIterator<Item = Access> + '_ {
        (0..self.values.len()).map(|index| (self.declared)(index))
    }

    /// What a declared resource holds now; `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// If it was not declared.
    pub fn read(&self, resource: ResourceId) -> Result<Option<&Value>, Failure> {
        let (index, _) = self.find(resource)?;
        Ok(self.values[index].value.as_ref())
    }

    /// Makes a resource hold this from now on, whether it existed or not.
    ///
    /// # Errors
    ///
    /// If it was not declared for writing, or the value is too long.
    pub fn write(&mut self, resource: ResourceId, value: impl Into<Value>) -> Result<(), Failure> {
        let index = self.find_writable(resource)?;
        let value = value.into();
        Limit::new("value_bytes_max", self.limits.value_bytes_max).check(value.len() as u64)?;
        self.values[index] = Held { value: Some(value), written: true };
        Ok(())
    }

    /// Makes a resource not exist from now on.
    ///
    /// # Errors
    ///
    /// If it was not declared for writing.
    pub fn remove(&mut self, resource: ResourceId) -> Result<(), Failure> {
        let index = self.find_writable(resource)?;
        self.values[index] = Held { value: None, written: true };
        Ok(())
    }

    /// Accounts for work. Once more was spent than was granted, the transaction fails, whatever it returns.
    ///
    /// # Errors
    ///
    /// If that is so.
    pub fn spend(&mut self, units: u64) -> Result<(), Failure> {
        self.spent = self.spent.saturating_add(units);
        if self.is_exhausted() { Err(Failure::OutOfBudget { granted: self.granted }) } else { Ok(()) }
    }

    /// How much may still be spent.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.granted.saturating_sub(self.spent)
    }

    /// Says something that will be in the receipt if the transaction succeeds.
    ///
    /// # Errors
    ///
    /// If it has said too much.
    pub fn emit(&mut self, event: impl Into<Vec<u8>>) -> Result<(), Failure> {
        let event = event.into();
        let bytes = self.event_bytes + event.len() as u64;
        Limit::new("events_max", self.limits.events_max).check(self.events.len() as u64 + 1)?;
        Limit::new("event_bytes_max", self.limits.event_bytes_max).check(bytes)?;
        self.event_bytes = bytes;
        self.events.push(event);
        Ok(())
    }

    fn find_writable(&self, resource: ResourceId) -> Result<usize, AccessError> {
        match self.find(resource)? {
            (index, AccessKind::Write) => Ok(index),
            (_, AccessKind::Read) => Err(AccessError::ReadOnly { resource }),
        }
    }

    fn find(&self, resource: ResourceId) -> Result<(usize, AccessKind), AccessError> {
        let (mut low, mut high) = (0, self.values.len());
        while low < high {
            let middle = low.midpoint(high);
            let access = (self.declared)(middle);
            match access.resource.cmp(&resource) {
                std::cmp::Ordering::Equal => return Ok((middle, access.kind)),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(AccessError::Undeclared { resource })
    }

    fn is_exhausted(&self) -> bool {
        self.spent > self.granted
    }

    /// What became of the transaction, given what the processor returned.
    pub(crate) fn conclude(self, returned: Result<(), Failure>) -> (Result<(), Failure>, u64, Vec<Vec<u8>>) {
        let outcome = match returned {
            Err(Failure::Panicked { message }) => Err(Failure::Panicked { message }.bounded()),
            _ if self.is_exhausted() => Err(Failure::OutOfBudget { granted: self.granted }),
            Err(failure) => Err(failure.bounded()),
            Ok(()) => Ok(()),
        };
        let events = if outcome.is_ok() { self.events } else { Vec::new() };
        (outcome, self.spent, events)
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("values", &self.values)
            .field("granted", &self.granted)
            .field("spent", &self.spent)
            .finish_non_exhaustive()
    }
}
