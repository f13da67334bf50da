//! [`Flight`]: a batch between its submission and its commit.
//!
//! Every resource that a batch touches has a queue of *claims*, one for each access, in the order of the transactions.
//! The claims at the head of the queue are *granted*: all reads up to the next write, or one write. A transaction runs
//! once all its claims are granted, and gives them back when it has run, by which the next are granted.
//!
//! The queues of one resource in consecutive batches are linked: when the last write of one batch is done, the value
//! is handed to the next batch, without a look at the disk and without waiting for the readers that are left. So no
//! batch holds on to an earlier one, and a value travels through any number of batches in a loop, not by recursion.

mod build;
mod resource;

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use ironloom_blob::Durability;
use parking_lot::Mutex;

use crate::access::{Access, AccessKind};
use crate::batch::Content;
use crate::chain::View;
use crate::layout::{RowChange, Versioned};
use crate::milestone::{Interrupted, Milestones};
use crate::receipt::{Receipt, Stub};
use crate::seal::Sealed;
use crate::{BatchId, ReadStore, StoreError, Value};

pub(crate) use build::{Builder, Connections, Identity, Source, accesses_of};
pub(crate) use resource::Resource;

/// The end of a queue of claims.
const NONE: u32 = u32::MAX;

/// A batch that was accepted and is not yet committed.
#[derive(Debug)]
pub(crate) struct Flight<P> {
    pub(crate) id: BatchId,
    pub(crate) parent: BatchId,
    /// Where it stands among everything that is to be committed.
    pub(crate) sequence: u64,
    pub(crate) metadata: Vec<u8>,
    pub(crate) durability: Durability,
    /// What it is recognised by, if somebody had to know before it was executed.
    known_content: Option<[u8; 32]>,
    /// The state that it found, for what no batch before it has in memory.
    view: View,
    transactions: Box<[Slot<P>]>,
    claims: Box<[Claim]>,
    resources: Box<[Resource<P>]>,
    /// Transactions that did not run yet.
    remaining: AtomicU32,
    cancelled: AtomicBool,
    pub(crate) milestones: Arc<Milestones>,
    /// What it changed, once it was executed.
    pub(crate) changes: OnceLock<Box<[RowChange]>>,
    /// What is to be committed, between its execution and its commit.
    pub(crate) sealed: Mutex<Option<Sealed>>,
}

/// A transaction of a flight.
#[derive(Debug)]
struct Slot<P> {
    payload: P,
    budget: u64,
    /// How many of the flight's claims are its own and those of the transactions before it.
    claims_end: u32,
    /// Claims that were not granted yet.
    pending: AtomicU32,
    receipt: OnceLock<Stub>,
}

/// One access of a transaction, in the queue of its resource.
#[derive(Debug)]
struct Claim {
    resource: u32,
    transaction: u32,
    /// The claim behind it in the queue.
    next: u32,
    kind: AccessKind,
}

/// A transaction that can run.
pub(crate) type Ready<P> = (Arc<Flight<P>>, u32);

/// A value on its way to the batch that waits for it.
type Delivery<P> = (Arc<Flight<P>>, u32, Versioned);

