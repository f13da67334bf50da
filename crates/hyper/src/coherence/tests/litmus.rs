//! Litmus tests: small programs on different hosts, and what they must never see.
//!
//! Each variable is a word of a page of its own. Messages of different pairs of hosts overtake each other at random.

use std::collections::VecDeque;

use ironloom_core::{Instant, Rng, Seed};

use super::world::{Node, hosts, impatient};
use crate::cluster::HostId;
use crate::coherence::{CoherenceConfig, Held, Message, Page, Want};

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Writes 1 to a variable.
    Store(u32),
    /// Reads a variable, and notes it.
    Load(u32),
    /// Adds 1 to a variable, as one step, and notes what it was.
    Add(u32),
    /// Reads a variable for a pair of instructions.
    Reserve(u32),
    /// Writes what was reserved and 1, if nobody has written since; else goes back to the reservation.
    Conditional(u32),
}
use Step::{Add, Conditional, Load, Reserve, Store};

struct Litmus<'a> {
    rng: Rng,
    nodes: Vec<Node>,
    programs: &'a [&'a [Step]],
    places: Vec<usize>,
    waits: Vec<bool>,
    /// What each host has reserved: cleared when access to the page is taken away.
    reserved: Vec<Option<u64>>,
    noted: Vec<Vec<u64>>,
    network: Vec<((HostId, HostId), VecDeque<Message>)>,
}

impl<'a> Litmus<'a> {
    fn new(config: &CoherenceConfig, programs: &'a [&'a [Step]], rng: Rng) -> Self {
        let count = programs.len();
        let hosts = hosts(count as u8);
        Self {
            rng,
            nodes: hosts.iter().map(|here| Node::new(config, here, hosts, 0)).collect(),
            programs,
            places: vec![0; count],
            waits: vec![false; count],
            reserved: vec![None; count],
            noted: vec![Vec::new(); count],
            network: Vec::new(),
        }
    }

    /// Runs until all programs have ended; returns what each host noted, and the variables in the end.
    fn run(mut self) -> (Vec<Vec<u64>>, Vec<u64>) {
        for _ in 0..100_000 {
            if !self.step() {
                let holder = |page| self.nodes.iter().find(|node| node.access(page) != Held::Nothing);
                let value = |page| holder(page).map_or(0, |node| node.read(page)[0]);
                let variables = (0..2).map(Page::new).map(value).collect();
                return (self.noted, variables);
            }
        }
        panic!("programs come to an end");
    }

    /// Does one of the things that may happen next, if there is any.
    fn step(&mut self) -> bool {
        let ready = |at: &usize| !self.waits[*at] && self.places[*at] < self.programs[*at].len();
        let harts: Vec<usize> = (0..self.nodes.len()).filter(ready).collect();
        let releasing: Vec<usize> =
            (0..self.nodes.len()).filter(|at| !self.nodes[*at].releases.is_empty()).collect();
        let all = harts.len() + releasing.len() + self.network.len();
        if all == 0 {
            return false;
        }
        let mut chosen = self.rng.below(all as u64) as usize;
        if chosen < harts.len() {
            self.act(harts[chosen]);
            return true;
        }
        chosen -= harts.len();
        if chosen < releasing.len() {
            let at = releasing[chosen];
            let page = self.nodes[at].releases[0].0;
            let next = self.programs[at].get(self.places[at]);
            if matches!(next, Some(Conditional(reserved)) if Page::new(*reserved) == page) {
                self.reserved[at] = None;
            }
            self.nodes[at].release(Instant::ZERO, 0);
            self.settle(at);
            return true;
        }
        chosen -= releasing.len();
        let ((from, to), messages) = &mut self.network[chosen];
        let (from, to) = (*from, usize::from(to.number()));
        let message = messages.pop_front().unwrap();
        if messages.is_empty() {
            self.network.swap_remove(chosen);
        }
        self.nodes[to].coherence.receive(Instant::ZERO, from, message).unwrap();
        self.settle(to);
        true
    }

    fn act(&mut self, at: usize) {
        let step = self.programs[at][self.places[at]];
        let (Store(variable) | Load(variable) | Add(variable) | Reserve(variable) | Conditional(variable)) =
            step;
        let (page, node) = (Page::new(variable), &mut self.nodes[at]);
        let want = if matches!(step, Load(_) | Reserve(_)) { Want::Read } else { Want::Write };
        if !node.coherence.want(Instant::ZERO, page, want) {
            self.waits[at] = true;
            return self.settle(at);
        }
        let [value, _] = node.read(page);
        match step {
            Store(_) => node.write(page, 0, 1),
            Load(_) => self.noted[at].push(value),
            Add(_) => {
                node.write(page, 0, value + 1);
                self.noted[at].push(value);
            }
            Reserve(_) => self.reserved[at] = Some(value),
            Conditional(_) => match self.reserved[at].take() {
                Some(reserved) => node.write(page, 0, reserved + 1),
                None => {
                    self.places[at] -= 1;
                    return self.settle(at);
                }
            },
        }
        self.places[at] += 1;
        self.settle(at);
    }

    fn settle(&mut self, at: usize) {
        let here = self.nodes[at].coherence.here;
        let network = &mut self.network;
        let node = &mut self.nodes[at];
        node.settle(|to, message| match network.iter_mut().find(|(ends, _)| *ends == (here, to)) {
            Some((_, messages)) => messages.push_back(message),
            None => network.push(((here, to), [message].into())),
        });
        if !std::mem::take(&mut node.installed).is_empty() {
            self.waits[at] = false;
        }
    }
}

