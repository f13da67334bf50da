//! `Conntrack`: which conversations pass through a router, and how far each has come.
//!
//! A flow is entered with both its directions when its first packet is let through. From then on its packets are known
//! by one lookup, whichever way they go. A flow is forgotten when it was silent for as long as its stage allows; when
//! there is no room for another, one goes that nobody answered or that is ending: the one that was silent longest, so
//! that neither a flood nor what is left of many short conversations keeps others from beginning. Real conversations
//! never make room.
//!
//! Invariant: both tuples of every flow are in the index, and no two flows share one. That is what makes translation
//! reversible.

use std::collections::hash_map::Entry;
use std::hash::BuildHasher as _;

use ironloom_core::{HashState, Instant, Map, TimerId, TimerWheel};

use crate::Packet;
use crate::frame::Transport;
use crate::raw::prefetch;

use super::firewall::{Protocol, State};
use super::tuple::{Kind, Tuple};
use super::{Address, Traffic};

mod flow;
mod index;
mod queue;
mod record;
mod tcp;
mod timeouts;

pub use flow::{Direction, Stage};
pub(super) use flow::{Flow, Marks, Way};
use index::Index;
use queue::{NOBODY, Queue};
pub use record::FlowRecord;
use tcp::{NO_SHIFTS, Side, Step};
pub use timeouts::Timeouts;

/// What a router remembers of conversations, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How many conversations of each family there may be: at most 2³¹ − 1.
    pub flows_max: u32,
    /// How many of them one address may have begun.
    pub flows_per_source_max: u32,
    /// How long each may be silent.
    pub timeouts: Timeouts,
    /// Whether a TCP connection may be joined in the middle, of which no SYN was seen.
    pub joins_connections: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            flows_max: 65_536,
            flows_per_source_max: 16_384,
            timeouts: Timeouts::default(),
            joins_connections: false,
        }
    }
}

/// A flow's number and a direction share 32 bits.
const FLOWS_MAX: u32 = u32::MAX >> 1;

/// The name of a flow in one direction. The name of a flow that was forgotten is not used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlowId {
    index: u32,
    birth: u32,
    pub(super) direction: Direction,
    pub(super) is_v6: bool,
}

/// A flow and which way a packet of it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) index: u32,
    pub(super) direction: Direction,
}

/// What a packet means to its flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Followed {
    /// It belongs to it.
    As(State),
    /// It cannot belong to it.
    Invalid,
    /// The flow was over, and is forgotten: the packet begins another.
    Anew,
}

/// Why a flow cannot be entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// There are too many, and all of them are conversations.
    Full,
    /// The source has too many.
    SourceFull,
    /// Another flow has the same ends.
    Taken,
}

/// The conversations of one family.
#[derive(Debug, Clone)]
pub(super) struct Conntrack<A> {
    flows: Vec<Flow<A>>,
    /// How many flows ended at each place, so that an earlier one's name is recognised.
    births: Vec<u32>,
    vacant: u32,
    len: usize,
    index: Index,
    hasher: HashState,
    unassured: Queue,
    closing: Queue,
    timers: TimerWheel<u32>,
    /// No timer is due before this.
    next: Option<Instant>,
    flows_max: u32,
    /// How many flows each source began.
    sources: Map<A, u32>,
    evicted: u64,
}

impl<A: Address> Conntrack<A> {
    pub(super) fn new(config: &Config, seed: u64) -> Self {
        Self {
            flows: Vec::new(),
            births: Vec::new(),
            vacant: NOBODY,
            len: 0,
            index: Index::default(),
            hasher: HashState::seeded(seed),
            unassured: Queue::new(Marks::UNASSURED_QUEUE),
            closing: Queue::new(Marks::CLOSING_QUEUE),
            timers: TimerWheel::new(config.flows_max.min(FLOWS_MAX) as usize),
            next: None,
            flows_max: config.flows_max.min(FLOWS_MAX),
            sources: Map::with_hasher(HashState::seeded(seed.rotate_left(32))),
            evicted: 0,
        }
    }

    /// The flow that packets with a tuple belong to.
    #[inline]
    pub(super) fn find(&mut self, now: Instant, tuple: &Tuple<A>) -> Option<Found> {
        let found = self.look_up(tuple)?;
        if self.flows[found.index as usize].deadline <= now {
            self.remove(found.index);
            return None;
        }
        Some(found)
    }

