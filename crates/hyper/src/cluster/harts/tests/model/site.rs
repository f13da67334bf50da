//! [`Site`]: one host of a model, and what it may do.

use std::hash::{Hash, Hasher};

use ironloom_core::{Duration, Instant};

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

/// One host, and the harts that it runs, of which each is what it was handed.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) harts: Harts<u8>,
    pub(super) running: Vec<Option<Vec<u8>>>,
    pub(super) freezing: Vec<bool>,
    pub(super) posted: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Action {
    Receive(u16),
    Post(u8),
    Move(u8, u8),
    Frozen(u8),
    Wake,
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
    pub(super) fn new(setup: &Setup, number: u8) -> Self {
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

    pub(super) fn key(&self) -> Vec<u8> {
        let mut bytes = Bytes::default();
        self.harts.here.hash(&mut bytes);
        self.harts.records.hash(&mut bytes);
        (&self.running, &self.freezing, &self.posted).hash(&mut bytes);
        bytes.0
    }

    /// Does what the harts ask for, and returns what is to be sent.
    pub(super) fn drain(&mut self) -> Vec<(HostId, HartMessage<u8>)> {
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
    pub(super) fn is_settled(&self) -> bool {
        let settled = |role: &Role| matches!(role, Role::Away | Role::Here { journey: None, .. });
        self.harts.records.iter().all(|record| settled(&record.role) && record.outbox.is_empty())
    }
}

pub(super) fn act(site: &mut Site, action: Action, messages: &[(HostId, HostId, HartMessage<u8>)]) {
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
