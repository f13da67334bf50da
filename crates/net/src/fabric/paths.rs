//! [`Paths`]: the ways of conversations that lead through several routers in a row.
//!
//! A packet of a conversation that every router on its way knows is rewritten once and counted once, however many
//! routers there are. What routers should know of it, that it went by, they are told at least every second, and before
//! anybody looks. So a conversation may be forgotten up to a second earlier than it would be otherwise.
//!
//! A path belongs to the first router of its way, so what it does depends on nothing outside of its group.

use std::hash::BuildHasher as _;
use std::net::Ipv4Addr;

use ironloom_core::{Duration, HashState, Instant};

use super::equipment::{Equipment, Kind};
use super::layout::NONE;
use crate::frame::Body;
use crate::raw::prefetch;
use crate::router::{FlowAction, Index, Traffic, Tuple, changes_nothing};
use crate::{Frame, Mac, Port};

/// How many routers a path leads through at the most; others follow as another path.
pub(super) const STEPS_MAX: usize = 8;

/// How many paths one router keeps. When there is another, all are forgotten.
const PATHS_MAX: usize = 1 << 17;

/// For how long a path is used before routers are told.
const LASTS: Duration = Duration::from_secs(1);

/// What packets have in common that take the same path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    tuple: Tuple<Ipv4Addr>,
    card: Mac,
    port: Port,
}

impl Key {
    /// The key of a frame that arrives at a port; `None` if it has to be looked at by each router.
    #[inline]
    pub(super) fn of(port: Port, frame: &Frame) -> Option<Self> {
        let Body::Ip(packet) = &frame.body else { return None };
        if !changes_nothing(packet) {
            return None;
        }
        Some(Self { tuple: Tuple::of(packet)?, card: frame.target, port })
    }
}

/// A router that a frame passed, as it was when the frame came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passed {
    pub(super) key: Key,
    pub(super) seat: u32,
    /// The lane by which it left.
    pub(super) lane: u32,
}

/// A router on a path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) seat: u32,
    /// The lane by which frames leave.
    pub(super) lane: u32,
    /// Of which generation of the router this is.
    generation: u32,
}

/// What becomes of the packets of one direction of a conversation on their way through several routers.
#[derive(Debug)]
pub(super) struct Path {
    key: Key,
    /// What all routers together do.
    action: FlowAction,
    len: u8,
    steps: [Step; STEPS_MAX],
    /// What went by since the routers were told.
    untold: Traffic,
    /// What they know the conversation by.
    actions: Box<[(Port, FlowAction)]>,
}

impl Path {
    /// The path of a frame that passed these routers; `None` if one of them does not know its conversation.
    fn new(now: Instant, passed: &[Passed], equipment: &[Equipment]) -> Option<Self> {
        let mut actions = Vec::with_capacity(passed.len());
        let mut steps = [Step { seat: NONE, lane: NONE, generation: 0 }; STEPS_MAX];
        for (step, passed) in steps.iter_mut().zip(passed) {
            let Kind::Router(router) = &equipment[passed.seat as usize].kind else { return None };
            let action = router.action_for(&passed.key.tuple)?;
            *step = Step { seat: passed.seat, lane: passed.lane, generation: action.generation };
            actions.push((passed.key.port, action));
        }
        let each = || actions.iter().map(|(_, action)| action);
        let action = FlowAction {
            hops: each().map(|action| action.hops).sum(),
            mtu: each().map(|action| action.mtu).min()?,
            until: each().map(|action| action.until).min()?.min(now.saturating_add(LASTS)),
            ..actions.last()?.1
        };
        Some(Self {
            key: passed.first()?.key,
            action,
            len: actions.len() as u8,
            steps,
            untold: Traffic::default(),
            actions: actions.into(),
        })
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.steps[..usize::from(self.len)]
    }

    /// Whether it still is what the routers would do.
    #[inline]
    fn holds(&self, now: Instant, equipment: &[Equipment]) -> bool {
        let is_current = |step: &Step| match &equipment[step.seat as usize].kind {
            Kind::Router(router) => router.is_of(step.generation),
            _ => false,
        };
        now < self.action.until && self.steps().iter().all(is_current)
    }

