//! A link says each thing once and in order, whatever the network does.

use std::sync::Arc;

use ironloom_core::{Duration, Instant, Rng, Seed};

use crate::coherence::Page;
use crate::coherence::link::{Link, Numbered, WINDOW};
use crate::coherence::message::Body;

const RETRY: Duration = Duration::from_millis(200);

fn said(number: u64) -> Arc<Body> {
    Arc::new(Body::Give { page: Page::new(number as u32) })
}

/// Two ends, of which one speaks; and what is on its way.
struct Pair {
    rng: Rng,
    now: Instant,
    source: Link,
    target: Link,
    network: Vec<Numbered>,
    heard: Vec<Arc<Body>>,
    timeouts: u32,
}

impl Pair {
    fn new(seed: u64) -> Self {
        let rng = Rng::new(Seed::new(seed));
        let (source, target) = (Link::new(), Link::new());
        Self { rng, now: Instant::ZERO, source, target, network: Vec::new(), heard: Vec::new(), timeouts: 0 }
    }

    /// Delivers everything, in any order, but for so many of a thousand, and then acknowledges.
    fn deliver(&mut self, lost: u64, doubled: u64) {
        let mut network = std::mem::take(&mut self.network);
        self.rng.shuffle(&mut network);
        for (number, body) in network {
            let times =
                u64::from(self.rng.below(1_000) >= lost) * (1 + u64::from(self.rng.below(1_000) < doubled));
            for _ in 0..times {
                if self.target.take_in_order(self.now, RETRY, number) {
                    self.heard.push(Arc::clone(&body));
                } else {
                    let _ = self.target.take(self.now, RETRY, number, Arc::clone(&body));
                }
                self.heard.extend(std::iter::from_fn(|| self.target.due()));
            }
        }
        let (heard, network) = (self.target.acknowledge(), &mut self.network);
        self.source.hear(self.now, RETRY, heard, |numbered| network.push(numbered)).unwrap();
    }

    fn say(&mut self, messages: u64) {
        for number in 0..messages {
            self.network.extend(self.source.say(self.now, RETRY, said(number)));
        }
    }

    /// Goes on until all of so many messages were heard.
    fn run(&mut self, messages: u64, lost: u64, doubled: u64) {
        assert!(self.network.len() as u64 <= WINDOW, "no more is on its way than the other one takes");
        while !self.source.is_heard() {
            while !self.network.is_empty() {
                self.deliver(lost, doubled);
            }
            if let Some(due) = self.source.next_event() {
                self.now = due;
                let network = &mut self.network;
                self.timeouts += u32::from(self.source.wake(due, RETRY, |numbered| network.push(numbered)));
            }
        }
        assert!(self.heard.iter().zip(0..).all(|(body, number)| *body == said(number)), "in order");
        assert_eq!(self.heard.len() as u64, messages);
    }
}

#[test]
fn all_is_heard_once_and_in_order() {
    for seed in 0..50 {
        let mut pair = Pair::new(seed);
        pair.say(3_000);
        pair.run(3_000, seed % 10 * 20, 100);
        assert!(seed % 10 != 0 || pair.timeouts == 0, "nothing is sent again that was not lost");
    }
}

#[test]
fn what_was_lost_together_is_repaired_together() {
    let mut pair = Pair::new(1);
    pair.say(WINDOW);
    pair.network.clear();
    pair.run(WINDOW, 0, 0);
    assert_eq!(pair.timeouts, 1);
}

#[test]
fn what_cannot_be_is_refused() {
    let mut link = Link::new();
    assert!(link.hear(Instant::ZERO, RETRY, 1, |_| {}).is_err());
    assert!(link.take(Instant::ZERO, RETRY, WINDOW + 1, said(0)).is_err());
    assert!(link.take(Instant::ZERO, RETRY, WINDOW, said(0)).is_ok());
    assert!(link.take(Instant::ZERO, RETRY, WINDOW, said(0)).is_err());
    assert!(link.due().is_none());
}
