//! Hosts by chance: moves, letters, losses, crashes, hosts that leave and hosts that come, from a seed.

use std::collections::BTreeMap;

use ironloom_core::{Duration, Instant, Rng, Seed};

use super::{hart, host};
use crate::cluster::harts::{HartMessage, Harts, HartsConfig, Output, Refused};
use crate::cluster::{Epoch, HostId, HostSet};

const HOSTS: u8 = 4;
const HARTS: u8 = 3;
const STEPS: u32 = 120;

/// Who posted, in which life of that host, and the how manieth letter to this hart it is.
type Letter = (u8, u8, u16);

/// A host, and the harts that it runs: how many letters each has had, by who posted them.
struct Site {
    harts: Harts<Letter>,
    running: Vec<Option<Log>>,
    freezing: Vec<Option<Instant>>,
    posted: Vec<u16>,
    life: u8,
    drained: bool,
}

type Log = BTreeMap<(u8, u8), u16>;

struct World {
    rng: Rng,
    now: Instant,
    epoch: Epoch,
    members: HostSet,
    sites: BTreeMap<HostId, Site>,
    wire: BTreeMap<(Instant, u64), (HostId, HostId, HartMessage<Letter>)>,
    sent: u64,
    lossy: bool,
    lives: [u8; HOSTS as usize],
    /// Harts that were at a host when it crashed, or on their way from or to it.
    doomed: [bool; HARTS as usize],
    moved: u64,
}

fn config() -> HartsConfig {
    HartsConfig { slots: 2, window: 3, held_max: 3, letters_max: 40, ..HartsConfig::default() }
}

impl World {
    fn new(seed: u64) -> Self {
        let members: HostSet = (0..HOSTS).map(host).collect();
        let homes: Vec<HostId> = (0..HARTS).map(host).collect();
        let mut world = Self {
            rng: Rng::new(Seed::new(seed)),
            now: Instant::ZERO,
            epoch: Epoch::default(),
            members,
            sites: BTreeMap::new(),
            wire: BTreeMap::new(),
            sent: 0,
            lossy: true,
            lives: [0; HOSTS as usize],
            doomed: [false; HARTS as usize],
            moved: 0,
        };
        for here in members.iter() {
            let harts = Harts::new(config(), here, members, &homes, world.epoch);
            world.add(here, harts);
            let site = world.sites.get_mut(&here).unwrap();
            for (hart, home) in homes.iter().enumerate() {
                site.running[hart] = (*home == here).then(Log::new);
            }
        }
        world
    }

    fn add(&mut self, here: HostId, harts: Harts<Letter>) {
        let life = self.lives[usize::from(here.number())];
        let site = Site {
            harts,
            running: vec![None; HARTS.into()],
            freezing: vec![None; HARTS.into()],
            posted: vec![0; HARTS.into()],
            life,
            drained: false,
        };
        self.sites.insert(here, site);
    }

    /// Does what the harts of a host ask for.
    fn drain(&mut self, here: HostId) {
        let Some(site) = self.sites.get_mut(&here) else { return };
        while let Some(output) = site.harts.poll() {
            match output {
                Output::Send { to, message } => {
                    let copies = match self.rng.below(20) {
                        0 | 1 if self.lossy => 0,
                        2 if self.lossy => 2,
                        _ => 1,
                    };
                    for _ in 0..copies {
                        let delay = if self.rng.chance(1, 10) { 30_000 } else { 2_000 };
                        let due = self.now.saturating_add(Duration::from_micros(self.rng.range(10..delay)));
                        self.sent += 1;
                        self.wire.insert((due, self.sent), (here, to, message.clone()));
                    }
                }
                Output::Deliver { hart, letter: (from, life, number) } => {
                    assert!(site.freezing[hart.index()].is_none(), "a hart that freezes is handed nothing");
                    let log = site.running[hart.index()].as_mut().expect("letters go to harts that run");
                    let count = log.entry((from, life)).or_default();
                    assert_eq!(*count, number, "letters come once and in order");
                    *count += 1;
                }
                Output::Freeze { hart } => {
                    let pause = Duration::from_micros(self.rng.range(1..200));
                    site.freezing[hart.index()] = Some(self.now.saturating_add(pause));
                }
                Output::Thaw { hart, state } => {
                    let log = borsh::from_slice(&state).expect("it was stored");
                    assert!(site.running[hart.index()].replace(log).is_none(), "a hart does not run twice");
                }
                Output::Moved { .. } => self.moved += 1,
                Output::Drained => site.drained = true,
                Output::MoveFailed { .. } | Output::Missing { .. } => {}
            }
        }
        self.check_single();
    }

    fn check_single(&self) {
        for hart in 0..usize::from(HARTS) {
            let running = self.sites.values().filter(|site| site.running[hart].is_some()).count();
            assert!(running <= 1, "hart {hart} runs at {running} hosts");
        }
    }

