//! Small scenes, message by message.

use std::collections::VecDeque;

use ironloom_core::{Duration, Instant};

use super::world::{Node, config, host, hosts, impatient};
use crate::cluster::{Epoch, HostId};
use crate::coherence::{
    AHEAD_MAX, Coherence, CoherenceConfig, Held, Message, Output, Page, Refused, Released, Want,
};

/// Hosts whose messages arrive at once and in order.
pub(super) struct Scene {
    pub(super) nodes: Vec<Node>,
    pub(super) now: Instant,
    pub(super) network: VecDeque<(HostId, HostId, Message)>,
    /// How many messages were carried, but for acknowledgements by themselves.
    pub(super) carried: usize,
}

impl Scene {
    pub(super) fn new(config: &CoherenceConfig, count: u8, loaded: u32) -> Self {
        let all = hosts(count);
        Self {
            nodes: all.iter().map(|here| Node::new(config, here, all, loaded)).collect(),
            now: Instant::ZERO,
            network: VecDeque::new(),
            carried: 0,
        }
    }

    pub(super) fn pass(&mut self, duration: Duration) {
        self.now = self.now.saturating_add(duration);
        for node in &mut self.nodes {
            node.coherence.wake(self.now);
        }
        self.settle();
    }

    /// Until nothing is on its way, and no access is being taken away.
    pub(super) fn settle(&mut self) {
        loop {
            for (from, node) in self.nodes.iter_mut().enumerate() {
                node.settle(|to, message| self.network.push_back((host(from as u8), to, message)));
                while !node.releases.is_empty() {
                    node.release(self.now, 0);
                    node.settle(|to, message| self.network.push_back((host(from as u8), to, message)));
                }
            }
            let Some((from, to, message)) = self.network.pop_front() else { return };
            self.carried += usize::from(message.sequence != 0);
            let node = &mut self.nodes[usize::from(to.number())];
            node.coherence.receive(self.now, from, message).unwrap();
        }
    }

    /// A hart wants a page, and gets it; returns how many messages that took.
    pub(super) fn want(&mut self, at: usize, page: u32, want: Want) -> usize {
        let before = self.carried;
        self.nodes[at].coherence.want(self.now, Page::new(page), want);
        self.settle();
        self.carried - before
    }

    pub(super) fn read(&mut self, at: usize, page: u32) -> u64 {
        self.want(at, page, Want::Read);
        self.nodes[at].read(Page::new(page))[0]
    }

    pub(super) fn write(&mut self, at: usize, page: u32, value: u64) {
        self.want(at, page, Want::Write);
        self.nodes[at].write(Page::new(page), 0, value);
    }

    fn held(&self, at: usize, page: u32) -> Held {
        self.nodes[at].coherence.held(Page::new(page))
    }

    /// The first page whose home is a host.
    pub(super) fn page_at(&self, home: u8) -> u32 {
        let coherence = &self.nodes[0].coherence;
        (0..).find(|page| coherence.home(Page::new(*page)) == host(home)).unwrap()
    }
}

#[test]
fn what_nobody_else_has_takes_no_message() {
    let mut scene = Scene::new(&config(64), 2, 0);
    let page = scene.page_at(0);
    assert_eq!(scene.want(0, page, Want::Read), 0);
    assert_eq!(scene.held(0, page), Held::Write);
    assert_eq!(scene.nodes[0].coherence.counters().zero_filled, 1);
    // From its home a page that nobody ever had takes a question and an answer.
    let page = scene.page_at(1);
    assert_eq!(scene.want(0, page, Want::Write), 2);
}

#[test]
fn a_page_takes_as_few_messages_as_it_can() {
    let mut scene = Scene::new(&CoherenceConfig { migratory: false, ..impatient(64) }, 3, 0);
    let page = scene.page_at(2);
    scene.write(0, page, 7);
    // Question, forward, grant; the confirmation keeps nobody waiting.
    assert_eq!(scene.want(1, page, Want::Read), 4);
    // Who has the page is told that it may write it, and who has it too to stop: 3 hops, and the confirmation.
    assert_eq!(scene.want(1, page, Want::Write), 5);
    // The home itself wants it, and then has it: question and answer.
    assert_eq!(scene.want(2, page, Want::Write), 2);
    assert_eq!(scene.want(0, page, Want::Read), 2);
    assert_eq!(scene.want(0, page, Want::Write), 2);
    assert_eq!(scene.nodes[0].read(Page::new(page))[0], 7);
}

