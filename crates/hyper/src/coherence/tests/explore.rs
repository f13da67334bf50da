//! A model checker: every order in which messages arrive, harts act and accesses are taken away.
//!
//! In each state one page has one writer or many readers, and who may read sees what was written last. From each state
//! all harts come to the end of what they do.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::sync::Arc;

use ironloom_core::{HashState, Instant, Map};

use super::world::{LOADED, Node, Words, check, hosts, impatient};
use crate::cluster::HostId;
use crate::coherence::{CoherenceConfig, Message, Page, Want};

/// More states than any of these explorations has.
const STATES_MAX: u32 = 2_000_000;

/// What a hart does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Act {
    Read(u32),
    /// Writes a word of a page.
    Write(u32, usize),
    /// Reads, then writes what depends on it.
    Modify(u32),
    Ahead(u32),
    Evict(u32),
    Drain,
}
use Act::{Ahead, Drain, Evict, Modify, Read, Write};

/// What may happen to messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    /// Messages from one host to another overtake each other.
    unordered: bool,
    lost: u8,
    doubled: u8,
}

const ORDERED: Network = Network { unordered: false, lost: 0, doubled: 0 };

/// One state of everything.
#[derive(Debug, Clone)]
struct State {
    nodes: Vec<Arc<Node>>,
    /// What each host's hart has still to do, and whether it has asked for what it needs.
    programs: Vec<(u8, bool)>,
    /// What is on its way, from the first host of each pair to the second.
    network: Vec<((HostId, HostId), VecDeque<Message>)>,
    last: Vec<Words>,
    lost: u8,
    doubled: u8,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Act(usize),
    Deliver(usize, usize),
    Double(usize, usize),
    Lose(usize, usize),
    Release(usize, usize),
    Wake(usize),
}

struct Explorer {
    programs: Vec<Vec<Act>>,
    network: Network,
    /// Each state that was seen: its number.
    seen: Map<u64, u32>,
    /// From which state each came, and how.
    origin: Vec<(u32, Step)>,
    /// Which states lead to which.
    edges: Vec<(u32, u32)>,
    ends: Vec<u32>,
}

impl Explorer {
    fn first(&self, config: &CoherenceConfig, loaded: u32) -> State {
        let hosts = hosts(self.programs.len() as u8);
        let last = (0..config.pages).map(|page| if page < loaded { LOADED } else { [0; 2] }).collect();
        State {
            nodes: hosts.iter().map(|here| Arc::new(Node::new(config, here, hosts, loaded))).collect(),
            programs: vec![(0, false); self.programs.len()],
            network: Vec::new(),
            last,
            lost: 0,
            doubled: 0,
        }
    }

    fn hash(state: &State) -> u64 {
        HashState::default().hash_one((
            &state.nodes,
            &state.programs,
            &state.network,
            &state.last,
            state.lost,
            state.doubled,
        ))
    }

    fn steps(&self, state: &State) -> Vec<Step> {
        let mut steps = Vec::new();
        for (number, (node, (done, asked))) in state.nodes.iter().zip(&state.programs).enumerate() {
            if !asked && usize::from(*done) < self.programs[number].len() {
                steps.push(Step::Act(number));
            }
            steps.extend((0..node.releases.len()).map(|which| Step::Release(number, which)));
        }
        for (link, (_, messages)) in state.network.iter().enumerate() {
            let reachable = if self.network.unordered { messages.len() } else { 1.min(messages.len()) };
            for which in 0..reachable {
                steps.push(Step::Deliver(link, which));
                if state.lost < self.network.lost {
                    steps.push(Step::Lose(link, which));
                }
                if state.doubled < self.network.doubled {
                    steps.push(Step::Double(link, which));
                }
            }
        }
        // Clocks are slow: they go on only when nothing else does.
        if steps.is_empty() && self.network.lost > 0 && !self.is_done(state) {
            let due = |node: &Node| node.coherence.next_event().is_some();
            let awake = state.nodes.iter().enumerate().filter(|(_, node)| due(node));
            steps.extend(awake.map(|(number, _)| Step::Wake(number)));
        }
        steps
    }

