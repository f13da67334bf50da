//! Hosts that die, sleep, or cannot be reached.

use std::io::Read as _;
use std::net::{Shutdown, TcpListener, TcpStream};

use super::*;
use crate::cluster::link::LinkFault;

/// Carries bytes between whoever connects and a host, until it is told to stop; how many it carries is limited.
struct Proxy {
    address: SocketAddr,
    streams: Receiver<(TcpStream, TcpStream)>,
}

impl Proxy {
    fn new(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, streams) = channel();
        let serve = move || {
            for near in listener.incoming() {
                let (near, far) = (near.unwrap(), TcpStream::connect(target).unwrap());
                let pair = (near.try_clone().unwrap(), far.try_clone().unwrap());
                let (near_again, far_again) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                start(move || copy(near, far));
                start(move || copy(far_again, near_again));
                if tell.send(pair).is_err() {
                    return;
                }
            }
        };
        start(serve);
        Self { address, streams }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    // Whichever side ends it, there is nothing more to carry.
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}

#[expect(clippy::disallowed_methods, reason = "it ends with the streams that it serves")]
fn start(work: impl FnOnce() + Send + 'static) {
    std::thread::spawn(work);
}

#[test]
fn a_host_that_sleeps_costs_no_more_than_it_may() {
    let gate = Arc::new((parking_lot::Mutex::new(false), parking_lot::Condvar::new()));
    let open = Arc::clone(&gate);
    let asleep = Links::listen(config(0), "127.0.0.1:0", move |_, _, event| {
        if let Event::Message(_) = event {
            let mut is_open = open.0.lock();
            while !*is_open {
                open.1.wait(&mut is_open);
            }
        }
    })
    .unwrap();
    let limit = 256 << 10;
    let mut narrow = config(1);
    narrow.backlog_bytes_max = limit;
    let me = Listener::new(narrow);
    me.links.connect(host(0), asleep.address()).unwrap();
    assert_eq!(me.next(), Heard::Up);
    let mut sent = 0;
    let failed = loop {
        assert!(me.links.backlog_bytes(host(0)) <= limit);
        match me.links.send(host(0), &[0; 4_096]) {
            Ok(()) => sent += 4_096,
            Err(error) => break error,
        }
        assert!(sent < 1 << 30, "the host of this test has too much room");
    };
    assert_eq!(failed, LinkError::Backlog { limit: limit as u64 });
    assert_eq!(me.next(), Heard::Down(failed));
    *gate.0.lock() = true;
    gate.1.notify_all();
    // It is dialled again, and works as before.
    assert_eq!(me.next(), Heard::Up);
}

#[test]
fn a_host_that_is_slow_hears_everything() {
    let (tell, heard) = channel();
    let slow = Links::listen(config(0), "127.0.0.1:0", move |_, _, event| {
        if let Event::Message(bytes) = event {
            (0..200).for_each(|_| std::thread::yield_now());
            tell.send(u32::from_le_bytes(bytes[..4].try_into().unwrap())).unwrap();
        }
    })
    .unwrap();
    let me = Listener::new(config(1));
    me.links.connect(host(0), slow.address()).unwrap();
    let mut page = vec![0; 40_000];
    let mut waited = 0;
    for number in 0..300_u32 {
        page[..4].copy_from_slice(&number.to_le_bytes());
        me.links.send(host(0), &page).unwrap();
        waited = waited.max(me.links.backlog_bytes(host(0)));
    }
    assert!(waited > 0, "the sockets take everything at once");
    for number in 0..300 {
        assert_eq!(heard.recv_timeout(PATIENCE), Ok(number));
    }
    until("nothing waits", || me.links.backlog_bytes(host(0)) == 0);
}

