//! Whole machines run from one seed: messages are late, lost, doubled and out of order; hosts join, leave and die.
//!
//! Each write is of a value of its own, and each read must see the last write to the page, at the moment it is made: so
//! what harts see is linearizable. After each step one page has one writer or many readers.

use std::collections::BTreeMap;

use ironloom_core::{Duration, Instant, Rng, Seed};

use super::world::{LOADED, Node, Words, check, config, host, hosts};
use crate::cluster::{Epoch, HostId, HostSet};
use crate::coherence::{Coherence, CoherenceConfig, Held, Message, Page, Want};

/// More than any of these runs does.
const EVENTS_MAX: u32 = 400_000;

#[derive(Debug)]
enum Event {
    Deliver { from: HostId, to: HostId, message: Message },
    Released { at: HostId, page: Page },
    Hart { at: HostId },
    Wake { at: HostId },
    Begin { at: HostId },
    Member,
}

/// What is to happen to who the hosts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Join(HostId),
    Leave(HostId),
    Crash(HostId),
}

/// How far a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Idle,
    Draining,
    /// All are to be quiet; so much had been said when they were.
    Quieting(Option<u64>),
    /// The dead is dead, and the others get what was on its way.
    Mourning,
    Beginning,
}

#[derive(Debug, Default)]
struct Hart {
    left: u32,
    wants: Option<(Page, Want)>,
    waits: bool,
}

