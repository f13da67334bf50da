//! [`Front`]: where batches come in. It gives them their ids and finds out on what each of their accesses waits.
//!
//! For every resource that a recent batch touched it knows which batch that was. So a batch is placed behind those
//! that it depends on with one look into a map for each access. Batches stay known for a while after their commit,
//! reduced to the values that they left: who touches a resource moves it to the newest batch, so that forgetting the
//! oldest batch forgets what was not used for longest.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use ironloom_core::Map;

use crate::batch::Batch;
use crate::chain::{Orphans, View};
use crate::flight::{Builder, Flight, Identity, Source, accesses_of};
use crate::flight::{Connections, Resource};
use crate::layout::Versioned;
use crate::milestone::{Interrupted, Milestones};
use crate::{BatchId, ResourceId, StoreError};

#[derive(Debug)]
pub(crate) struct Front<P> {
    pub(crate) phase: Phase,
    /// The newest batch that counts, committed or not.
    pub(crate) tip: BatchId,
    pub(crate) next_id: BatchId,
    /// Ids up to here, exclusively, may be given away: a crash will not give them away again.
    pub(crate) reserved: BatchId,
    pub(crate) orphans: Arc<Orphans>,
    /// What the committed orphans contain, by parent.
    pub(crate) orphaned: BTreeMap<(BatchId, BatchId), [u8; 32]>,
    /// What is to be committed, in order.
    pub(crate) steps: VecDeque<Step<P>>,
    next_sequence: u64,
    pub(crate) batches_in_flight: u64,
    pub(crate) transactions_in_flight: u64,
    places: Places<P>,
}

/// Whether batches are accepted.
#[derive(Debug, Clone)]
pub(crate) enum Phase {
    Open,
    Closed,
    Failed(StoreError),
}

/// One thing to be committed.
#[derive(Debug)]
pub(crate) enum Step<P> {
    Batch(Arc<Flight<P>>),
    Move(Move),
}

/// The tip goes elsewhere, to what is already in the store.
#[derive(Debug)]
pub(crate) struct Move {
    pub(crate) sequence: u64,
    pub(crate) tip: BatchId,
    pub(crate) orphans: Arc<Orphans>,
    /// Batches in the store that count no more, or again.
    pub(crate) touched: Vec<BatchId>,
    pub(crate) milestones: Arc<Milestones>,
}

/// Which batch touched a resource last, and what recent batches left.
#[derive(Debug)]
struct Places<P> {
    last: Map<ResourceId, Place>,
    recent: VecDeque<Recent<P>>,
    /// How many of them have landed; they land in order.
    landed: usize,
    /// The number of the first batch in `recent`.
    first: u64,
    /// Resources in `recent`, and one for each batch, so that those without are forgotten too.
    resources: u64,
}

/// A resource of a recent batch.
#[derive(Debug, Clone, Copy)]
struct Place {
    batch: u64,
    resource: u32,
}

#[derive(Debug)]
enum Recent<P> {
    Flying(Arc<Flight<P>>),
    /// What a committed batch left, by the numbers of its resources.
    Landed(Box<[Versioned]>),
}

impl<P> Recent<P> {
    fn resources(&self) -> u64 {
        match self {
            Self::Flying(flight) => 1 + flight.resources().len() as u64,
            Self::Landed(values) => 1 + values.len() as u64,
        }
    }
}

/// A batch that has its place and is to be connected.
pub(crate) struct Placed<P> {
    pub(crate) flight: Arc<Flight<P>>,
    pub(crate) connections: Connections<P>,
    /// The transactions that can run already.
    pub(crate) ready: Vec<u32>,
}

impl<P> Front<P> {
    pub(crate) fn new(tip: &crate::layout::Tip, orphaned: BTreeMap<(BatchId, BatchId), [u8; 32]>) -> Self {
        Self {
            phase: Phase::Open,
            tip: tip.tip,
            next_id: tip.reserved,
            reserved: tip.reserved,
            orphans: tip.orphans.clone().into(),
            orphaned,
            steps: VecDeque::new(),
            next_sequence: 1,
            batches_in_flight: 0,
            transactions_in_flight: 0,
            places: Places {
                last: Map::default(),
                recent: VecDeque::new(),
                landed: 0,
                first: 0,
                resources: 0,
            },
        }
    }

    /// The state that the next batch finds.
    pub(crate) fn view(&self) -> View {
        View { tip: self.tip, orphans: Arc::clone(&self.orphans) }
    }

    pub(crate) fn take_sequence(&mut self) -> u64 {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        sequence
    }

    /// Gives a batch its id and its place behind all others.
    pub(crate) fn place(&mut self, batch: Batch<P>, budget: u64, content: Option<[u8; 32]>) -> Placed<P> {
        let id = self.next_id;
        self.next_id = id.next().expect("nobody submits 2^64 batches");
        let identity =
            Identity { id, parent: self.tip, sequence: self.take_sequence(), view: self.view(), content };
        let mut builder = Builder::new(batch.accesses.len());
        let (mut pending, mut ready) = (Vec::with_capacity(batch.len()), Vec::new());
        for transaction in 0..batch.len() {
            let number = u32::try_from(transaction).expect("a batch counts its transactions in 32 bits");
            let mut ungranted = 0;
            for access in accesses_of(&batch, transaction) {
                let resource = self.places.visit(&mut builder, access.resource);
                ungranted += u32::from(!builder.claim(resource, number, access.kind));
            }
            pending.push(ungranted);
            if ungranted == 0 {
                ready.push(number);
            }
        }
        self.batches_in_flight += 1;
        self.transactions_in_flight += batch.len() as u64;
        let (flight, connections) = builder.finish(batch, &pending, budget, identity);
        self.tip = id;
        self.places.push(Recent::Flying(Arc::clone(&flight)));
        self.steps.push_back(Step::Batch(Arc::clone(&flight)));
        Placed { flight, connections, ready }
    }

