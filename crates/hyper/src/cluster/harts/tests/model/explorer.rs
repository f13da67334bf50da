//! Visits every world that can be reached, and looks whether a good end can be reached from each.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};

use ironloom_core::{Duration, Instant, Map};

use super::super::{hart, host, hosts};
use crate::cluster::harts::record::Role;
use crate::cluster::harts::{HartMessage, Harts, HartsConfig, Output};
use crate::cluster::{Epoch, HostId};

/// What may happen in a world.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setup {
    pub(super) hosts: u8,
    pub(super) harts: u8,
    /// How often any hart begins to move.
    pub(super) moves: u8,
    /// How many letters each host posts to each hart.
    pub(super) letters: [u8; 3],
    /// Whether a message is gone when it has arrived. Else it may arrive again and again.
    pub(super) lossy: bool,
    /// How many messages are lost.
    pub(super) drops: u8,
    /// Whether whoever waits may lose patience at any time.
    pub(super) hasty: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Explored {
    pub(super) states: usize,
    pub(super) edges: usize,
    /// Worlds in which some hart stands still, which is right while it is on its way.
    pub(super) still: usize,
}

/// One host, and the harts that it runs, of which each is what it was handed.
#[derive(Clone)]
struct Site {
    harts: Harts<u8>,
    running: Vec<Option<Vec<u8>>>,
    freezing: Vec<bool>,
    posted: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Action {
    Receive(u16),
    Post(u8),
    Move(u8, u8),
    Frozen(u8),
    Wake,
}

type Messages = [u64; 6];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct World {
    sites: [u32; 3],
    messages: Messages,
    moves: u8,
    drops: u8,
}

/// Collects what is hashed, so that equal bytes are equal values.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

impl Site {
    fn new(setup: &Setup, number: u8) -> Self {
        let long = Duration::MAX;
        let (prepare_max, freeze_max) =
            if setup.hasty { (Duration::ZERO, Duration::ZERO) } else { (long, long) };
        let config = HartsConfig {
            retry: Duration::ZERO,
            retry_max: Duration::ZERO,
            window: 2,
            held_max: 2,
            prepare_max,
            freeze_max,
            ..HartsConfig::default()
        };
        let homes: Vec<HostId> = (0..setup.harts).map(|hart| host(hart % setup.hosts)).collect();
        let harts = Harts::new(config, host(number), hosts(setup.hosts), &homes, Epoch::default());
        let running = homes.iter().map(|home| (*home == host(number)).then(Vec::new)).collect();
        Self { harts, running, freezing: vec![false; homes.len()], posted: vec![0; homes.len()] }
    }

    fn key(&self) -> Vec<u8> {
        let mut bytes = Bytes::default();
        self.harts.here.hash(&mut bytes);
        self.harts.records.hash(&mut bytes);
        (&self.running, &self.freezing, &self.posted).hash(&mut bytes);
        bytes.0
    }

    /// Does what the harts ask for, and returns what is to be sent.
    fn drain(&mut self) -> Vec<(HostId, HartMessage<u8>)> {
        let mut sent = Vec::new();
        while let Some(output) = self.harts.poll() {
            match output {
                Output::Send { to, message } => sent.push((to, message)),
                Output::Deliver { hart, letter } => {
                    let log = self.running[hart.index()].as_mut().expect("letters go to harts that run");
                    let before = log.iter().filter(|known| **known >> 4 == letter >> 4).count();
                    assert_eq!(before, usize::from(letter & 15), "letters come once and in order");
                    assert!(!self.freezing[hart.index()], "a hart that freezes is handed nothing");
                    log.push(letter);
                }
                Output::Freeze { hart } => self.freezing[hart.index()] = true,
                Output::Thaw { hart, state } => {
                    let before = self.running[hart.index()].replace(state);
                    assert!(before.is_none(), "a hart does not run twice");
                }
                Output::Moved { .. } | Output::MoveFailed { .. } => {}
                Output::Missing { .. } | Output::Drained => unreachable!("nobody leaves"),
            }
        }
        sent
    }