impl<P> Flight<P> {
    pub(crate) fn len(&self) -> usize {
        self.transactions.len()
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Stops it where it is: no transaction of it begins any more, and nothing of it is committed.
    pub(crate) fn cancel(&self, reason: Interrupted) {
        self.cancelled.store(true, Ordering::Release);
        self.milestones.interrupt(reason);
        // A value that waits for the next batch would keep that alive, and so on to the last: too deep to drop.
        self.resources.iter().for_each(Resource::disconnect);
    }

    pub(crate) fn resources(&self) -> &[Resource<P>] {
        &self.resources
    }

    pub(crate) fn payload(&self, transaction: u32) -> &P {
        &self.slot(transaction).payload
    }

    pub(crate) fn budget(&self, transaction: u32) -> u64 {
        self.slot(transaction).budget
    }

    /// How many accesses a transaction has.
    pub(crate) fn access_count(&self, transaction: u32) -> usize {
        self.claims_of(transaction).len()
    }

    /// An access of a transaction, by its place in the order of the resources.
    pub(crate) fn access(&self, transaction: u32, index: usize) -> Access {
        let claim = &self.claims_of(transaction)[index];
        Access { resource: self.resources[claim.resource as usize].id, kind: claim.kind }
    }

    /// What a claim shows. The first who asks for what no batch before has in memory loads it from the store.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub(crate) fn value(
        &self,
        transaction: u32,
        index: usize,
        store: &dyn ReadStore,
        ready: &mut Vec<Ready<P>>,
    ) -> Result<Option<Value>, StoreError> {
        let resource = &self.resources[self.claims_of(transaction)[index].resource as usize];
        let (value, delivery) = resource.value(store, &self.view)?;
        deliver(delivery, ready);
        Ok(value)
    }

    /// Gives a claim back, with what was written through it, if anything was.
    pub(crate) fn release(
        self: &Arc<Self>,
        transaction: u32,
        index: usize,
        written: Option<Option<Value>>,
        ready: &mut Vec<Ready<P>>,
    ) {
        let claim = &self.claims_of(transaction)[index];
        let delivery = self.resources[claim.resource as usize].release(self, claim.kind, written, ready);
        deliver(delivery, ready);
    }

    /// Notes what became of a transaction.
    pub(crate) fn note(&self, transaction: u32, stub: Stub) {
        let known = self.slot(transaction).receipt.set(stub);
        assert!(known.is_ok(), "a transaction runs once");
    }

    /// A transaction has given back all its claims; whether it was the last.
    pub(crate) fn conclude(&self) -> bool {
        self.remaining.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// The receipts, in order. Those of a batch that was not executed are not there.
    pub(crate) fn receipts(&self) -> Vec<Receipt> {
        self.transactions.iter().filter_map(|slot| slot.receipt.get()).map(Stub::receipt).collect()
    }

    pub(crate) fn stubs(&self) -> impl ExactSizeIterator<Item = &Stub> {
        self.transactions.iter().map(|slot| slot.receipt.get().expect("all transactions have run"))
    }

    /// One more claim of a transaction is granted.
    fn grant(self: &Arc<Self>, claim: &Claim, ready: &mut Vec<Ready<P>>) {
        if self.slot(claim.transaction).pending.fetch_sub(1, Ordering::AcqRel) == 1 {
            ready.push((Arc::clone(self), claim.transaction));
        }
    }

    fn slot(&self, transaction: u32) -> &Slot<P> {
        &self.transactions[transaction as usize]
    }

    fn claims_of(&self, transaction: u32) -> &[Claim] {
        let start = match transaction {
            0 => 0,
            other => self.slot(other - 1).claims_end,
        };
        &self.claims[start as usize..self.slot(transaction).claims_end as usize]
    }
}

impl<P: borsh::BorshSerialize> Flight<P> {
    /// What the batch is recognised by.
    pub(crate) fn content(&self) -> [u8; 32] {
        if let Some(content) = self.known_content {
            return content;
        }
        let mut content = Content::new(&self.metadata, self.len());
        for (slot, transaction) in self.transactions.iter().zip(0..) {
            let accesses = (0..self.access_count(transaction)).map(|index| self.access(transaction, index));
            content.add_transaction(&slot.payload, slot.budget, accesses);
        }
        content.finish()
    }
}

/// Hands a value on, from batch to batch as long as they only read it.
fn deliver<P>(mut delivery: Option<Delivery<P>>, ready: &mut Vec<Ready<P>>) {
    while let Some((flight, resource, value)) = delivery {
        delivery = flight.resources[resource as usize].receive(&flight, value, ready);
    }
}