    fn is_done(&self, state: &State) -> bool {
        let programs = state.programs.iter().zip(&self.programs);
        programs.clone().all(|((done, asked), program)| !asked && usize::from(*done) == program.len())
            && state.nodes.iter().all(|node| {
                let coherence = &node.coherence;
                coherence.requests.is_idle() && coherence.duties.is_idle() && coherence.directory.is_idle()
            })
    }

    fn take(&self, state: &mut State, step: Step) {
        let now = Instant::ZERO;
        match step {
            Step::Act(number) => self.act(state, number),
            Step::Deliver(link, which) => {
                let ((from, to), messages) = &mut state.network[link];
                let (from, to) = (*from, usize::from(to.number()));
                let message = messages.remove(which).unwrap();
                if messages.is_empty() {
                    state.network.remove(link);
                }
                let refused = Arc::make_mut(&mut state.nodes[to]).coherence.receive(now, from, message);
                let clean = self.network.lost == 0 && self.network.doubled == 0;
                assert!(
                    !clean || refused.is_ok(),
                    "hosts that keep to the protocol are not refused: {refused:?}"
                );
                self.settle(state, to);
            }
            Step::Double(link, which) => {
                state.doubled += 1;
                let again = state.network[link].1[which].clone();
                state.network[link].1.push_back(again);
            }
            Step::Lose(link, which) => {
                state.lost += 1;
                state.network[link].1.remove(which);
                if state.network[link].1.is_empty() {
                    state.network.remove(link);
                }
            }
            Step::Release(number, which) => {
                Arc::make_mut(&mut state.nodes[number]).release(now, which);
                self.settle(state, number);
            }
            Step::Wake(number) => {
                let coherence = &mut Arc::make_mut(&mut state.nodes[number]).coherence;
                let due = coherence.next_event().unwrap();
                coherence.wake(due);
                self.settle(state, number);
            }
        }
    }

    /// A hart goes on, if it can; else it asks for what it needs.
    fn act(&self, state: &mut State, number: usize) {
        let act = self.programs[number][usize::from(state.programs[number].0)];
        let node = Arc::make_mut(&mut state.nodes[number]);
        let (coherence, now) = (&mut node.coherence, Instant::ZERO);
        let ready = match act {
            Read(page) => coherence.want(now, Page::new(page), Want::Read),
            Write(page, _) => coherence.want(now, Page::new(page), Want::Write),
            // What is modified is read first.
            Modify(page) => {
                coherence.want(now, Page::new(page), Want::Read)
                    && coherence.want(now, Page::new(page), Want::Write)
            }
            Ahead(page) => {
                coherence.want_ahead(now, &[Page::new(page)], Want::Read);
                true
            }
            Evict(page) => {
                coherence.evict(now, Page::new(page));
                true
            }
            Drain => {
                coherence.drain(now);
                true
            }
        };
        // Access that is just being taken away is as good as gone.
        let leaving = match act {
            Read(page) | Write(page, _) | Modify(page) => {
                let node = &state.nodes[number];
                let needed = if let Read(_) = act { Want::Read } else { Want::Write };
                ready && !node.access(Page::new(page)).allows(needed)
            }
            _ => false,
        };
        assert!(!leaving, "what is held may be used until it is released");
        if ready {
            Self::perform(state, number, act);
        } else {
            state.programs[number].1 = true;
        }
        self.settle(state, number);
    }

    fn perform(state: &mut State, number: usize, act: Act) {
        let node = Arc::make_mut(&mut state.nodes[number]);
        let value = u64::from(state.programs[number].0) * 16 + number as u64 + 100;
        match act {
            Read(page) => assert_eq!(node.read(Page::new(page)), state.last[page as usize]),
            Write(page, slot) => {
                node.write(Page::new(page), slot, value);
                state.last[page as usize][slot] = value;
            }
            Modify(page) => {
                let [word, _] = node.read(Page::new(page));
                assert_eq!(word, state.last[page as usize][0], "nothing was written in between");
                node.write(Page::new(page), 0, word + 1);
                state.last[page as usize][0] = word + 1;
            }
            Ahead(_) | Evict(_) | Drain => {}
        }
        state.programs[number] = (state.programs[number].0 + 1, false);
    }