    /// As [`find`](Self::find), without forgetting what is over.
    #[inline]
    pub(super) fn look_up(&self, tuple: &Tuple<A>) -> Option<Found> {
        let entry = self.index.find(self.hash(tuple), |entry| {
            let flow = &self.flows[entry as usize >> 1];
            flow.tuple(direction(entry)) == *tuple
        })?;
        Some(Found { index: entry >> 1, direction: direction(entry) })
    }

    /// Has fetched where the flow with a tuple is, or, once that is there, the flow.
    #[inline]
    pub(super) fn fetch(&self, tuple: &Tuple<A>, is_flow: bool) {
        let hash = self.hash(tuple);
        if !is_flow {
            return self.index.fetch(hash);
        }
        // The hash alone almost always tells which flow it is.
        if let Some(entry) = self.index.find(hash, |_| true) {
            prefetch(&self.flows[entry as usize >> 1]);
        }
    }

    #[inline]
    pub(super) fn flow(&self, index: u32) -> &Flow<A> {
        &self.flows[index as usize]
    }

    #[inline]
    pub(super) fn flow_mut(&mut self, index: u32) -> &mut Flow<A> {
        &mut self.flows[index as usize]
    }

    /// Takes a packet of a flow into account.
    #[inline]
    pub(super) fn follow(
        &mut self,
        now: Instant,
        config: &Config,
        found: Found,
        packet: &Packet,
    ) -> Followed {
        let flow = &mut self.flows[found.index as usize];
        let stage = match &packet.transport {
            Transport::Tcp(segment) => {
                if flow.marks.contains(Marks::BYPASSED) {
                    flow.marks.remove(Marks::BYPASSED);
                    flow.sides = Default::default();
                }
                let step = tcp::step(flow.stage, found.direction, segment);
                let Step::To(stage) = step else { return self.refuse(found, step) };
                let (sides, shifts) = (&mut flow.sides, &mut flow.shifts);
                if !tcp::follows(flow.stage, sides, shifts, found.direction, segment) {
                    return Followed::Invalid;
                }
                stage
            }
            _ if found.direction == Direction::Reply => Stage::Replied,
            _ => flow.stage,
        };
        if stage != flow.stage || !flow.marks.contains(Marks::ASSURED) {
            self.advance(now, config, found, stage);
        } else {
            flow.deadline = now.saturating_add(config.timeouts.of(flow.kind, stage));
        }
        let is_replied = self.flows[found.index as usize].marks.contains(Marks::REPLIED);
        Followed::As(if is_replied { State::Established } else { State::New })
    }

    /// What becomes of a segment that takes its connection nowhere.
    fn refuse(&mut self, found: Found, step: Step) -> Followed {
        match step {
            Step::Reopens => {
                self.remove(found.index);
                Followed::Anew
            }
            Step::Ignored => {
                let marks = self.flows[found.index as usize].marks;
                let is_replied = marks.contains(Marks::REPLIED) || found.direction == Direction::Reply;
                Followed::As(if is_replied { State::Established } else { State::New })
            }
            Step::Invalid | Step::To(_) => Followed::Invalid,
        }
    }

    /// Brings a flow to a stage, and to the queue and the deadline that go with it.
    #[cold]
    fn advance(&mut self, now: Instant, config: &Config, found: Found, stage: Stage) {
        let index = found.index;
        let flow = &mut self.flows[index as usize];
        flow.stage = stage;
        if found.direction == Direction::Reply && !flow.marks.contains(Marks::REPLIED) {
            flow.marks.insert(Marks::REPLIED);
            // The next packet is no longer new to the firewall.
            flow.ways = [Way::NONE; 2];
        }
        if is_conversation(flow.kind, stage) {
            flow.marks.insert(Marks::ASSURED);
        }
        if is_closing(stage) {
            self.unassured.remove(&mut self.flows, index);
            self.closing.remove(&mut self.flows, index);
            self.closing.push(&mut self.flows, index);
        } else if flow.marks.contains(Marks::ASSURED) {
            self.unassured.remove(&mut self.flows, index);
        } else {
            self.unassured.touch(&mut self.flows, index);
        }
        let flow = &mut self.flows[index as usize];
        flow.deadline = now.saturating_add(config.timeouts.of(flow.kind, stage));
        let (timer, deadline) = (flow.timer, flow.deadline);
        if self.timers.timer(timer).is_none_or(|(armed, _)| deadline < armed) {
            self.timers.cancel(timer);
            self.flows[index as usize].timer = self.arm(deadline, index);
        }
    }

