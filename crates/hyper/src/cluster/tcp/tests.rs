//! Links over the loopback: what is said arrives once and in order, and whoever means ill or has a bad day is survived.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration as StdDuration;

use ironloom_core::{Duration, MachineId, Rng, Seed};

use super::{Event, Links, LinksConfig};
use crate::cluster::HostId;
use crate::cluster::link::{Identity, Incarnation, LinkError, Secret};

mod bad_days;
mod basics;
mod hostile;

/// What a handler was told, with what was said in it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Heard {
    Up,
    Said(Vec<u8>),
    Down(LinkError),
}

/// A host that writes down what it hears.
struct Listener {
    links: Links,
    heard: Receiver<(HostId, Heard)>,
}

const PATIENCE: StdDuration = StdDuration::from_secs(10);

impl Listener {
    fn new(config: LinksConfig) -> Self {
        let (tell, heard): (Sender<(HostId, Heard)>, _) = channel();
        let links = Links::listen(config, "127.0.0.1:0", move |_, host, event| {
            let heard = match event {
                Event::Up { .. } => Heard::Up,
                Event::Message(bytes) => Heard::Said(bytes.to_vec()),
                Event::Down(error) => Heard::Down(error),
            };
            // The test may not listen any more.
            let _ = tell.send((host, heard));
        });
        Self { links: links.unwrap(), heard }
    }

    fn next(&self) -> Heard {
        self.heard.recv_timeout(PATIENCE).expect("something happens").1
    }

    fn address(&self) -> SocketAddr {
        self.links.address()
    }
}

fn host(number: u8) -> HostId {
    HostId::new(number).unwrap()
}

fn config(number: u8) -> LinksConfig {
    let machine = MachineId::random(&mut Rng::new(Seed::new(9)));
    let (run, secret) = (Incarnation::new(1), Secret::new(b"of these tests"));
    let mut config = LinksConfig::new(Identity { machine, here: host(number), run, secret });
    config.redial_first = Duration::from_millis(1);
    config
}

/// A host that answers whatever it is told.
fn echo(config: LinksConfig) -> Links {
    Links::listen(config, "127.0.0.1:0", |peers, from, event| {
        if let Event::Message(bytes) = event {
            // If the link is lost, so is the answer.
            let _ = peers.send(from, bytes);
        }
    })
    .unwrap()
}

/// Looks until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let gate = Arc::new((parking_lot::Mutex::new(()), parking_lot::Condvar::new()));
    for _ in 0..10_000 {
        if is_so() {
            return;
        }
        gate.1.wait_for(&mut gate.0.lock(), StdDuration::from_millis(1));
    }
    panic!("never: {what}");
}
