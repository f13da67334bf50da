//! Hosts that do not keep to the protocol: nothing they say makes this one panic, or remember without end.

use std::sync::Arc;

use ironloom_blob::BlobId;
use ironloom_core::{Duration, Instant, Rng, Seed};

use super::world::{Node, config, host, hosts};
use crate::PAGE_BYTES;
use crate::cluster::{Epoch, HostId};
use crate::coherence::message::Body;
use crate::coherence::{Content, Held, Message, Page, Version, Want};

/// Something that a host may say, or not.
fn anything(rng: &mut Rng) -> Body {
    // There are 8 pages, and 3 hosts.
    let page = |rng: &mut Rng| Page::new(rng.below(10) as u32);
    let version = |rng: &mut Rng| Version::new(rng.below(4) as u32);
    let has = |rng: &mut Rng| rng.chance(1, 2).then(|| Version::new(rng.below(4) as u32));
    let want = if rng.chance(1, 2) { Want::Read } else { Want::Write };
    let held = if rng.chance(1, 2) { Held::Read } else { Held::Write };
    let to = host(rng.below(4) as u8);
    let acknowledgements = rng.below(5) as u8;
    let changed = rng.chance(1, 2);
    let content = match rng.below(5) {
        0 => Content::Same,
        1 => Content::Zeroes,
        3 => Content::Stored(BlobId::of(b"perhaps")),
        2 => {
            let mut changed = [0; PAGE_BYTES as usize];
            changed[rng.below(PAGE_BYTES) as usize] = 1;
            Content::since(&[0; PAGE_BYTES as usize], &changed)
        }
        _ => Content::of(&[1; PAGE_BYTES as usize]),
    };
    match rng.below(13) {
        0 => Body::Want { page: page(rng), want, has: has(rng) },
        1 => Body::WantAhead { want, pages: (0..rng.range(1..5)).map(|_| (page(rng), has(rng))).collect() },
        2 => Body::Give { page: page(rng) },
        3 => Body::Take { page: page(rng) },
        4 => Body::Forward { page: page(rng), to, held, has: has(rng), acknowledgements },
        5 => Body::Invalidate { page: page(rng), to },
        6 | 7 => {
            Body::Grant { page: page(rng), held, version: version(rng), acknowledgements, changed, content }
        }
        8 => Body::Acknowledge { page: page(rng) },
        9 => Body::Confirm { page: page(rng), version: version(rng), changed },
        10 => Body::Lost { page: page(rng) },
        11 => Body::Report { pages: (0..3).map(|_| (page(rng), held, version(rng))).collect() },
        _ => Body::Settled,
    }
}

struct Liars {
    rng: Rng,
    node: Node,
    now: Instant,
    said: [u64; 3],
}

impl Liars {
    fn speak(&mut self) {
        let rng = &mut self.rng;
        let from = if rng.chance(1, 20) { 7 } else { rng.range(1..3) as u8 };
        let ordinary = rng.chance(9, 10);
        let sequence = match self.said.get_mut(usize::from(from)) {
            Some(said) if ordinary => {
                *said += 1;
                *said
            }
            _ => rng.below(3_000),
        };
        let heard = if rng.chance(1, 10) { rng.below(20) } else { 0 };
        let epoch = self.node.coherence.epoch();
        let epoch = if rng.chance(1, 20) { Epoch::new(rng.below(8)) } else { epoch };
        let body = Arc::new(if sequence == 0 { Body::Heard } else { anything(rng) });
        let _ = self.node.coherence.receive(self.now, host(from), Message { epoch, sequence, heard, body });
    }

    fn act(&mut self) {
        let (page, rng) = (Page::new(self.rng.below(8) as u32), &mut self.rng);
        let coherence = &mut self.node.coherence;
        match rng.below(8) {
            0 => drop(coherence.want(self.now, page, Want::Read)),
            1 => drop(coherence.want(self.now, page, Want::Write)),
            2 => drop(coherence.evict(self.now, page)),
            3 => coherence.want_ahead(self.now, &[page], Want::Read),
            4 if rng.chance(1, 50) => coherence.drain(self.now),
            5 if rng.chance(1, 50) && coherence.hosts().len() == 3 => {
                self.said = [0; 3];
                let (epoch, dead) = (coherence.epoch().next(), hosts(3).without(host(0)).without(host(1)));
                coherence.begin_epoch_without(self.now, epoch, dead);
            }
            6 if !self.node.releases.is_empty() => self.node.release(self.now, 0),
            _ => {
                self.now = self.now.saturating_add(Duration::from_micros(rng.below(60_000)));
                coherence.wake(self.now);
            }
        }
    }
}