/// Runs a program many times; `forbidden` is what must not be noted.
#[track_caller]
fn check(programs: &[&[Step]], runs: u64, forbidden: impl Fn(&[Vec<u64>], &[u64]) -> bool) {
    for seed in 0..runs {
        let rng = Rng::new(Seed::new(seed));
        let config = CoherenceConfig { migratory: seed % 2 == 0, ..impatient(2) };
        let (noted, variables) = Litmus::new(&config, programs, rng).run();
        assert!(!forbidden(&noted, &variables), "seed {seed}: {noted:?} {variables:?}");
    }
}

#[test]
fn store_buffering() {
    check(&[&[Store(0), Load(1)], &[Store(1), Load(0)]], 20_000, |noted, _| {
        noted[0][0] == 0 && noted[1][0] == 0
    });
}

#[test]
fn message_passing() {
    check(&[&[Store(0), Store(1)], &[Load(0), Load(1), Load(0)]], 20_000, |noted, _| {
        noted[1][1] == 1 && noted[1][2] == 0
    });
}

#[test]
fn load_buffering() {
    check(&[&[Load(0), Store(1)], &[Load(1), Store(0)]], 20_000, |noted, _| {
        noted[0][0] == 1 && noted[1][0] == 1
    });
}

#[test]
fn independent_reads_of_independent_writes() {
    let programs: &[&[Step]] = &[&[Store(0)], &[Store(1)], &[Load(0), Load(1)], &[Load(1), Load(0)]];
    check(programs, 20_000, |noted, _| noted[2] == [1, 0] && noted[3] == [1, 0]);
}

#[test]
fn atomic_increments() {
    let programs: &[&[Step]] = &[&[Add(0), Add(1), Add(0)], &[Add(0), Add(0)], &[Add(1), Add(0)]];
    check(programs, 10_000, |noted, variables| {
        let mut seen: Vec<u64> = noted.iter().flatten().copied().collect();
        seen.sort_unstable();
        variables != [5, 2] || seen != [0, 0, 1, 1, 2, 3, 4]
    });
}

#[test]
fn load_reserved_and_store_conditional() {
    let twice: &[Step] = &[Reserve(0), Conditional(0), Reserve(0), Conditional(0)];
    check(&[twice, twice, twice], 10_000, |_, variables| variables[0] != 6);
}