#[test]
fn what_is_kept_is_not_carried_again() {
    let mut scene = Scene::new(&CoherenceConfig { migratory: false, ..impatient(64) }, 2, 0);
    let page = scene.page_at(0);
    scene.write(0, page, 1);
    scene.read(1, page);
    assert_eq!(scene.nodes[1].coherence.counters().whole, 1);
    // It was not written meanwhile.
    scene.want(0, page, Want::Write);
    scene.read(1, page);
    assert_eq!(scene.nodes[1].coherence.counters().same, 1);
    // Now one line was.
    scene.write(0, page, 2);
    assert_eq!(scene.read(1, page), 2);
    let counters = scene.nodes[1].coherence.counters();
    assert_eq!((counters.lines, counters.bytes_received), (1, 4_096 + 64));
    // Who has forgotten what it had is told everything.
    scene.write(0, page, 3);
    assert!(scene.nodes[1].coherence.forget(Page::new(page)));
    scene.nodes[1].frames.clear();
    assert_eq!(scene.read(1, page), 3);
    assert_eq!(scene.nodes[1].coherence.counters().whole, 2);
}

#[test]
fn habits_are_learnt_and_unlearnt() {
    let mut scene = Scene::new(&impatient(64), 2, 0);
    let page = scene.page_at(0);
    scene.write(0, page, 1);
    for value in 2..6 {
        let at = value as usize % 2;
        scene.read(1 - at, page);
        scene.write(1 - at, page, value);
    }
    // The first visitor asked twice, and later ones once.
    assert_eq!(scene.nodes[0].coherence.counters().migratory_grants, 3);
    let upgrades =
        |scene: &Scene| scene.nodes.iter().map(|node| node.coherence.counters().upgrades).sum::<u64>();
    assert_eq!(upgrades(&scene), 1);
    // One visitor only reads: from then on, all who read share it.
    let [reader, other] = if scene.held(0, page) == Held::Write { [1, 0] } else { [0, 1] };
    scene.read(reader, page);
    assert_eq!(scene.held(reader, page), Held::Write);
    scene.read(other, page);
    assert_eq!(scene.nodes[0].coherence.counters().migratory_unlearned, 1);
    scene.write(other, page, 9);
    scene.read(reader, page);
    assert_eq!([scene.held(reader, page), scene.held(other, page)], [Held::Read; 2]);
}

#[test]
fn a_page_stays_for_a_while() {
    let mut scene = Scene::new(&config(64), 2, 0);
    let page = scene.page_at(0);
    scene.write(0, page, 1);
    scene.want(1, page, Want::Write);
    assert_eq!([scene.held(0, page), scene.held(1, page)], [Held::Write, Held::Nothing]);
    assert_eq!(scene.nodes[0].coherence.next_event(), Some(Instant::from_nanos(50_000)));
    scene.pass(Duration::from_micros(50));
    assert_eq!([scene.held(0, page), scene.held(1, page)], [Held::Nothing, Held::Write]);
    // If it has been here for long, it goes at once.
    scene.pass(Duration::from_micros(60));
    scene.want(0, page, Want::Read);
    assert_eq!(scene.held(0, page), Held::Read);
    assert_eq!(scene.nodes[0].coherence.counters().hold_delays, 1);
}

#[test]
fn who_asks_first_is_served_first() {
    let mut scene = Scene::new(&config(64), 4, 0);
    let page = scene.page_at(0);
    scene.write(0, page, 1);
    for at in [3, 1, 2] {
        scene.want(at, page, Want::Write);
    }
    for at in [3, 1, 2] {
        scene.pass(Duration::from_micros(50));
        assert_eq!(scene.held(at, page), Held::Write);
    }
}

#[test]
fn many_pages_are_wanted_in_one_message() {
    let mut scene = Scene::new(&CoherenceConfig { grain_pages: 512, ..config(512) }, 2, 0);
    let home = usize::from(scene.nodes[0].coherence.home(Page::new(0)).number());
    let asker = 1 - home;
    let pages: Vec<Page> = (0..100).map(Page::new).collect();
    scene.nodes[asker].coherence.want_ahead(scene.now, &pages, Want::Read);
    scene.settle();
    // And as many answers as pages.
    assert_eq!(scene.carried, 100usize.div_ceil(AHEAD_MAX) + 100);
    assert!(pages.iter().all(|page| scene.held(asker, page.get()) == Held::Write));
}

