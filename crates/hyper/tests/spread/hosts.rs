//! Computers that several hosts share, all of them in this process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use ironloom_core::{Instant, WallClock};
use ironloom_hyper::Computer;
use ironloom_hyper::cluster::{HostId, HostSet};
use ironloom_hyper::computer::{ComputerError, Host, Pause, Post, Share};
use parking_lot::Mutex;

/// What a host is sent: a message and who says it, or `None` when nobody says anything any more.
type Mail = Option<(HostId, Vec<u8>)>;

/// Carries messages by a queue for each host, which a thread of its own empties.
#[derive(Debug)]
struct Wires {
    from: HostId,
    queues: Arc<Mutex<Vec<Sender<Mail>>>>,
    /// Whether nobody hears from this host any more, nor it from others.
    silent: Arc<AtomicBool>,
}

impl Post for Wires {
    fn send(&self, to: HostId, message: &[u8]) {
        if self.silent.load(Ordering::SeqCst) {
            return;
        }
        let Some(queue) = self.queues.lock().get(usize::from(to.number())).cloned() else { return };
        // Whoever fell over listens no more, and says so himself.
        let _ = queue.send(Some((self.from, message.to_vec())));
    }
}

/// A computer that several hosts share.
pub(crate) struct Hosts {
    pub(crate) computers: Vec<Computer>,
    pub(crate) hosts: Vec<Arc<Host>>,
    queues: Arc<Mutex<Vec<Sender<Mail>>>>,
    silent: Vec<Arc<AtomicBool>>,
    carriers: Vec<JoinHandle<()>>,
}

impl Hosts {
    /// Makes one computer of several that were made and booted alike.
    pub(crate) fn join(computers: Vec<Computer>, change: impl Fn(&mut Share)) -> Self {
        Self::join_by(computers, change, |_, wires| wires)
    }

    /// The same, with something put between each host and what carries its messages.
    pub(crate) fn join_by(
        computers: Vec<Computer>,
        change: impl Fn(&mut Share),
        between: impl Fn(HostId, Arc<dyn Post>) -> Arc<dyn Post>,
    ) -> Self {
        let founders: HostSet = (0..computers.len() as u8).filter_map(HostId::new).collect();
        let mut hosts = Self {
            computers: Vec::new(),
            hosts: Vec::new(),
            queues: Arc::default(),
            silent: Vec::new(),
            carriers: Vec::new(),
        };
        let places: Vec<_> = computers.iter().map(|_| hosts.add_wire()).collect();
        for ((from, mut computer), place) in founders.iter().zip(computers).zip(places) {
            let mut share = Share::new(from, founders, &computer);
            change(&mut share);
            let post = between(from, hosts.wire(from));
            let host = computer.join(share, post, Arc::new(WallClock::start())).unwrap();
            place.set(host.clone()).unwrap();
            hosts.hosts.push(host);
            hosts.computers.push(computer);
        }
        hosts
    }

    /// Adds a host to a computer that will run; its place among them.
    pub(crate) fn add(&mut self, computer: Computer, change: impl Fn(&mut Share)) -> usize {
        self.add_silent(computer, change, false)
    }

    /// The same; if it is silent at first, it joins when it is so no more.
    pub(crate) fn add_silent(
        &mut self,
        mut computer: Computer,
        change: impl Fn(&mut Share),
        silent: bool,
    ) -> usize {
        let founder = self.hosts[0].share().clone();
        let mut share = Share { here: HostId::new(self.hosts.len() as u8).unwrap(), ..founder };
        change(&mut share);
        let place = self.add_wire();
        self.silent[self.hosts.len()].store(silent, Ordering::SeqCst);
        let (here, via) = (share.here, self.hosts[0].id());
        let clock = Arc::new(WallClock::start());
        let host = computer.join_running(share, via, self.wire(here), clock).unwrap();
        place.set(host.clone()).unwrap();
        self.hosts.push(host);
        self.computers.push(computer);
        self.hosts.len() - 1
    }

    fn add_wire(&mut self) -> Arc<OnceLock<Arc<Host>>> {
        let (queue, end) = channel();
        let (place, silent) = (Arc::new(OnceLock::new()), Arc::new(AtomicBool::new(false)));
        self.queues.lock().push(queue);
        self.carriers.push(carry(end, place.clone(), silent.clone()));
        self.silent.push(silent);
        place
    }

    fn wire(&self, from: HostId) -> Arc<Wires> {
        let silent = self.silent[usize::from(from.number())].clone();
        Arc::new(Wires { from, queues: self.queues.clone(), silent })
    }

    /// What makes a host silent and deaf when it is set.
    pub(crate) fn silence(&self, host: usize) -> Arc<AtomicBool> {
        self.silent[host].clone()
    }

    /// Lets the guest's time go by on all hosts.
    pub(crate) fn run_until(&mut self, deadline: Instant) -> Vec<Pause> {
        self.try_run_until(deadline).into_iter().map(Result::unwrap).collect()
    }

    pub(crate) fn try_run_until(&mut self, deadline: Instant) -> Vec<Result<Pause, ComputerError>> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = self
                .computers
                .iter_mut()
                .map(|computer| scope.spawn(move || computer.run_freely_until(deadline)))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for queue in self.queues.lock().drain(..) {
            let _ = queue.send(None);
        }
        for carrier in self.carriers.drain(..) {
            let _ = carrier.join();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "it is joined when the hosts are dropped")]
fn carry(end: Receiver<Mail>, host: Arc<OnceLock<Arc<Host>>>, silent: Arc<AtomicBool>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for (from, message) in std::iter::from_fn(|| end.recv().ok().flatten()) {
            if !silent.load(Ordering::SeqCst) {
                host.wait().receive(from, &message);
            }
        }
    })
}