    /// Enters a flow of which this is the first packet.
    ///
    /// The ends with which its answers arrive are `reply`.
    pub(super) fn open(
        &mut self,
        now: Instant,
        config: &Config,
        original: Tuple<A>,
        reply: Tuple<A>,
        packet: &Packet,
    ) -> Result<u32, Refused> {
        if self.find(now, &reply).is_some() || self.find(now, &original).is_some() {
            return Err(Refused::Taken);
        }
        if !self.may_begin(now, config, original.ends.source) {
            return Err(Refused::SourceFull);
        }
        if self.len >= self.flows_max as usize && !self.make_room(now, config) {
            return Err(Refused::Full);
        }
        let index = if self.vacant == NOBODY { self.flows.len() as u32 } else { self.vacant };
        let flow = self.prepare(now, config, index, [original, reply], packet);
        match self.flows.get_mut(index as usize) {
            Some(vacant) => {
                self.vacant = vacant.next;
                *vacant = flow;
            }
            None => {
                self.flows.push(flow);
                self.births.push(0);
            }
        }
        self.len += 1;
        *self.sources.entry(original.ends.source).or_default() += 1;
        self.index.insert(self.hash(&original), index << 1);
        self.index.insert(self.hash(&reply), index << 1 | 1);
        let is_assured = self.flows[index as usize].marks.contains(Marks::ASSURED);
        if !is_assured {
            self.unassured.push(&mut self.flows, index);
        }
        Ok(index)
    }

    /// Whether a source may begin another flow. Those that are over do not count, though nobody swept them out yet.
    pub(super) fn may_begin(&mut self, now: Instant, config: &Config, source: A) -> bool {
        if self.has_room(config, source) {
            return true;
        }
        self.expire(now);
        self.has_room(config, source)
    }

    fn has_room(&self, config: &Config, source: A) -> bool {
        self.sources.get(&source).is_none_or(|flows| *flows < config.flows_per_source_max)
    }

    /// Whether a packet may be the first of a flow.
    pub(super) fn may_open(config: &Config, packet: &Packet) -> bool {
        match &packet.transport {
            Transport::Tcp(segment) => tcp::first_stage(segment, config.joins_connections).is_some(),
            Transport::Icmp(crate::frame::Icmp::EchoReply(_)) => false,
            _ => true,
        }
    }

    fn prepare(
        &mut self,
        now: Instant,
        config: &Config,
        index: u32,
        [original, reply]: [Tuple<A>; 2],
        packet: &Packet,
    ) -> Flow<A> {
        let mut sides = [Side::default(); 2];
        let mut shifts = NO_SHIFTS;
        let stage = match &packet.transport {
            Transport::Tcp(segment) => {
                let stage = tcp::first_stage(segment, config.joins_connections).unwrap_or(Stage::SynSent);
                tcp::follows(stage, &mut sides, &mut shifts, Direction::Original, segment);
                stage
            }
            _ => Stage::Unreplied,
        };
        let mut marks = Marks::default();
        if is_conversation(original.kind, stage) {
            marks.insert(Marks::REPLIED);
            marks.insert(Marks::ASSURED);
        }
        let deadline = now.saturating_add(config.timeouts.of(original.kind, stage));
        Flow {
            ends: [original.ends, reply.ends],
            kind: original.kind,
            stage,
            marks,
            shifts,
            ways: [Way::NONE; 2],
            slots: [0; 2],
            deadline,
            timer: self.arm(deadline, index),
            previous: NOBODY,
            next: NOBODY,
            bytes: [0; 2],
            packets: [0; 2],
            sides,
        }
    }