#[test]
fn what_is_evicted_comes_to_its_home() {
    let mut scene = Scene::new(&config(64), 3, 0);
    let page = scene.page_at(0);
    scene.write(1, page, 5);
    assert!(scene.nodes[1].coherence.evict(scene.now, Page::new(page)));
    scene.settle();
    assert_eq!([scene.held(0, page), scene.held(1, page)], [Held::Write, Held::Nothing]);
    // There is no place to give it to.
    assert!(!scene.nodes[0].coherence.evict(scene.now, Page::new(page)));
    scene.pass(Duration::from_millis(1));
    assert_eq!(scene.read(2, page), 5);
    // One of two that read it goes by itself.
    assert!(scene.nodes[2].coherence.evict(scene.now, Page::new(page)));
    scene.settle();
    assert_eq!([scene.held(0, page), scene.held(2, page)], [Held::Read, Held::Nothing]);
    assert_eq!(scene.nodes[0].coherence.holders(Page::new(page)), Some(hosts(1)));
}

#[test]
fn what_has_no_room_at_its_home_comes_to_a_host_that_has_some() {
    let mut scene = Scene::new(&config(64), 3, 0);
    let page = scene.page_at(0);
    scene.write(0, page, 5);
    scene.nodes[0].coherence.set_roomy(hosts(3).without(host(0)).without(host(1)));
    assert!(scene.nodes[0].coherence.evict(scene.now, Page::new(page)));
    assert_eq!(scene.nodes[0].coherence.giving_pages(), 1);
    scene.settle();
    assert_eq!(scene.nodes[0].coherence.giving_pages(), 0);
    assert_eq!([0, 1, 2].map(|at| scene.held(at, page)), [Held::Nothing, Held::Nothing, Held::Write]);
    // The home has no room for what others give back either, but for what nobody else can take.
    scene.write(1, page, 6);
    assert!(scene.nodes[1].coherence.evict(scene.now, Page::new(page)));
    scene.settle();
    assert_eq!([0, 1, 2].map(|at| scene.held(at, page)), [Held::Nothing, Held::Nothing, Held::Write]);
    assert!(scene.nodes[2].coherence.evict(scene.now, Page::new(page)));
    scene.settle();
    assert_eq!([0, 1, 2].map(|at| scene.held(at, page)), [Held::Write, Held::Nothing, Held::Nothing]);
    assert_eq!(scene.read(2, page), 6);
}

#[test]
fn a_host_that_leaves_gives_back_everything() {
    let mut scene = Scene::new(&config(1_000), 3, 1_000);
    scene.nodes[0].coherence.drain(scene.now);
    assert!(!scene.nodes[0].coherence.is_drained());
    let most = scene.nodes[0].coherence.giving.len();
    assert_eq!(most, 64);
    scene.settle();
    assert!(scene.nodes[0].coherence.is_drained());
    let [left, right] = [1, 2].map(|at| scene.nodes[at].coherence.held_pages());
    assert_eq!(left + right, 1_000);
    assert!(left > 400 && right > 400, "{left} and {right} are about as many");
    for node in &mut scene.nodes {
        node.coherence.quiesce();
        assert!(node.coherence.is_quiet());
    }
    let stay = hosts(3).without(host(0));
    for node in &mut scene.nodes {
        node.coherence.begin_epoch(scene.now, Epoch::new(2), stay);
    }
    scene.nodes.iter_mut().for_each(|node| node.coherence.resume(scene.now));
    scene.settle();
    for page in 0..1_000 {
        assert_eq!(scene.read(1, page), 11);
    }
}

#[test]
fn what_only_the_dead_had_is_lost() {
    let mut scene = Scene::new(&impatient(64), 3, 0);
    let (mine, home_dead) = (scene.page_at(1), scene.page_at(0));
    scene.write(0, mine, 1);
    scene.write(1, home_dead, 2);
    for at in [1, 2] {
        let coherence = &mut scene.nodes[at].coherence;
        coherence.begin_epoch_without(scene.now, Epoch::new(2), hosts(1));
    }
    scene.settle();
    scene.want(2, mine, Want::Read);
    assert_eq!(scene.nodes[2].lost, [Page::new(mine)]);
    // What somebody else had is still there, though its home is not.
    assert_eq!(scene.read(2, home_dead), 2);
    // And what nobody ever had is still zero, if its home lives.
    let others = (0..64).map(Page::new).filter(|page| page.get() != mine);
    let before = Scene::new(&impatient(64), 3, 0);
    let dormant = others.clone().find(|page| before.nodes[0].coherence.home(*page) == host(2)).unwrap();
    assert_eq!(scene.read(1, dormant.get()), 0);
    let unknown = others
        .clone()
        .find(|page| before.nodes[0].coherence.home(*page) == host(0) && page.get() != home_dead);
    scene.want(1, unknown.unwrap().get(), Want::Read);
    assert_eq!(scene.nodes[1].lost, [unknown.unwrap()]);
}

