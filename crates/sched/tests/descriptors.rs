//! Descriptors: none is left behind, and a listener survives that there are none.
//!
//! A program of its own with one test, because it counts and limits what the whole process has.
#![cfg(target_os = "linux")]

use std::future::poll_fn;
use std::net::{Ipv4Addr, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use ironloom_core::Duration;
use ironloom_sched::reactor::{AcceptError, Address, Config, Listener, Reactor, Socket};

/// So long nothing happens only if a wake-up was lost.
const FOR_EVER: Duration = Duration::from_secs(20);

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// Runs a future on this thread, and the reactor whenever it waits.
fn block_on<T>(reactor: &Reactor, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let flag = Arc::new(Flag::default());
    let waker = Waker::from(Arc::clone(&flag));
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        while !flag.0.swap(false, Ordering::Acquire) {
            let ready = reactor.turn(Some(FOR_EVER)).unwrap();
            assert!(ready > 0 || flag.0.load(Ordering::Acquire), "nothing happens any more");
        }
    }
}

type Accepted = Result<(Socket, Address), AcceptError>;

fn accept(reactor: &Reactor, listener: &Listener) -> Accepted {
    block_on(reactor, poll_fn(|context| listener.poll_accept(context)))
}

/// One try, and whether the waker was called since the last one.
struct Attempts<'a> {
    listener: &'a Listener,
    flag: Arc<Flag>,
}

impl Attempts<'_> {
    fn again(&self) -> Poll<Accepted> {
        let waker = Waker::from(Arc::clone(&self.flag));
        self.listener.poll_accept(&mut Context::from_waker(&waker))
    }

    fn was_woken(&self) -> bool {
        self.flag.0.swap(false, Ordering::Acquire)
    }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Takes the descriptors away that are left beyond the next few.
fn limit_to(count: u64) {
    let (_, hard) = rlimit::Resource::NOFILE.get().unwrap();
    rlimit::Resource::NOFILE.set(count, hard).unwrap();
}

#[test]
fn descriptors_are_given_back_and_waited_for() {
    let before = descriptors();
    connections_leave_nothing_behind();
    assert_eq!(descriptors(), before);
    a_listener_waits_for_a_descriptor();
    a_listener_tries_again_when_told();
    assert_eq!(descriptors(), before);
}

/// A thousand connections end in each way that there is: by us, by the peer, waiting, or never accepted.
fn connections_leave_nothing_behind() {
    let reactor = Reactor::new(&Config::default()).unwrap();
    let listener = Listener::bind(&reactor, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = listener.local_address().unwrap().tcp().unwrap();
    let mut context = Context::from_waker(Waker::noop());
    for round in 0..1_000 {
        let peer = TcpStream::connect(address).unwrap();
        if round % 5 == 4 {
            continue;
        }
        let (socket, _) = accept(&reactor, &listener).unwrap();
        match round % 5 {
            0 => drop(peer),
            1 => drop(socket.poll_read_slice(&mut context, &mut [0])),
            2 => drop(block_on(&reactor, Socket::connect(&reactor, address).unwrap()).unwrap()),
            _ => drop(Socket::connect(&reactor, address).unwrap()),
        }
    }
    assert!(reactor.syscalls().registrations > 0);
    assert_eq!(reactor.sources(), 0, "who waited is gone, and the listener never had to");
}

/// The lack of descriptors is told once, asked about no more, and over when a socket is dropped.
fn a_listener_waits_for_a_descriptor() {
    let reactor = Reactor::new(&Config::default()).unwrap();
    let listener = Listener::bind(&reactor, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = listener.local_address().unwrap().tcp().unwrap();
    let _peers: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
    let (first, _) = accept(&reactor, &listener).unwrap();

    let (soft, _) = rlimit::Resource::NOFILE.get().unwrap();
    limit_to(3);
    assert!(matches!(accept(&reactor, &listener), Err(AcceptError::OutOfDescriptors(_))));
    let attempts = Attempts { listener: &listener, flag: Arc::default() };
    let accepts = reactor.syscalls().accepts;
    while attempts.again().is_pending() && reactor.turn(Some(Duration::ZERO)).unwrap() > 0 {}
    assert!(attempts.again().is_pending(), "it is told once");
    assert!(reactor.syscalls().accepts <= accepts + 1, "nothing is asked for again and again");
    attempts.was_woken();
    limit_to(soft);
    drop(first);
    assert!(attempts.was_woken(), "a descriptor was freed");
    assert!(accept(&reactor, &listener).is_ok() && accept(&reactor, &listener).is_ok());
}

/// A descriptor that the reactor knows nothing of is free: somebody says so.
fn a_listener_tries_again_when_told() {
    let reactor = Reactor::new(&Config::default()).unwrap();
    let listener = Listener::bind(&reactor, (Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let _peer = TcpStream::connect(listener.local_address().unwrap().tcp().unwrap()).unwrap();
    let (soft, _) = rlimit::Resource::NOFILE.get().unwrap();
    limit_to(3);
    assert!(matches!(accept(&reactor, &listener), Err(AcceptError::OutOfDescriptors(_))));
    limit_to(soft);
    let attempts = Attempts { listener: &listener, flag: Arc::default() };
    assert!(attempts.again().is_pending() && !attempts.was_woken());
    listener.retry();
    assert!(attempts.was_woken());
    assert!(matches!(attempts.again(), Poll::Ready(Ok(_))));
}