struct World {
    rng: Rng,
    now: Instant,
    config: CoherenceConfig,
    nodes: BTreeMap<HostId, Node>,
    harts: BTreeMap<HostId, Hart>,
    events: BTreeMap<(Instant, u64), Event>,
    scheduled: u64,
    last: Vec<Words>,
    written: u64,
    lossy: u64,
    epoch: Epoch,
    hosts: HostSet,
    changes: Vec<Change>,
    stage: Stage,
    /// Who has still to begin the epoch.
    behind: HostSet,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(Seed::new(seed)).split("coherence", 0);
        let (count, pages) = (rng.range(2..5) as u8, 1 << rng.below(7));
        let mut config = config(pages);
        config.grain_pages = rng.range(1..5) as u32;
        config.retry = Duration::from_millis(5);
        config.migratory = rng.chance(3, 4);
        config.hold = Duration::from_micros(rng.below(2) * 50);
        config.asks_max = if rng.chance(1, 8) { 2 } else { 64 };
        config.drain_max = rng.range(1..16) as u32;
        let loaded = rng.below(u64::from(pages) + 1) as u32;
        let all = hosts(count);
        let mut changes = match rng.below(8) {
            0 => vec![Change::Join(host(4))],
            1 => vec![Change::Leave(host(rng.below(u64::from(count)) as u8))],
            2 => vec![Change::Join(host(4)), Change::Leave(host(0))],
            3 if count > 2 => vec![Change::Crash(host(rng.below(u64::from(count)) as u8))],
            _ => Vec::new(),
        };
        changes.reverse();
        let mut world = Self {
            now: Instant::ZERO,
            nodes: all.iter().map(|here| (here, Node::new(&config, here, all, loaded))).collect(),
            harts: BTreeMap::new(),
            events: BTreeMap::new(),
            scheduled: 0,
            last: (0..pages).map(|page| if page < loaded { LOADED } else { [0; 2] }).collect(),
            written: 100,
            lossy: if rng.chance(1, 2) { rng.range(1..40) } else { 0 },
            epoch: Epoch::new(1),
            hosts: all,
            changes,
            stage: Stage::Idle,
            behind: HostSet::EMPTY,
            config,
            rng,
        };
        all.iter().for_each(|at| world.start(at));
        if !world.changes.is_empty() {
            world.schedule(300, Event::Member);
        }
        world
    }

    fn start(&mut self, at: HostId) {
        self.harts.insert(at, Hart { left: self.rng.range(10..60) as u32, ..Hart::default() });
        self.schedule(1, Event::Hart { at });
    }

    /// Something happens after about so many microseconds.
    fn schedule(&mut self, micros: u64, event: Event) {
        let nanos = self.rng.range(micros * 500..micros * 2_000);
        self.schedule_at(self.now.saturating_add(Duration::from_nanos(nanos)), event);
    }

    fn schedule_at(&mut self, at: Instant, event: Event) {
        self.scheduled += 1;
        self.events.insert((at, self.scheduled), event);
    }

    fn run(&mut self) {
        let mut count = 0;
        while let Some(((now, _), event)) = self.events.pop_first() {
            self.now = now;
            self.step(event);
            count += 1;
            assert!(count < EVENTS_MAX, "harts come to an end: {:?} {:?}", self.harts, self.stage);
            if self.is_done() {
                return;
            }
        }
        panic!("nothing happens any more: {:?} {:?}", self.harts, self.stage);
    }

    fn is_done(&self) -> bool {
        self.changes.is_empty()
            && self.harts.values().all(|hart| hart.left == 0)
            && self.nodes.values().all(|node| node.coherence.requests.is_idle())
    }

    fn step(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::Deliver { from, to, message } => {
                if let Some(node) = self.nodes.get_mut(&to) {
                    let _ = node.coherence.receive(now, from, message);
                    self.settle(to);
                }
            }
            Event::Released { at, page } => {
                let Some(node) = self.nodes.get_mut(&at) else { return };
                let which = node.releases.iter().position(|(other, ..)| *other == page).unwrap();
                node.release(now, which);
                self.settle(at);
                self.check(page);
            }
            Event::Hart { at } => self.act(at),
            Event::Wake { at } => {
                if let Some(node) = self.nodes.get_mut(&at) {
                    node.coherence.wake(now);
                    self.settle(at);
                }
            }
            Event::Begin { at } => self.begin(at),
            Event::Member => self.change(),
        }
    }

    fn act(&mut self, at: HostId) {
        let (Some(hart), Some(node)) = (self.harts.get_mut(&at), self.nodes.get_mut(&at)) else { return };
        if hart.left == 0 {
            return;
        }
        hart.waits = false;
        let rng = &mut self.rng;
        let draw = |rng: &mut Rng| Page::new(rng.below(u64::from(self.config.pages)) as u32);
        let (page, want) = *hart
            .wants
            .get_or_insert_with(|| (draw(rng), if rng.chance(1, 2) { Want::Read } else { Want::Write }));
        let coherence = &mut node.coherence;
        let there = coherence.want(self.now, page, want);
        match rng.below(16) {
            0 => drop(coherence.evict(self.now, draw(rng))),
            1 => {
                let page = draw(rng);
                if coherence.forget(page) {
                    node.frames.remove(&page);
                }
            }
            2 => {
                let pages: Vec<Page> = (0..5).map(|_| draw(rng)).collect();
                coherence.want_ahead(self.now, &pages, Want::Read);
            }
            _ => {}
        }
        hart.waits = !there;
        if there {
            assert_eq!(node.read(page), self.last[page.index()], "{page} is as it was written last");
            if want == Want::Write {
                let slot = rng.below(2) as usize;
                self.written += 1;
                node.write(page, slot, self.written);
                self.last[page.index()][slot] = self.written;
            }
            hart.wants = None;
            hart.left -= 1;
            self.schedule(10, Event::Hart { at });
        }
        self.settle(at);
    }

    /// Carries what a host wants carried.
    fn settle(&mut self, at: HostId) {
        let node = self.nodes.get_mut(&at).unwrap();
        let (mut messages, releasing) = (Vec::new(), node.releases.len());
        node.settle(|to, message| messages.push((to, message)));
        let released: Vec<Page> = node.releases[releasing..].iter().map(|(page, ..)| *page).collect();
        let (installed, lost) = (std::mem::take(&mut node.installed), std::mem::take(&mut node.lost));
        if let Some(due) = node.coherence.next_event() {
            self.schedule_at(due.max(self.now), Event::Wake { at });
        }
        for (to, message) in messages {
            self.carry(at, to, message);
        }
        for page in released {
            self.schedule(3, Event::Released { at, page });
        }
        for page in &installed {
            self.check(*page);
        }
        let Some(hart) = self.harts.get_mut(&at) else { return };
        let Some((wanted, _)) = hart.wants.filter(|_| hart.waits) else { return };
        if lost.contains(&wanted) {
            hart.wants = None;
            hart.left -= 1;
        }
        if lost.contains(&wanted) || installed.contains(&wanted) {
            hart.waits = false;
            self.schedule(2, Event::Hart { at });
        }
    }

    fn carry(&mut self, from: HostId, to: HostId, message: Message) {
        if self.rng.below(1_000) < self.lossy {
            return;
        }
        // What is said goes over a wire, and is read there.
        let message = if self.rng.chance(1, 16) {
            borsh::from_slice(&borsh::to_vec(&message).unwrap()).unwrap()
        } else {
            message
        };
        if self.rng.below(1_000) < self.lossy {
            self.schedule(500, Event::Deliver { from, to, message: message.clone() });
        }
        let late = if self.rng.chance(1, 50) { 1_000 } else { 20 };
        self.schedule(late, Event::Deliver { from, to, message });
    }

    fn check(&self, page: Page) {
        check(self.nodes.values(), page, None);
    }

    /// Goes on with the change of who the hosts are.
    fn change(&mut self) {
        let Some(change) = self.changes.last().copied() else { return };
        match (self.stage, change) {
            (Stage::Idle, Change::Join(_)) => self.quiet(),
            (Stage::Idle, Change::Leave(leaver)) => {
                self.harts.get_mut(&leaver).unwrap().left = 0;
                self.nodes.get_mut(&leaver).unwrap().coherence.drain(self.now);
                self.settle(leaver);
                self.stage = Stage::Draining;
            }
            (Stage::Draining, Change::Leave(leaver)) => {
                if self.nodes[&leaver].coherence.is_drained() {
                    self.quiet();
                }
            }
            (Stage::Quieting(before), _) => {
                let quiet = self.nodes.values().all(|node| node.coherence.is_quiet());
                let said = self.nodes.values().map(|node| node.coherence.counters().messages).sum();
                if quiet && before == Some(said) {
                    self.begin_soon();
                } else {
                    self.stage = Stage::Quieting(quiet.then_some(said));
                }
            }
            (Stage::Idle, Change::Crash(dead)) => {
                self.nodes.remove(&dead);
                self.harts.remove(&dead);
                self.stage = Stage::Mourning;
            }
            (Stage::Mourning, _) => {
                if self.rng.chance(1, 20) {
                    self.begin_soon();
                }
            }
            (Stage::Beginning, _) => self.resume(),
            (stage, change) => panic!("{change:?} does not come to {stage:?}"),
        }
        if !self.changes.is_empty() {
            self.schedule(300, Event::Member);
        }
    }

    fn quiet(&mut self) {
        self.nodes.values_mut().for_each(|node| node.coherence.quiesce());
        self.stage = Stage::Quieting(None);
    }

    fn begin_soon(&mut self) {
        self.behind = self.hosts;
        self.hosts = match self.changes.last().unwrap() {
            Change::Join(joiner) => self.hosts.with(*joiner),
            Change::Leave(leaver) => self.hosts.without(*leaver),
            Change::Crash(dead) => {
                self.behind = self.hosts.without(*dead);
                self.behind
            }
        };
        self.behind = HostSet::from_bits(self.behind.bits() | self.hosts.bits());
        self.epoch = self.epoch.next();
        self.stage = Stage::Beginning;
        for at in self.behind.iter() {
            self.schedule(100, Event::Begin { at });
        }
    }

    /// A host begins the epoch.
    fn begin(&mut self, at: HostId) {
        self.behind = self.behind.without(at);
        match self.changes.last().unwrap() {
            Change::Join(joiner) if *joiner == at => {
                let joined = Coherence::join(self.config.clone(), self.now, at, self.hosts, self.epoch);
                self.nodes.insert(at, Node::around(joined));
                self.nodes.get_mut(&at).unwrap().coherence.quiesce();
            }
            Change::Crash(dead) => {
                let coherence = &mut self.nodes.get_mut(&at).unwrap().coherence;
                coherence.begin_epoch_without(self.now, self.epoch, HostSet::EMPTY.with(*dead));
            }
            Change::Join(_) | Change::Leave(_) => {
                let coherence = &mut self.nodes.get_mut(&at).unwrap().coherence;
                coherence.begin_epoch(self.now, self.epoch, self.hosts);
            }
        }
        self.settle(at);
    }

    /// All have begun the epoch: the machine goes on.
    fn resume(&mut self) {
        let settled = |node: &Node| node.coherence.is_settled();
        if !self.behind.is_empty() || !self.nodes.values().all(settled) {
            return;
        }
        let change = self.changes.pop().unwrap();
        self.stage = Stage::Idle;
        if let Change::Leave(leaver) = change {
            let node = self.nodes.remove(&leaver).unwrap();
            self.harts.remove(&leaver);
            let empty = |page| node.access(Page::new(page)) == Held::Nothing;
            assert!((0..self.config.pages).all(empty), "who has left has nothing");
        }
        for at in self.hosts.iter() {
            let node = self.nodes.get_mut(&at).unwrap();
            node.coherence.resume(self.now);
            assert_eq!(node.lost.len(), 0);
            self.settle(at);
        }
        if let Change::Join(joiner) = change {
            self.start(joiner);
        }
    }
}

/// How often each thing happened that is counted, by name.
type Totals = BTreeMap<String, u64>;

/// Counters are told by name, so that none can be left out.
fn add(totals: &mut Totals, node: &Node) {
    let counters = format!("{:?}", node.coherence.counters());
    let fields = counters.trim_start_matches("Counters { ").trim_end_matches(" }");
    for (name, value) in fields.split(", ").map(|field| field.split_once(": ").unwrap()) {
        *totals.entry(name.to_owned()).or_default() += value.parse::<u64>().unwrap();
    }
}

#[test]
fn ten_thousand_machines() {
    let mut totals = Totals::default();
    for seed in 0..10_000 {
        let outcome = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            world.run();
            world.nodes
        });
        match outcome {
            Ok(nodes) => nodes.values().for_each(|node| add(&mut totals, node)),
            Err(panic) => {
                println!("seed {seed}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    let never: Vec<&String> =
        totals.iter().filter(|(_, total)| **total < 100).map(|(name, _)| name).collect();
    assert!(never.is_empty(), "everything that can happen happened, but {never:?} of {totals:?}");
}