#[test]
fn a_page_takes_24_bytes() {
    let config = CoherenceConfig::new(65_536);
    let alone = Coherence::new(config.clone(), host(0), hosts(1), Epoch::new(1), host(0), |_| true);
    assert!(alone.directory_bytes() <= 24 * 65_536, "{}", alone.directory_bytes());
    // Of pages that nobody ever had there is no entry.
    let fresh = Coherence::new(config, host(0), hosts(1), Epoch::new(1), host(0), |_| false);
    assert!(fresh.directory_bytes() <= 9 * 65_536, "{}", fresh.directory_bytes());
}

#[test]
fn a_grant_without_data_takes_40_bytes() {
    let mut scene = Scene::new(&config(64), 2, 0);
    let page = scene.page_at(1);
    scene.nodes[0].coherence.want(scene.now, Page::new(page), Want::Read);
    let mut sizes = Vec::new();
    for (from, to) in [(0, 1), (1, 0)] {
        let Some(Output::Send { message, .. }) = scene.nodes[from].coherence.poll() else {
            panic!("it asks")
        };
        assert_eq!(message.page(), Some(Page::new(page)));
        sizes.push(borsh::to_vec(&message).unwrap().len());
        scene.nodes[to].coherence.receive(scene.now, host(from as u8), message).unwrap();
    }
    assert!(sizes.iter().all(|size| *size <= 40), "{sizes:?}");
}

#[test]
fn what_is_wanted_in_the_quiet_comes_after_it() {
    let mut scene = Scene::new(&config(64), 2, 0);
    let page = scene.page_at(1);
    scene.nodes[0].coherence.quiesce();
    assert_eq!(scene.want(0, page, Want::Write), 0);
    assert!(scene.nodes[0].coherence.is_quiet());
    scene.nodes[0].coherence.resume(scene.now);
    scene.settle();
    assert_eq!(scene.held(0, page), Held::Write);
}

#[test]
fn what_is_not_acknowledged_is_said_again() {
    let mut scene = Scene::new(&config(64), 2, 0);
    let page = scene.page_at(1);
    scene.nodes[0].coherence.want(scene.now, Page::new(page), Want::Write);
    // The question is lost.
    assert!(matches!(scene.nodes[0].coherence.poll(), Some(Output::Send { .. })));
    scene.pass(Duration::from_millis(199));
    assert_eq!(scene.held(0, page), Held::Nothing);
    scene.pass(Duration::from_millis(1));
    assert_eq!(scene.held(0, page), Held::Write);
    scene.pass(Duration::from_millis(50));
    scene.pass(Duration::from_secs(1));
    assert!(scene.nodes.iter().all(|node| node.coherence.is_heard()));
    assert!(scene.nodes.iter().all(|node| node.coherence.next_event().is_none()), "all is said and heard");
    assert_eq!(scene.nodes[0].coherence.counters().retries, 1);
}

#[test]
fn a_message_is_taken_once() {
    let mut scene = Scene::new(&config(64), 2, 0);
    let page = scene.page_at(1);
    scene.nodes[0].coherence.want(scene.now, Page::new(page), Want::Write);
    let Some(Output::Send { message, .. }) = scene.nodes[0].coherence.poll() else { panic!("it asks") };
    let home = &mut scene.nodes[1].coherence;
    assert_eq!(home.receive(scene.now, host(0), message.clone()), Ok(()));
    assert_eq!(home.receive(scene.now, host(0), message.clone()), Err(Refused::Repeated));
    assert_eq!(home.receive(scene.now, host(9), message), Err(Refused::Stranger(host(9))));
    assert_eq!((home.counters().messages, home.counters().repeated, home.counters().refusals), (1, 1, 1));
}

#[test]
#[should_panic(expected = "a page is released when that was to be done")]
fn what_was_not_to_be_released_is_not() {
    let mut scene = Scene::new(&config(64), 2, 0);
    scene.nodes[0].coherence.released(Instant::ZERO, Page::new(0), Released::default());
}
