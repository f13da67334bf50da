//! Visits every world that can be reached, and looks whether a good end can be reached from each.

use std::collections::{BTreeMap, VecDeque};

use ironloom_core::Map;

use super::super::{hart, host};
use super::site::{Action, Setup, Site, act};
use crate::cluster::HostId;
use crate::cluster::harts::HartMessage;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Explored {
    pub(super) states: usize,
    pub(super) edges: usize,
    /// Worlds in which some hart stands still, which is right while it is on its way.
    pub(super) still: usize,
}

type Messages = [u64; 6];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct World {
    sites: [u32; 3],
    messages: Messages,
    moves: u8,
    drops: u8,
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