    /// Lets what is due next happen, if it is due before a time.
    fn advance(&mut self, until: Instant) -> bool {
        let wire = self.wire.keys().next().map(|(due, _)| *due);
        let timer = |site: &Site| {
            let freezing = site.freezing.iter().flatten().min().copied();
            [site.harts.next_event(), freezing].into_iter().flatten().min()
        };
        let timers = self.sites.iter().filter_map(|(host, site)| Some((timer(site)?, *host))).min();
        let next = [wire, timers.map(|(due, _)| due)].into_iter().flatten().min();
        let Some(next) = next.filter(|next| *next <= until) else {
            self.now = until;
            return false;
        };
        self.now = self.now.max(next);
        if wire == Some(next) {
            let ((..), (from, to, message)) = self.wire.pop_first().expect("it is due");
            if let Some(site) = self.sites.get_mut(&to) {
                let received = site.harts.receive(self.now, from, message);
                let other = matches!(received, Err(Refused::OtherEpoch { .. } | Refused::Stranger { .. }));
                assert!(received.is_ok() || other, "who keeps to the rules is believed: {received:?}");
                self.drain(to);
            }
        } else if let Some((_, here)) = timers {
            self.wake(here);
        }
        true
    }

    fn wake(&mut self, here: HostId) {
        let now = self.now;
        let Some(site) = self.sites.get_mut(&here) else { return };
        for number in 0..usize::from(HARTS) {
            if site.freezing[number].is_some_and(|due| due <= now) {
                site.freezing[number] = None;
                let log = site.running[number].take().expect("it ran");
                site.harts.frozen(now, hart(number as u8), borsh::to_vec(&log).expect("memory is enough"));
            }
        }
        site.harts.wake(now);
        self.drain(here);
    }

    fn announce(&mut self, members: HostSet) {
        self.epoch = self.epoch.next();
        self.members = members;
        let hosts: Vec<HostId> = self.sites.keys().copied().collect();
        for here in hosts {
            self.sites.get_mut(&here).unwrap().harts.begin_epoch(self.now, self.epoch, members);
            self.drain(here);
        }
    }

    fn crash(&mut self, dead: HostId) {
        self.sites.remove(&dead);
        for (number, doomed) in self.doomed.iter_mut().enumerate() {
            *doomed |= !self.sites.values().any(|site| site.harts.lives_here(hart(number as u8)));
        }
        self.announce(self.members.without(dead));
    }

    fn join(&mut self, fresh: HostId) {
        self.lives[usize::from(fresh.number())] += 1;
        let (_, guide) = self.sites.first_key_value().expect("somebody is left");
        let guessed: Vec<HostId> = guide.harts.places().map(|(_, host)| host).collect();
        let guessed = guessed.iter().map(|place| if *place == fresh { guide.harts.here } else { *place });
        let places: Vec<HostId> = guessed.collect();
        self.announce(self.members.with(fresh));
        let harts = Harts::join(config(), fresh, self.members, &places, self.epoch);
        self.add(fresh, harts);
    }

    fn random_host(&mut self) -> HostId {
        let hosts: Vec<HostId> = self.sites.keys().copied().collect();
        *self.rng.choose(&hosts).expect("somebody is left")
    }

    fn step(&mut self) {
        let (here, number, now) = (self.random_host(), self.rng.below(HARTS.into()) as u8, self.now);
        let away = host(self.rng.below(HOSTS.into()) as u8);
        let (many, vacant) = (self.sites.len() > 2, !self.sites.contains_key(&away));
        let site = self.sites.get_mut(&here).unwrap();
        match self.rng.below(120) {
            0 if many => self.crash(here),
            1 if many => {
                site.harts.leave(now);
                self.drain(here);
            }
            2..5 if vacant => self.join(away),
            5..45 => {
                let _refused = site.harts.begin_move(now, hart(number), away);
                self.drain(here);
            }
            _ if !site.harts.is_leaving() => {
                let letter = (here.number(), site.life, site.posted[usize::from(number)]);
                let posted = site.harts.post(now, hart(number), letter);
                site.posted[usize::from(number)] += u16::from(posted.is_ok());
                self.drain(here);
            }
            _ => {}
        }
        let drained = self.sites.iter().find(|(_, site)| site.drained).map(|(host, _)| *host);
        if let Some(gone) = drained {
            let site = self.sites.remove(&gone).expect("it was there");
            assert!(site.running.iter().all(Option::is_none), "who goes leaves no hart behind");
            self.announce(self.members.without(gone));
        }
    }

    /// When nothing is lost any more, every hart that was not at a host that crashed runs and has had its letters.
    fn check_end(&mut self) {
        self.lossy = false;
        let until = self.now.saturating_add(Duration::from_secs(20));
        while self.advance(until) {}
        for (number, doomed) in self.doomed.iter().enumerate() {
            let log = self.sites.values().find_map(|site| site.running[number].as_ref());
            assert!(log.is_some() || *doomed, "hart {number} is lost");
            let Some(log) = log else { continue };
            for (here, site) in &self.sites {
                let had = log.get(&(here.number(), site.life)).copied().unwrap_or(0);
                assert_eq!(had, site.posted[number], "all letters of {here} to hart {number} arrive");
            }
        }
    }
}

fn run(seed: u64) -> u64 {
    let mut world = World::new(seed);
    for _ in 0..STEPS {
        world.step();
        let pause = if world.rng.chance(1, 10) { 40_000 } else { 1_500 };
        let until = world.now.saturating_add(Duration::from_micros(world.rng.below(pause)));
        while world.advance(until) {}
    }
    world.check_end();
    world.moved
}

/// Says which seed it was, if one fails.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}", self.0);
        }
    }
}

#[test]
fn ten_thousand_seeds() {
    let mut moved = 0;
    for seed in 0..10_000 {
        let _named = Named(seed);
        moved += run(seed);
    }
    assert!(moved > 50_000, "harts moved {moved} times only");
}
