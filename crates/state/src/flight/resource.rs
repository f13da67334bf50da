//! [`Resource`]: what one batch does to one resource.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Claim, Delivery, Flight, NONE, Ready};
use crate::access::AccessKind;
use crate::chain::View;
use crate::layout::{self, RowChange, Versioned};
use crate::{BatchId, ReadStore, ResourceId, StoreError, Value};

/// A resource that a batch touches: its value so far, and the queue of claims to it.
#[derive(Debug)]
pub(crate) struct Resource<P> {
    pub(crate) id: ResourceId,
    pub(super) queue: Mutex<Queue<P>>,
}

#[derive(Debug)]
pub(super) struct Queue<P> {
    pub(super) phase: Phase,
    pub(super) current: Versioned,
    /// What it was before the first write of this batch.
    before: Option<Versioned>,
    /// The first claim that is not granted.
    pub(super) head: u32,
    /// Reads that are granted and not given back.
    pub(super) readers: u32,
    /// Writes that are not given back, granted or not.
    pub(super) writes: u32,
    /// Which resource of which batch is handed the value.
    next: Option<(Arc<Flight<P>>, u32)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// An earlier batch will hand it over; nothing is granted.
    Awaited,
    /// It is in the store; whoever needs it first loads it.
    Stored,
    /// It is here.
    Here,
}

impl<P> Queue<P> {
    pub(super) const fn new(phase: Phase, current: Versioned) -> Self {
        Self { phase, current, before: None, head: NONE, readers: 0, writes: 0, next: None }
    }

    /// Whether the value will not change any more in this batch.
    fn is_final(&self) -> bool {
        self.phase == Phase::Here && self.writes == 0
    }

    /// Hands the final value to the batch that waits for it, if one does.
    fn hand_over(&mut self) -> Option<Delivery<P>> {
        if !self.is_final() {
            return None;
        }
        let (flight, resource) = self.next.take()?;
        Some((flight, resource, self.current.clone()))
    }

    /// Grants the reads at the head of the queue, or the write.
    fn grant(&mut self, flight: &Arc<Flight<P>>, ready: &mut Vec<Ready<P>>) {
        let claims = &flight.claims;
        let claim = |at: u32| claims.get(at as usize);
        while let Some(read) = claim(self.head).filter(|claim| claim.kind == AccessKind::Read) {
            self.readers += 1;
            self.head = read.next;
            flight.grant(read, ready);
        }
        if self.readers > 0 {
            return;
        }
        if let Some(write) = claim(self.head) {
            self.head = write.next;
            flight.grant(write, ready);
        }
    }

    fn write(&mut self, value: Option<Value>) {
        let before = std::mem::replace(&mut self.current.value, value);
        let version = self.current.version;
        self.before.get_or_insert(Versioned { version, value: before });
    }

    /// Nobody writes any more: the value has a new version if it is another than before.
    fn close(&mut self, batch: BatchId) {
        if let Some(before) = &self.before {
            let changed = before.value != self.current.value;
            self.current.version = if changed { batch } else { before.version };
            if !changed {
                self.before = None;
            }
        }
    }
}

impl<P> Resource<P> {
    pub(super) const fn new(id: ResourceId, queue: Queue<P>) -> Self {
        Self { id, queue: Mutex::new(queue) }
    }

    /// The value that a granted claim shows, and to whom it is to be handed now that it is known.
    pub(super) fn value(
        &self,
        store: &dyn ReadStore,
        view: &View,
    ) -> Result<(Option<Value>, Option<Delivery<P>>), StoreError> {
        let mut queue = self.queue.lock();
        let mut delivery = None;
        if queue.phase == Phase::Stored {
            // Stores may be slow, and who submits the next batch needs the lock. Several readers may load the same.
            drop(queue);
            let stored = layout::newest(store, &self.id, view)?;
            queue = self.queue.lock();
            if queue.phase == Phase::Stored {
                queue.current = stored;
                queue.phase = Phase::Here;
                delivery = queue.hand_over();
            }
        }
        debug_assert_eq!(queue.phase, Phase::Here, "what is awaited is granted to nobody");
        Ok((queue.current.value.clone(), delivery))
    }

    /// Takes a claim back and grants the next.
    pub(super) fn release(
        &self,
        flight: &Arc<Flight<P>>,
        kind: AccessKind,
        written: Option<Option<Value>>,
        ready: &mut Vec<Ready<P>>,
    ) -> Option<Delivery<P>> {
        let mut queue = self.queue.lock();
        match kind {
            AccessKind::Read => queue.readers -= 1,
            AccessKind::Write => {
                queue.writes -= 1;
                if let Some(value) = written {
                    queue.write(value);
                }
                if queue.writes == 0 {
                    queue.close(flight.id);
                }
            }
        }
        if queue.readers == 0 && queue.head != NONE {
            queue.grant(flight, ready);
        }
        if kind == AccessKind::Write { queue.hand_over() } else { None }
    }

    /// Takes what an earlier batch hands over; returns to whom it goes on.
    pub(super) fn receive(
        &self,
        flight: &Arc<Flight<P>>,
        value: Versioned,
        ready: &mut Vec<Ready<P>>,
    ) -> Option<Delivery<P>> {
        let mut queue = self.queue.lock();
        debug_assert_eq!(queue.phase, Phase::Awaited, "a value is handed over once");
        queue.current = value;
        queue.phase = Phase::Here;
        queue.grant(flight, ready);
        queue.hand_over()
    }

    /// Asks for the final value: it is returned if it is known, and handed to that resource of that flight otherwise.
    pub(super) fn subscribe(&self, flight: &Arc<Flight<P>>, resource: u32) -> Option<Versioned> {
        let mut queue = self.queue.lock();
        if queue.is_final() {
            return Some(queue.current.clone());
        }
        if flight.is_cancelled() {
            return None; // it was rolled back before it was connected, and another may stand in its place
        }
        let replaced = queue.next.replace((Arc::clone(flight), resource));
        drop(queue);
        drop(replaced); // a batch that was rolled back may go with it
        None
    }

    /// Forgets to whom the value is to be handed.
    pub(super) fn disconnect(&self) {
        let next = self.queue.lock().next.take();
        drop(next);
    }

    /// What the batch did to the resource, if it changed it, and what it holds now.
    pub(crate) fn change(&self) -> Option<(RowChange, Option<Value>)> {
        let mut queue = self.queue.lock();
        debug_assert!(queue.is_final(), "the batch was executed");
        let before = queue.before.take()?;
        let change = RowChange {
            resource: self.id,
            replaced: before.version,
            existed: before.value.is_some(),
            exists: queue.current.value.is_some(),
        };
        Some((change, queue.current.value.clone()))
    }

    /// What it holds after the batch.
    pub(crate) fn result(&self) -> Versioned {
        self.queue.lock().current.clone()
    }
}

impl Claim {
    pub(super) const fn new(resource: u32, transaction: u32, kind: AccessKind) -> Self {
        Self { resource, transaction, next: NONE, kind }
    }
}