#[test]
fn a_host_that_dies_in_the_middle_of_a_frame_is_noticed() {
    let to = Listener::new(config(0));
    let proxy = Proxy::new(to.address());
    let from = Listener::new(config(1));
    from.links.connect(host(0), proxy.address).unwrap();
    assert_eq!((from.next(), to.next()), (Heard::Up, Heard::Up));
    for _ in 0..20 {
        let (near, far) = proxy.streams.recv_timeout(PATIENCE).unwrap();
        from.links.send(host(0), b"whole").unwrap();
        assert_eq!(to.next(), Heard::Said(b"whole".to_vec()));
        // Some of it is on its way when the network breaks.
        for _ in 0..20 {
            let _ = from.links.send(host(0), &[3; 500_000]);
        }
        far.shutdown(Shutdown::Both).unwrap();
        let _ = near.shutdown(Shutdown::Both);
        let mut heard = to.next();
        while heard == Heard::Said(vec![3; 500_000]) {
            heard = to.next();
        }
        assert!(
            matches!(
                heard,
                Heard::Down(
                    LinkError::Truncated | LinkError::Network(_) | LinkError::Closed | LinkError::Replaced
                )
            ),
            "{heard:?}"
        );
        assert!(matches!(from.next(), Heard::Down(_)));
        assert_eq!((from.next(), to.next()), (Heard::Up, Heard::Up));
    }
}

#[test]
fn who_connects_and_says_nothing_is_closed() {
    let mut hasty = config(0);
    hasty.handshake_timeout = Duration::from_millis(60);
    let to = Listener::new(hasty);
    let mut silent = TcpStream::connect(to.address()).unwrap();
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(silent.read(&mut [0; 8]).unwrap(), 0);
    until("it is counted", || to.links.counts().faults(LinkFault::Late) == 1);
}

#[test]
fn who_is_dialled_and_says_nothing_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut hasty = config(0);
    hasty.handshake_timeout = Duration::from_millis(50);
    hasty.connect_timeout = Duration::from_millis(120);
    let me = Listener::new(hasty);
    assert_eq!(me.links.connect(host(1), silent.local_addr().unwrap()), Err(LinkError::Late));
    // Nobody is there at all.
    let nowhere = silent.local_addr().unwrap();
    drop(silent);
    let refused = LinkError::Network(std::io::ErrorKind::ConnectionRefused);
    assert_eq!(me.links.connect(host(1), nowhere), Err(refused));
}

#[test]
fn a_host_that_comes_late_is_waited_for() {
    let place = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = place.local_addr().unwrap();
    let me = Listener::new(config(1));
    let links = &me.links;
    std::thread::scope(|scope| {
        let connected = scope.spawn(|| links.connect(host(0), address));
        until("it is tried", || links.counts().faults(LinkFault::Network) == 0);
        drop(place);
        until("it is refused", || {
            let counts = links.counts();
            counts.faults(LinkFault::Network) + counts.faults(LinkFault::Truncated) > 1
        });
        let late = Links::listen(config(0), address, |_, _, _| {}).unwrap();
        assert_eq!(connected.join().unwrap(), Ok(()));
        drop(late);
    });
}

#[test]
fn closing_ends_every_thread_whoever_closes() {
    let (tell, told) = channel::<Arc<parking_lot::Mutex<Option<Links>>>>();
    let told = parking_lot::Mutex::new(told);
    let low = Links::listen(config(0), "127.0.0.1:0", move |_, _, event| {
        if let Event::Message(_) = event {
            // The handler itself lets go of the links.
            let links = told.lock().recv().unwrap().lock().take();
            drop(links);
        }
    })
    .unwrap();
    let high = Listener::new(config(1));
    high.links.connect(host(0), low.address()).unwrap();
    assert_eq!(high.next(), Heard::Up);
    tell.send(Arc::new(parking_lot::Mutex::new(Some(low)))).unwrap();
    high.links.send(host(0), b"close").unwrap();
    assert!(matches!(high.next(), Heard::Down(_)));
    high.links.close();
    assert_eq!(high.links.connect(host(0), high.address()), Err(LinkError::ClosedHere));
    assert_eq!(high.heard.try_iter().count(), 0, "nothing is told any more");
}