    /// Does to a frame what all routers would do, and tells what it is on the wire; `None` if one of them would have
    /// something to say about it, or to cut it.
    #[inline]
    pub(super) fn apply(&mut self, frame: &mut Frame) -> Option<Traffic> {
        let Body::Ip(packet) = &frame.body else { return None };
        if !self.action.admits(packet) || !packet.fits(self.action.mtu) {
            return None;
        }
        let traffic = Traffic::of(packet);
        self.untold += traffic;
        self.action.apply(frame);
        Some(Traffic { bytes: traffic.bytes + 14 * traffic.packets, ..traffic })
    }

    /// Tells the routers what went by.
    fn tell(&mut self, now: Instant, equipment: &mut [Equipment]) {
        let untold = std::mem::take(&mut self.untold);
        if untold.packets == 0 {
            return;
        }
        for (step, (input, action)) in self.steps[..usize::from(self.len)].iter().zip(&self.actions) {
            if let Kind::Router(router) = &mut equipment[step.seat as usize].kind {
                router.account(now, *input, action.flow, untold);
            }
        }
    }
}

/// The paths that begin at one router.
#[derive(Debug)]
pub(super) struct Paths {
    index: Index,
    paths: Vec<Path>,
    hasher: HashState,
}

impl Paths {
    pub(super) fn new(seed: u64) -> Self {
        Self { index: Index::default(), paths: Vec::new(), hasher: HashState::seeded(seed) }
    }

    #[inline]
    fn hash(&self, tuple: &Tuple<Ipv4Addr>) -> u32 {
        (self.hasher.hash_one(tuple) >> 32) as u32
    }

    /// Has fetched where the path of a frame is, or, once that is there, the path.
    #[inline]
    pub(super) fn fetch(&self, frame: &Frame, is_path: bool) {
        let Body::Ip(packet) = &frame.body else { return };
        let Some(tuple) = Tuple::of(packet) else { return };
        let hash = self.hash(&tuple);
        if !is_path {
            return self.index.fetch(hash);
        }
        // The hash alone almost always tells which path it is.
        if let Some(place) = self.index.find(hash, |_| true) {
            prefetch(&self.paths[place as usize]);
        }
    }

    /// The path of a key, if it still holds.
    #[inline]
    pub(super) fn find(&mut self, now: Instant, key: &Key, equipment: &mut [Equipment]) -> Option<&mut Path> {
        let place = self.place(key)?;
        let path = &mut self.paths[place as usize];
        if !path.holds(now, equipment) {
            path.tell(now, equipment);
            self.remove(place);
            return None;
        }
        self.paths.get_mut(place as usize)
    }

    #[inline]
    fn place(&self, key: &Key) -> Option<u32> {
        self.index.find(self.hash(&key.tuple), |place| self.paths[place as usize].key == *key)
    }

    /// Keeps the path of a frame that passed these routers.
    #[cold]
    pub(super) fn keep(&mut self, now: Instant, passed: &[Passed], equipment: &mut [Equipment]) {
        let Some(path) = Path::new(now, passed, equipment) else { return };
        if self.paths.len() >= PATHS_MAX {
            self.tell(now, equipment);
            (self.index, self.paths) = (Index::default(), Vec::new());
        }
        if let Some(place) = self.place(&path.key) {
            self.paths[place as usize].tell(now, equipment);
            self.paths[place as usize] = path;
            return;
        }
        self.index.insert(self.hash(&path.key.tuple), self.paths.len() as u32);
        self.paths.push(path);
    }

    /// Tells all routers what went by them.
    pub(super) fn tell(&mut self, now: Instant, equipment: &mut [Equipment]) {
        self.paths.iter_mut().for_each(|path| path.tell(now, equipment));
    }

    fn remove(&mut self, place: u32) {
        let path = self.paths.swap_remove(place as usize);
        self.index.remove(self.hash(&path.key.tuple), place);
        if let Some(moved) = self.paths.get(place as usize) {
            let hash = self.hash(&moved.key.tuple);
            self.index.remove(hash, self.paths.len() as u32);
            self.index.insert(hash, place);
        }
    }
}
