//! [`Builder`]: makes a flight of a batch.

use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::resource::{Phase, Queue};
use super::{Claim, Flight, NONE, Ready, Resource, Slot, deliver};
use crate::access::{Access, AccessKind};
use crate::batch::Batch;
use crate::chain::View;
use crate::layout::Versioned;
use crate::milestone::Milestones;
use crate::{BatchId, ResourceId};

/// A flight that is being made, claim by claim.
pub(crate) struct Builder<P> {
    resources: Vec<Resource<P>>,
    /// The end of each resource's queue of claims.
    ends: Vec<End>,
    claims: Vec<Claim>,
    /// From which resource of which flight a resource gets its value.
    sources: Vec<(u32, Arc<Flight<P>>, u32)>,
}

struct End {
    /// The last claim of the queue.
    last: u32,
    /// Whether a read behind it would be granted at once.
    is_open: bool,
}

/// Where the value of a resource comes from.
pub(crate) enum Source<P> {
    /// Nobody has it in memory.
    Store,
    /// A batch that is committed left it in memory.
    Known(Versioned),
    /// A batch in flight will have it.
    Flight(Arc<Flight<P>>, u32),
}

/// What identifies a flight.
pub(crate) struct Identity {
    pub(crate) id: BatchId,
    pub(crate) parent: BatchId,
    pub(crate) sequence: u64,
    pub(crate) view: View,
    pub(crate) content: Option<[u8; 32]>,
}

impl<P> Builder<P> {
    pub(crate) fn new(accesses: usize) -> Self {
        Self {
            resources: Vec::with_capacity(accesses),
            ends: Vec::with_capacity(accesses),
            claims: Vec::with_capacity(accesses),
            sources: Vec::new(),
        }
    }

    /// How many resources there are so far.
    pub(crate) fn resource_count(&self) -> u32 {
        index(self.resources.len())
    }

    /// Adds a resource; its number is the count before.
    pub(crate) fn add_resource(&mut self, id: ResourceId, source: Source<P>) {
        let number = self.resource_count();
        let queue = match source {
            Source::Store => Queue::new(Phase::Stored, Versioned::NEVER),
            Source::Known(value) => Queue::new(Phase::Here, value),
            Source::Flight(flight, resource) => {
                self.sources.push((number, flight, resource));
                Queue::new(Phase::Awaited, Versioned::NEVER)
            }
        };
        self.resources.push(Resource::new(id, queue));
        self.ends.push(End { last: NONE, is_open: true });
    }

    /// Adds a claim to a resource; whether it is granted at once.
    pub(crate) fn claim(&mut self, resource: u32, transaction: u32, kind: AccessKind) -> bool {
        let number = index(self.claims.len());
        self.claims.push(Claim::new(resource, transaction, kind));
        let end = &mut self.ends[resource as usize];
        if let Some(last) = self.claims.get_mut(end.last as usize) {
            last.next = number;
        }
        let is_first = end.last == NONE;
        end.last = number;
        let queue = self.resources[resource as usize].queue.get_mut();
        let granted = queue.phase != Phase::Awaited && end.is_open && (is_first || kind == AccessKind::Read);
        end.is_open = granted && kind == AccessKind::Read;
        if kind == AccessKind::Write {
            queue.writes += 1;
        } else if granted {
            queue.readers += 1;
        }
        if !granted && queue.head == NONE {
            queue.head = number;
        }
        granted
    }

    /// The flight, and which of its transactions can run at once. Others may be ready when it is connected.
    pub(crate) fn finish(
        self,
        batch: Batch<P>,
        pending: &[u32],
        budget: u64,
        identity: Identity,
    ) -> (Arc<Flight<P>>, Connections<P>) {
        let transactions = batch.transactions.into_iter().zip(pending).map(|(transaction, pending)| Slot {
            payload: transaction.payload,
            budget: transaction.budget.unwrap_or(budget),
            claims_end: transaction.accesses_end,
            pending: AtomicU32::new(*pending),
            receipt: OnceLock::new(),
        });
        let transactions: Box<[Slot<P>]> = transactions.collect();
        let flight = Arc::new(Flight {
            id: identity.id,
            parent: identity.parent,
            sequence: identity.sequence,
            metadata: batch.metadata,
            durability: batch.durability,
            known_content: identity.content,
            view: identity.view,
            remaining: AtomicU32::new(index(transactions.len())),
            transactions,
            claims: self.claims.into(),
            resources: self.resources.into(),
            cancelled: AtomicBool::new(false),
            milestones: Arc::new(Milestones::new()),
            changes: OnceLock::new(),
            sealed: Mutex::new(None),
        });
        (Arc::clone(&flight), Connections { flight, sources: self.sources })
    }
}

/// The links of a new flight to those before it, still to be made.
pub(crate) struct Connections<P> {
    flight: Arc<Flight<P>>,
    sources: Vec<(u32, Arc<Flight<P>>, u32)>,
}

impl<P> Connections<P> {
    /// Makes the links; what can run because of it is added to `ready`.
    pub(crate) fn connect(&mut self, ready: &mut Vec<Ready<P>>) {
        for (resource, source, number) in self.sources.drain(..) {
            if let Some(value) = source.resources[number as usize].subscribe(&self.flight, resource) {
                deliver(Some((Arc::clone(&self.flight), resource, value)), ready);
            }
        }
    }
}

/// The accesses of each transaction of a batch.
pub(crate) fn accesses_of<P>(batch: &Batch<P>, transaction: usize) -> &[Access] {
    let start = transaction.checked_sub(1).map_or(0, |before| batch.transactions[before].accesses_end);
    &batch.accesses[start as usize..batch.transactions[transaction].accesses_end as usize]
}

fn index(count: usize) -> u32 {
    u32::try_from(count).expect("a batch counts its transactions and accesses in 32 bits")
}