    /// Whether nothing is under way here.
    fn is_settled(&self) -> bool {
        let settled = |role: &Role| matches!(role, Role::Away | Role::Here { journey: None, .. });
        self.harts.records.iter().all(|record| settled(&record.role) && record.outbox.is_empty())
    }
}

struct Explorer<'a> {
    setup: &'a Setup,
    sites: Vec<Site>,
    site_ids: Map<Vec<u8>, u32>,
    messages: Vec<(HostId, HostId, HartMessage<u8>)>,
    message_ids: BTreeMap<(HostId, HostId, HartMessage<u8>), u16>,
    /// What a site becomes by an action, and what it sends.
    steps: Map<(u32, Action), (u32, Messages)>,
}

impl Explorer<'_> {
    fn site_id(&mut self, site: Site) -> u32 {
        let next = self.sites.len() as u32;
        let id = *self.site_ids.entry(site.key()).or_insert(next);
        if id == next {
            self.sites.push(site);
        }
        id
    }

    fn message_id(&mut self, from: HostId, to: HostId, message: HartMessage<u8>) -> u16 {
        let key = (from, to, message);
        if let Some(id) = self.message_ids.get(&key) {
            return *id;
        }
        let id = self.messages.len() as u16;
        assert!(usize::from(id) < size_of::<Messages>() * 8, "there is a bit for each message");
        self.messages.push(key.clone());
        self.message_ids.insert(key, id);
        id
    }

    fn step(&mut self, id: u32, action: Action) -> (u32, Messages) {
        if let Some(known) = self.steps.get(&(id, action)) {
            return *known;
        }
        let mut site = self.sites[id as usize].clone();
        act(&mut site, action, &self.messages);
        let (here, mut sent) = (site.harts.here, Messages::default());
        for (to, message) in site.drain() {
            let bit = usize::from(self.message_id(here, to, message));
            sent[bit / 64] |= 1 << (bit % 64);
        }
        let after = (self.site_id(site), sent);
        self.steps.insert((id, action), after);
        after
    }

    fn successors(&mut self, world: &World, found: &mut Vec<World>) {
        found.clear();
        for place in 0..usize::from(self.setup.hosts) {
            for action in self.actions(world, place) {
                let mut next = *world;
                let (site, sent) = self.step(world.sites[place], action);
                next.sites[place] = site;
                match action {
                    Action::Move(..) => next.moves -= 1,
                    Action::Receive(bit) if self.setup.lossy => remove(&mut next.messages, bit),
                    _ => {}
                }
                next.messages.iter_mut().zip(sent).for_each(|(word, sent)| *word |= sent);
                found.push(next);
            }
        }
        if world.drops > 0 {
            for bit in bits(&world.messages) {
                let mut next = World { drops: world.drops - 1, ..*world };
                remove(&mut next.messages, bit);
                found.push(next);
            }
        }
    }

    fn actions(&self, world: &World, place: usize) -> Vec<Action> {
        let site = &self.sites[world.sites[place] as usize];
        let here = host(place as u8);
        let mut actions: Vec<Action> = bits(&world.messages)
            .filter(|bit| self.messages[usize::from(*bit)].1 == here)
            .map(Action::Receive)
            .collect();
        for number in 0..self.setup.harts {
            if site.posted[usize::from(number)] < self.setup.letters[place] {
                actions.push(Action::Post(number));
            }
            if site.freezing[usize::from(number)] {
                actions.push(Action::Frozen(number));
            }
            let free = site.harts.lives_here(hart(number)) && !site.harts.is_moving(hart(number));
            if free && world.moves > 0 {
                let others = (0..self.setup.hosts).filter(|other| usize::from(*other) != place);
                actions.extend(others.map(|to| Action::Move(number, to)));
            }
        }
        actions.push(Action::Wake);
        actions
    }

    /// Whether every hart runs at one host or none does; whether one does not.
    fn check(&self, world: &World) -> bool {
        let mut still = false;
        for hart in 0..usize::from(self.setup.harts) {
            let running = self.present(world).filter(|site| site.running[hart].is_some()).count();
            assert!(running <= 1, "a hart runs at {running} hosts");
            still |= running == 0;
        }
        still
    }

    fn present(&self, world: &World) -> impl Iterator<Item = &Site> {
        world.sites.iter().take(usize::from(self.setup.hosts)).map(|id| &self.sites[*id as usize])
    }

    /// Whether every hart runs, and has had every letter that was posted.
    fn is_good(&self, world: &World) -> bool {
        self.present(world).all(Site::is_settled)
            && (0..usize::from(self.setup.harts)).all(|hart| {
                let posted: usize = self.present(world).map(|site| usize::from(site.posted[hart])).sum();
                let log = self.present(world).find_map(|site| site.running[hart].as_ref());
                log.is_some_and(|log| log.len() == posted)
            })
    }
}