#[test]
fn lies_are_counted_and_come_to_nothing() {
    let mut refusals = 0;
    for seed in 0..400 {
        let node = Node::new(&config(8), host(0), hosts(3), 4);
        let rng = Rng::new(Seed::new(seed));
        let mut liars = Liars { rng, node, now: Instant::ZERO, said: [0; 3] };
        for _ in 0..500 {
            if liars.rng.chance(3, 4) {
                liars.speak();
            } else {
                liars.act();
            }
            liars.node.settle(|to: HostId, _| assert!(to != host(0), "nobody sends to itself"));
        }
        let counters = liars.node.coherence.counters();
        refusals += counters.refusals;
        assert!(counters.messages + counters.repeated + counters.refusals >= 300);
    }
    assert!(refusals > 20_000, "{refusals}");
}

#[test]
fn bytes_that_are_no_message_are_none() {
    let mut rng = Rng::new(Seed::new(1));
    let mut sound = 0;
    for _ in 0..20_000 {
        let epoch = Epoch::new(1);
        let body = Arc::new(anything(&mut rng));
        let mut bytes =
            borsh::to_vec(&Message { epoch, sequence: 1, heard: 0, body: Arc::clone(&body) }).unwrap();
        let read: Message = borsh::from_slice(&bytes).unwrap();
        assert_eq!(*read.body, *body);
        let place = rng.below(bytes.len() as u64) as usize;
        bytes[place] ^= 1 << rng.below(8);
        sound += u32::from(borsh::from_slice::<Message>(&bytes).is_ok());
        bytes.truncate(place);
        assert!(borsh::from_slice::<Message>(&bytes).is_err());
    }
    // What was changed in a page or a number is still a message.
    assert!((1_000..19_500).contains(&sound), "{sound}");
}

#[test]
fn lines_that_lie_are_no_message() {
    let lines = Content::since(&[0; PAGE_BYTES as usize], &{
        let mut page = [0; PAGE_BYTES as usize];
        page[0] = 1;
        page
    });
    let (page, held, version) = (Page::new(0), Held::Read, Version::new(1));
    let body =
        Arc::new(Body::Grant { page, held, version, acknowledgements: 0, changed: true, content: lines });
    let mut bytes = borsh::to_vec(&Message { epoch: Epoch::new(1), sequence: 1, heard: 0, body }).unwrap();
    assert!(borsh::from_slice::<Message>(&bytes).is_ok());
    // The mask says that there are two lines.
    let mask = bytes.len() - 64 - 4 - 8;
    bytes[mask] = 3;
    assert!(borsh::from_slice::<Message>(&bytes).is_err());
}

#[test]
fn what_a_host_has_waiting_is_limited() {
    let mut node = Node::new(&config(8), host(0), hosts(3), 8);
    let page = (0..8).map(Page::new).find(|page| node.coherence.home(*page) == host(0)).unwrap();
    for sequence in 1..10_000 {
        let body = Arc::new(Body::Want { page, want: Want::Write, has: None });
        let message = Message { epoch: Epoch::new(1), sequence, heard: 0, body };
        let _ = node.coherence.receive(Instant::ZERO, host(1), message);
    }
    // One is served, and one waits.
    assert!(node.coherence.counters().refusals >= 9_997);
    // Of an epoch that has not begun, some wait.
    for sequence in 1..10_000 {
        let message = Message { epoch: Epoch::new(5), sequence, heard: 0, body: Arc::new(Body::Settled) };
        let _ = node.coherence.receive(Instant::ZERO, host(1), message);
    }
    assert!(node.coherence.counters().refusals >= 9_997 + 8_000);
}