    /// Messages go on their way, and a hart whose page has come goes on at once.
    fn settle(&self, state: &mut State, number: usize) {
        loop {
            let here = state.nodes[number].coherence.here;
            let node = Arc::make_mut(&mut state.nodes[number]);
            let network = &mut state.network;
            node.settle(|to, message| match network.binary_search_by_key(&(here, to), |(ends, _)| *ends) {
                Ok(link) => network[link].1.push_back(message),
                Err(place) => network.insert(place, ((here, to), [message].into())),
            });
            let installed = std::mem::take(&mut node.installed);
            let (done, asked) = state.programs[number];
            let act = self.programs[number].get(usize::from(done)).copied().filter(|_| asked);
            let Some(Read(page) | Write(page, _) | Modify(page)) = act else { return };
            if !installed.contains(&Page::new(page)) {
                return;
            }
            self.act(state, number);
        }
    }

    fn run(&mut self, first: State) {
        self.note(&first, 0, Step::Wake(usize::MAX));
        let mut open = vec![(0, first)];
        while let Some((number, state)) = open.pop() {
            if self.is_done(&state) {
                self.ends.push(number);
            }
            for step in self.steps(&state) {
                let mut next = state.clone();
                let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    self.take(&mut next, step);
                    for (page, last) in (0..).map(Page::new).zip(&next.last) {
                        check(next.nodes.iter().map(|node| &**node), page, Some(*last));
                    }
                }));
                if outcome.is_err() {
                    panic!("after {:?}\n{step:?}\n{state:#?}", self.path(number));
                }
                if let Some(fresh) = self.note(&next, number, step) {
                    open.push((fresh, next));
                }
            }
        }
    }

    /// Gives a state a number, if it was not seen before.
    fn note(&mut self, state: &State, from: u32, step: Step) -> Option<u32> {
        let fresh = self.origin.len() as u32;
        let number = *self.seen.entry(Self::hash(state)).or_insert(fresh);
        self.edges.push((number, from));
        if number != fresh {
            return None;
        }
        self.origin.push((from, step));
        assert!(fresh < STATES_MAX, "there is no end of states: {:?}", self.path(fresh));
        Some(fresh)
    }

    fn path(&self, mut number: u32) -> Vec<Step> {
        let mut path = Vec::new();
        while number != 0 {
            let (from, step) = self.origin[number as usize];
            path.push(step);
            number = from;
        }
        path.reverse();
        path
    }

    /// Each state leads to an end.
    fn check_progress(&mut self) {
        self.edges.sort_unstable();
        let mut reached = vec![false; self.origin.len()];
        let mut open = self.ends.clone();
        while let Some(number) = open.pop() {
            if std::mem::replace(&mut reached[number as usize], true) {
                continue;
            }
            let first = self.edges.partition_point(|(to, _)| *to < number);
            let into = self.edges[first..].iter().take_while(|(to, _)| *to == number);
            open.extend(into.map(|(_, from)| *from));
        }
        let stuck = reached.iter().position(|reached| !reached);
        assert!(stuck.is_none(), "no end is reached after {:?}", self.path(stuck.unwrap() as u32));
    }
}

/// Explores all that can happen; returns how many states there are.
fn explore(programs: &[&[Act]], config: &CoherenceConfig, loaded: u32, network: Network) -> usize {
    let programs = programs.iter().map(|program| program.to_vec()).collect();
    let mut explorer = Explorer {
        programs,
        network,
        seen: Map::default(),
        origin: Vec::new(),
        edges: Vec::new(),
        ends: Vec::new(),
    };
    let first = explorer.first(config, loaded);
    explorer.run(first);
    explorer.check_progress();
    explorer.origin.len()
}