    /// Forgets the flows that were silent for too long.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some(expired) = self.timers.poll(now) {
            let index = expired.value;
            let deadline = self.flows[index as usize].deadline;
            if deadline > now {
                // Packets came since the timer was set.
                self.flows[index as usize].timer = self.arm(deadline, index);
            } else {
                self.remove(index);
            }
        }
        self.next = self.timers.next_bound();
    }

    /// When [`expire`](Self::expire) is to be called next.
    #[inline]
    pub(super) fn next_event(&self) -> Option<Instant> {
        self.next
    }

    /// Takes packets into account that went by without being looked at; `None` if the flow is not known any more.
    pub(super) fn account(
        &mut self,
        now: Instant,
        config: &Config,
        id: FlowId,
        traffic: Traffic,
    ) -> Option<&Flow<A>> {
        let is_live = self.births.get(id.index as usize) == Some(&id.birth);
        let flow = self.flows.get_mut(id.index as usize).filter(|flow| is_live && flow.deadline > now)?;
        flow.count(id.direction, traffic);
        flow.deadline = now.saturating_add(config.timeouts.of(flow.kind, flow.stage));
        flow.marks.insert(Marks::BYPASSED);
        Some(flow)
    }

    /// The name of a flow in one direction.
    pub(super) fn id(&self, found: Found) -> FlowId {
        let Found { index, direction } = found;
        FlowId { index, birth: self.births[index as usize], direction, is_v6: A::IS_V6 }
    }

    /// How many flows there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many flows had to make room for others.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// All flows, in no order to be shown.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Flow<A>> {
        self.flows.iter().filter(|flow| !flow.marks.contains(Marks::VACANT))
    }

    /// Forgets all flows that are asked for; how many that were.
    pub(super) fn remove_if(&mut self, is_unwanted: impl Fn(&Flow<A>) -> bool) -> usize {
        let is_unwanted = |flow: &Flow<A>| !flow.marks.contains(Marks::VACANT) && is_unwanted(flow);
        let unwanted = self.flows.iter().enumerate().filter(|(_, flow)| is_unwanted(flow));
        let unwanted: Vec<u32> = unwanted.map(|(index, _)| index as u32).collect();
        unwanted.iter().for_each(|index| self.remove(*index));
        unwanted.len()
    }

    fn make_room(&mut self, now: Instant, config: &Config) -> bool {
        self.expire(now);
        if self.len < self.flows_max as usize {
            return true;
        }
        let fronts = [self.unassured.first(), self.closing.first()].into_iter().flatten();
        let silent_longest = fronts.min_by_key(|index| {
            let flow = &self.flows[*index as usize];
            flow.deadline.as_nanos().saturating_sub(config.timeouts.of(flow.kind, flow.stage).as_nanos())
        });
        let Some(index) = silent_longest else { return false };
        self.evicted += 1;
        self.remove(index);
        true
    }

    fn remove(&mut self, index: u32) {
        let flow = &self.flows[index as usize];
        let (source, timer) = (flow.ends[0].source, flow.timer);
        for direction in [Direction::Original, Direction::Reply] {
            let tuple = self.flows[index as usize].tuple(direction);
            self.index.remove(self.hash(&tuple), index << 1 | direction as u32);
        }
        self.timers.cancel(timer);
        self.unassured.remove(&mut self.flows, index);
        self.closing.remove(&mut self.flows, index);
        if let Entry::Occupied(mut begun) = self.sources.entry(source) {
            *begun.get_mut() -= 1;
            if *begun.get() == 0 {
                begun.remove();
            }
        }
        let flow = &mut self.flows[index as usize];
        flow.marks = Marks::VACANT;
        flow.next = self.vacant;
        self.vacant = index;
        self.births[index as usize] = self.births[index as usize].wrapping_add(1);
        self.len -= 1;
    }

    fn arm(&mut self, deadline: Instant, index: u32) -> TimerId {
        self.next = Some(self.next.map_or(deadline, |next| next.min(deadline)));
        self.timers.insert(deadline, index).expect("there are as many timers as there may be flows")
    }

    #[inline]
    fn hash(&self, tuple: &Tuple<A>) -> u32 {
        self.hasher.hash_one(tuple) as u32
    }
}

#[inline]
fn direction(entry: u32) -> Direction {
    if entry & 1 == 0 { Direction::Original } else { Direction::Reply }
}

/// Whether both sides have shown that they want to talk.
fn is_conversation(kind: Kind, stage: Stage) -> bool {
    match stage {
        Stage::Replied => kind.protocol() != Protocol::ICMP,
        Stage::Established | Stage::FinWait | Stage::CloseWait => true,
        _ => false,
    }
}

fn is_closing(stage: Stage) -> bool {
    matches!(stage, Stage::LastAck | Stage::TimeWait | Stage::Closed)
}

#[cfg(test)]
mod tests;