fn act(site: &mut Site, action: Action, messages: &[(HostId, HostId, HartMessage<u8>)]) {
    let now = Instant::ZERO;
    match action {
        Action::Receive(bit) => {
            let (from, _, message) = messages[usize::from(bit)].clone();
            site.harts.receive(now, from, message).expect("nobody lies");
        }
        Action::Post(number) => {
            let posted = &mut site.posted[usize::from(number)];
            let letter = site.harts.here.number() << 4 | *posted;
            *posted += 1;
            site.harts.post(now, hart(number), letter).expect("there is room");
        }
        Action::Move(number, to) => site.harts.begin_move(now, hart(number), host(to)).expect("it may move"),
        Action::Frozen(number) => {
            site.freezing[usize::from(number)] = false;
            let state = site.running[usize::from(number)].take().expect("it ran");
            site.harts.frozen(now, hart(number), state);
        }
        Action::Wake => site.harts.wake(now),
    }
}

fn bits(messages: &Messages) -> impl Iterator<Item = u16> + '_ {
    (0..messages.len() as u16 * 64).filter(|bit| messages[usize::from(bit / 64)] >> (bit % 64) & 1 == 1)
}

fn remove(messages: &mut Messages, bit: u16) {
    messages[usize::from(bit / 64)] &= !(1 << (bit % 64));
}

/// Visits every world.
pub(super) fn explore(setup: &Setup) -> Explored {
    let mut explorer = Explorer {
        setup,
        sites: Vec::new(),
        site_ids: Map::default(),
        messages: Vec::new(),
        message_ids: BTreeMap::new(),
        steps: Map::default(),
    };
    let mut sites = [u32::MAX; 3];
    for (number, site) in sites.iter_mut().enumerate().take(usize::from(setup.hosts)) {
        *site = explorer.site_id(Site::new(setup, number as u8));
    }
    let first = World { sites, messages: Messages::default(), moves: setup.moves, drops: setup.drops };
    let (mut ids, mut worlds, mut edges) = (Map::default(), vec![first], Vec::new());
    ids.insert(first, 0u32);
    let (mut explored, mut at, mut found) = (Explored::default(), 0, Vec::new());
    while let Some(world) = worlds.get(at).copied() {
        explored.still += usize::from(explorer.check(&world));
        explorer.successors(&world, &mut found);
        for next in &found {
            let id = *ids.entry(*next).or_insert(worlds.len() as u32);
            if id as usize == worlds.len() {
                worlds.push(*next);
            }
            if id as usize != at {
                edges.push((id, at as u32));
            }
        }
        at += 1;
    }
    explored.states = worlds.len();
    explored.edges = edges.len();
    let good: Vec<bool> = worlds.iter().map(|world| explorer.is_good(world)).collect();
    if let Some(stuck) = first_stuck(&good, edges) {
        panic!("nothing good comes of {:?}", worlds[stuck]);
    }
    explored
}

/// The first world from which none that is good can be reached. An edge is a world and one that it follows.
fn first_stuck(good: &[bool], mut edges: Vec<(u32, u32)>) -> Option<usize> {
    edges.sort_unstable();
    let mut hopeful = good.to_vec();
    let mut queue: VecDeque<u32> =
        good.iter().enumerate().filter(|(_, good)| **good).map(|(at, _)| at as u32).collect();
    while let Some(world) = queue.pop_front() {
        let start = edges.partition_point(|(to, _)| *to < world);
        for (_, from) in edges[start..].iter().take_while(|(to, _)| *to == world) {
            if !std::mem::replace(&mut hopeful[*from as usize], true) {
                queue.push_back(*from);
            }
        }
    }
    hopeful.iter().position(|hopeful| !hopeful)
}