/// Pages that are never granted for more than was asked for.
fn without_migration(pages: u32) -> CoherenceConfig {
    CoherenceConfig { migratory: false, ..impatient(pages) }
}

#[track_caller]
fn check_states(states: impl IntoIterator<Item = usize>, at_least: usize) {
    let sum: usize = states.into_iter().sum();
    assert!(sum >= at_least, "{sum} states are fewer than there were: is anything left out?");
}

#[test]
fn two_hosts_and_every_order() {
    let back_and_forth: &[&[Act]] = &[
        &[Modify(0), Read(0), Write(0, 1), Evict(0), Modify(0), Read(0)],
        &[Modify(0), Evict(0), Modify(0), Write(0, 1), Read(0), Evict(0), Read(0)],
    ];
    let both_pages: &[&[Act]] = &[
        &[Modify(0), Write(1, 0), Read(0), Write(1, 1)],
        &[Ahead(1), Modify(1), Write(0, 1), Read(1), Read(0)],
    ];
    check_states(
        [
            explore(back_and_forth, &impatient(1), 0, ORDERED),
            explore(back_and_forth, &without_migration(1), 1, ORDERED),
            explore(both_pages, &impatient(2), 1, ORDERED),
            explore(both_pages, &without_migration(2), 1, ORDERED),
        ],
        70_000,
    );
}

#[test]
fn two_hosts_over_a_bad_network() {
    let programs: &[&[Act]] =
        &[&[Modify(0), Read(0), Write(0, 0)], &[Modify(0), Evict(0), Write(0, 1), Read(0)]];
    let network = |lost, doubled| Network { unordered: true, lost, doubled };
    check_states(
        [
            explore(programs, &impatient(1), 1, network(0, 0)),
            explore(programs, &impatient(1), 1, network(1, 0)),
            explore(programs, &impatient(1), 1, network(0, 1)),
            explore(programs, &without_migration(1), 0, network(0, 1)),
            explore(&programs[1..], &without_migration(1), 0, network(2, 0)),
            explore(&[&[Modify(0)], &[Modify(0), Read(0)]], &impatient(1), 1, network(1, 1)),
            explore(&[&[Modify(0), Read(0)], &[Modify(0)]], &impatient(1), 1, network(2, 0)),
        ],
        60_000,
    );
}

#[test]
fn three_hosts_and_one_page() {
    let mix: &[&[Act]] =
        &[&[Modify(0), Read(0), Evict(0)], &[Modify(0), Write(0, 1)], &[Read(0), Modify(0), Read(0)]];
    let evictions: &[&[Act]] = &[
        &[Write(0, 0), Evict(0), Read(0)],
        &[Write(0, 1), Read(0), Evict(0)],
        &[Read(0), Evict(0), Write(0, 1)],
    ];
    let doubled = Network { unordered: true, lost: 0, doubled: 1 };
    let lost = Network { unordered: true, lost: 1, doubled: 0 };
    check_states(
        [
            explore(mix, &impatient(1), 0, ORDERED),
            explore(mix, &without_migration(1), 1, ORDERED),
            explore(evictions, &without_migration(1), 1, ORDERED),
            explore(&[&[Modify(0)], &[Write(0, 1)], &[Read(0)]], &without_migration(1), 1, doubled),
            explore(&[&[Write(0, 1)], &[Modify(0)], &[Read(0)]], &without_migration(1), 1, lost),
        ],
        120_000,
    );
}

#[test]
fn three_hosts_and_two_pages() {
    let mix: &[&[Act]] = &[
        &[Modify(0), Read(1), Modify(1)],
        &[Write(1, 1), Read(0), Modify(0)],
        &[Read(0), Write(1, 0), Evict(1)],
    ];
    let leaving: &[&[Act]] =
        &[&[Modify(0), Write(1, 0), Drain], &[Modify(1), Write(0, 1), Read(1)], &[Read(0), Write(1, 0)]];
    check_states(
        [explore(mix, &without_migration(2), 1, ORDERED), explore(leaving, &impatient(2), 2, ORDERED)],
        400_000,
    );
}