    /// A batch was committed: its values stay, the rest of it goes.
    pub(crate) fn land(&mut self, flight: &Flight<P>, values: Box<[Versioned]>, resident_max: u64) {
        if matches!(self.phase, Phase::Failed(_)) {
            return; // nothing comes after it, and what was in flight was forgotten, perhaps during this commit
        }
        self.batches_in_flight -= 1;
        self.transactions_in_flight -= flight.len() as u64;
        self.places.land(flight, values, resident_max);
    }

    /// Takes everything above `target` out of flight, and says what that was.
    pub(crate) fn cancel_above(&mut self, target: BatchId, reason: &Interrupted) -> Vec<BatchId> {
        let stays = |step: &Step<P>| !matches!(step, Step::Batch(flight) if flight.id > target);
        let steps = std::mem::take(&mut self.steps);
        let (kept, cancelled): (VecDeque<_>, VecDeque<_>) = steps.into_iter().partition(stays);
        self.steps = kept;
        let mut gone = Vec::new();
        for step in &cancelled {
            let Step::Batch(flight) = step else { continue };
            flight.cancel(reason.clone());
            self.batches_in_flight -= 1;
            self.transactions_in_flight -= flight.len() as u64;
            gone.push(flight.id);
        }
        self.places.keep_flying(self.steps.iter().filter_map(|step| match step {
            Step::Batch(flight) => Some(flight),
            Step::Move(_) => None,
        }));
        gone
    }

    /// Sends moves that would go to batches that were taken out of flight to `target` instead, with `touched` undone.
    ///
    /// They stand behind the target, because those batches did.
    pub(crate) fn redirect(&mut self, cancelled: &[BatchId], target: BatchId, touched: &[BatchId]) {
        for step in &mut self.steps {
            if let Step::Move(step) = step
                && cancelled.contains(&step.tip)
            {
                step.tip = target;
                step.orphans = Arc::clone(&self.orphans);
                step.touched.extend_from_slice(touched);
            }
        }
    }

    /// The lowest tip that a step in the queue moves to.
    pub(crate) fn lowest_move(&self) -> Option<BatchId> {
        let moves = self.steps.iter().filter_map(|step| match step {
            Step::Move(step) => Some(step.tip),
            Step::Batch(_) => None,
        });
        moves.min()
    }

    /// Forgets where the resources were last touched: from now on they are looked for in the store.
    pub(crate) fn forget(&mut self, resources: impl Iterator<Item = ResourceId>) {
        for resource in resources {
            self.places.last.remove(&resource);
        }
    }
}

impl<P> Places<P> {
    /// The number in the batch that is being built of a resource, which from now on was last touched by it.
    fn visit(&mut self, builder: &mut Builder<P>, id: ResourceId) -> u32 {
        let batch = self.first + self.recent.len() as u64;
        let next = Place { batch, resource: builder.resource_count() };
        let Some(place) = self.last.get_mut(&id) else {
            self.last.insert(id, next);
            builder.add_resource(id, Source::Store);
            return next.resource;
        };
        if place.batch == batch {
            return place.resource;
        }
        let from = std::mem::replace(place, next);
        let recent = from.batch.checked_sub(self.first).and_then(|at| self.recent.get(at as usize));
        let source = match recent {
            None => Source::Store,
            Some(Recent::Landed(values)) => Source::Known(values[from.resource as usize].clone()),
            Some(Recent::Flying(flight)) => Source::Flight(Arc::clone(flight), from.resource),
        };
        builder.add_resource(id, source);
        next.resource
    }

    fn push(&mut self, recent: Recent<P>) {
        self.resources += recent.resources();
        self.recent.push_back(recent);
    }

    fn land(&mut self, landed: &Flight<P>, values: Box<[Versioned]>, resident_max: u64) {
        let recent = self.recent.get_mut(self.landed).expect("a batch lands behind those before it");
        assert!(matches!(recent, Recent::Flying(flight) if std::ptr::eq(Arc::as_ptr(flight), landed)));
        *recent = Recent::Landed(values);
        self.landed += 1;
        while self.resources > resident_max
            && let Some(Recent::Landed(values)) = self.recent.front()
        {
            self.resources -= 1 + values.len() as u64;
            self.first += 1;
            self.landed -= 1;
            self.recent.pop_front();
        }
        // What points at forgotten batches is dropped when that is the larger part, which makes it cheap for each.
        if self.last.len() as u64 > 2 * self.resources + 1_024 {
            let first = self.first;
            self.last.retain(|_, place| place.batch >= first);
            self.last.shrink_to(2 * self.last.len());
        }
    }

    /// Begins anew with what is still in flight.
    fn keep_flying<'a>(&mut self, flights: impl Iterator<Item = &'a Arc<Flight<P>>>)
    where
        P: 'a,
    {
        self.first += self.recent.len() as u64;
        self.last.clear();
        self.recent.clear();
        self.landed = 0;
        self.resources = 0;
        for flight in flights {
            let batch = self.first + self.recent.len() as u64;
            for (number, resource) in
                flight.resources().iter().map(|resource: &Resource<P>| resource.id).enumerate()
            {
                let number = u32::try_from(number).expect("a batch counts its accesses in 32 bits");
                self.last.insert(resource, Place { batch, resource: number });
            }
            self.push(Recent::Flying(Arc::clone(flight)));
        }
    }
}
