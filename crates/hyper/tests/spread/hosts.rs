//! Computers that several hosts share, all of them in this process.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use ironloom_core::{Instant, WallClock};
use ironloom_hyper::Computer;
use ironloom_hyper::cluster::{HostId, HostSet};
use ironloom_hyper::computer::{Host, Pause, Post, Share};

/// What a host is sent: a message and who says it, or `None` when nobody says anything any more.
type Mail = Option<(HostId, Vec<u8>)>;

/// Carries messages by a queue for each host, which a thread of its own empties.
#[derive(Debug)]
struct Wires {
    from: HostId,
    queues: Vec<Sender<Mail>>,
}

impl Post for Wires {
    fn send(&self, to: HostId, message: &[u8]) {
        let queue = &self.queues[usize::from(to.number())];
        // Whoever fell over listens no more, and says so himself.
        let _ = queue.send(Some((self.from, message.to_vec())));
    }
}

/// A computer that several hosts share.
pub(crate) struct Hosts {
    pub(crate) computers: Vec<Computer>,
    pub(crate) hosts: Vec<Arc<Host>>,
    queues: Vec<Sender<Mail>>,
    carriers: Vec<JoinHandle<()>>,
}

impl Hosts {
    /// Makes one computer of several that were made and booted alike.
    pub(crate) fn join(computers: Vec<Computer>, change: impl Fn(&mut Share)) -> Self {
        Self::join_by(computers, change, |_, wires| wires)
    }

    /// The same, with something put between each host and what carries its messages.
    pub(crate) fn join_by(
        mut computers: Vec<Computer>,
        change: impl Fn(&mut Share),
        between: impl Fn(HostId, Arc<dyn Post>) -> Arc<dyn Post>,
    ) -> Self {
        let ids: HostSet = (0..computers.len() as u8).filter_map(HostId::new).collect();
        let (queues, ends): (Vec<_>, Vec<_>) = ids.iter().map(|_| channel()).unzip();
        let known: Vec<Arc<OnceLock<Arc<Host>>>> = ids.iter().map(|_| Arc::default()).collect();
        let carriers = ends.into_iter().zip(&known).map(|(end, host)| carry(end, host.clone())).collect();
        let mut hosts = Vec::new();
        for (from, computer) in ids.iter().zip(&mut computers) {
            let mut share = Share::new(from, ids, computer);
            change(&mut share);
            let wires = Arc::new(Wires { from, queues: queues.clone() });
            let post = between(from, wires);
            hosts.push(computer.join(share, post, Arc::new(WallClock::start())).unwrap());
        }
        for (place, host) in known.iter().zip(&hosts) {
            place.set(host.clone()).unwrap();
        }
        Self { computers, hosts, queues, carriers }
    }

    /// Lets the guest's time go by on all hosts.
    pub(crate) fn run_until(&mut self, deadline: Instant) -> Vec<Pause> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = self
                .computers
                .iter_mut()
                .map(|computer| scope.spawn(move || computer.run_freely_until(deadline).unwrap()))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for queue in &self.queues {
            let _ = queue.send(None);
        }
        for carrier in self.carriers.drain(..) {
            let _ = carrier.join();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "it is joined when the hosts are dropped")]
fn carry(end: Receiver<Mail>, host: Arc<OnceLock<Arc<Host>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for (from, message) in std::iter::from_fn(|| end.recv().ok().flatten()) {
            host.wait().receive(from, &message);
        }
    })
}
