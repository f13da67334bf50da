//! Links between hosts that mean well.

use super::*;
use crate::cluster::HostSet;
use crate::cluster::link::LinkFault;

#[test]
fn what_is_said_is_answered() {
    let (echo, me) = (echo(config(0)), Listener::new(config(1)));
    me.links.connect(host(0), echo.address()).unwrap();
    assert_eq!(me.next(), Heard::Up);
    for size in [0, 1, 40, 4_096, 100_000, (1 << 20) - 4] {
        let said = vec![size as u8; size];
        me.links.send(host(0), &said).unwrap();
        assert_eq!(me.next(), Heard::Said(said));
    }
    let long = me.links.send(host(0), &vec![0; (1 << 20) - 3]);
    assert_eq!(long, Err(LinkError::Oversize { bytes: (1 << 20) + 1, limit: 1 << 20 }));
    me.links.send_all(host(0), &[b"one", b"two", &[7; 900_000], &[8; 900_000]]).unwrap();
    for said in [&b"one"[..], b"two", &[7; 900_000], &[8; 900_000]] {
        assert_eq!(me.next(), Heard::Said(said.to_vec()));
    }
    assert_eq!(me.links.counts().messages_sent, 10);
    assert_eq!(me.links.counts().messages_received, 10);
    drop(echo);
    assert_eq!(me.next(), Heard::Down(LinkError::Closed));
    until("the link is gone", || me.links.send(host(0), b"x") == Err(LinkError::Unlinked { host: host(0) }));
}

#[test]
fn many_threads_send_and_each_is_heard_in_order() {
    const THREADS: u32 = 4;
    const MESSAGES: u32 = 20_000;
    let (from, to) = (Listener::new(config(0)), Listener::new(config(1)));
    from.links.connect(host(1), to.address()).unwrap();
    assert_eq!(to.next(), Heard::Up);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let peers = from.links.peers().clone();
            scope.spawn(move || {
                for number in 0..MESSAGES {
                    let said = [thread.to_le_bytes(), number.to_le_bytes()].concat();
                    peers.send(host(1), &said).unwrap();
                }
            });
        }
        let mut next = [0; THREADS as usize];
        for _ in 0..THREADS * MESSAGES {
            let Heard::Said(said) = to.next() else { panic!("the link stands") };
            let field = |at: usize| u32::from_le_bytes(said[at..at + 4].try_into().unwrap());
            assert_eq!(field(4), next[field(0) as usize]);
            next[field(0) as usize] += 1;
        }
    });
}

#[test]
fn of_links_that_both_sides_dial_one_stays() {
    for round in 0..60 {
        let (low, high) = (Listener::new(config(3)), Listener::new(config(4)));
        let (from, to) = (&low.links, &high.links);
        std::thread::scope(|scope| {
            scope.spawn(|| from.connect(host(4), to.address()).unwrap());
            scope.spawn(|| to.connect(host(3), from.address()).unwrap());
        });
        // It stays once nothing is being made any more: then everything that is said arrives.
        let said = |from: &Listener, to: &Listener, what: &[u8]| {
            until("it arrives", || {
                let peer = to.links.here();
                let sent = from.links.send(peer, what).is_ok();
                sent && std::iter::from_fn(|| to.heard.recv_timeout(StdDuration::from_millis(20)).ok())
                    .any(|(_, heard)| heard == Heard::Said(what.to_vec()))
            });
        };
        said(&low, &high, b"down");
        said(&high, &low, b"up");
        assert_eq!(
            (low.links.linked(), high.links.linked()),
            (HostSet::EMPTY.with(host(4)), HostSet::EMPTY.with(host(3)))
        );
        let links = low.links.counts().links;
        assert!(links <= 2, "round {round}: {links} links were made");
    }
}

#[test]
fn a_link_that_is_lost_is_dialled_again() {
    let (low, high) = (Listener::new(config(0)), Listener::new(config(1)));
    high.links.connect(host(0), low.address()).unwrap();
    assert_eq!((low.next(), high.next()), (Heard::Up, Heard::Up));
    for _ in 0..50 {
        low.links.close_to(host(1));
        assert_eq!(low.next(), Heard::Down(LinkError::ClosedHere));
        assert!(matches!(high.next(), Heard::Down(_)));
        assert_eq!((low.next(), high.next()), (Heard::Up, Heard::Up));
    }
    high.links.close_to(host(0));
    assert_eq!(high.next(), Heard::Down(LinkError::ClosedHere));
    assert_eq!(low.next(), Heard::Down(LinkError::Closed));
    assert_eq!(
        low.links.wait_for(HostSet::EMPTY.with(host(1)), Duration::from_millis(30)),
        Err(LinkError::Unlinked { host: host(1) })
    );
}

#[test]
fn a_host_that_starts_again_takes_the_place_of_what_it_was() {
    let low = Listener::new(config(0));
    let run = |number| {
        let mut config = config(1);
        config.identity.run = Incarnation::new(number);
        Listener::new(config)
    };
    let first = run(5);
    first.links.connect(host(0), low.address()).unwrap();
    assert_eq!(low.next(), Heard::Up);
    let second = run(6);
    second.links.connect(host(0), low.address()).unwrap();
    assert_eq!((low.next(), low.next()), (Heard::Down(LinkError::Replaced), Heard::Up));
    // The first run dials again and is told that it is over.
    until("the first run gives up or is refused", || low.links.counts().faults(LinkFault::Stale) > 0);
    let third = run(4);
    assert_eq!(
        third.links.connect(host(0), low.address()),
        Err(LinkError::Refused(crate::cluster::link::Refusal::Stale))
    );
    second.links.send(host(0), b"still here").unwrap();
    assert_eq!(low.next(), Heard::Said(b"still here".to_vec()));
}

#[test]
fn who_is_not_expected_is_refused() {
    let mut narrow = config(0);
    narrow.hosts = HostSet::EMPTY.with(host(1));
    let low = Listener::new(narrow);
    let (one, two) = (Listener::new(config(1)), Listener::new(config(2)));
    one.links.connect(host(0), low.address()).unwrap();
    let refused = two.links.connect(host(0), low.address());
    assert_eq!(refused, Err(LinkError::Refused(crate::cluster::link::Refusal::UnknownHost)));
    low.links.expect(HostSet::EMPTY.with(host(2)));
    two.links.connect(host(0), low.address()).unwrap();
    until("host 1 is not let in", || low.links.counts().faults(LinkFault::UnknownHost) >= 2);
    // Who dialled knows that a link stands a moment before who was dialled.
    until("host 2 is let in alone", || low.links.linked() == HostSet::EMPTY.with(host(2)));
}

#[test]
fn a_handler_may_close_everything() {
    let closing = Links::listen(config(0), "127.0.0.1:0", |peers, from, event| {
        if let Event::Message(_) = event {
            peers.close_to(from);
        }
    })
    .unwrap();
    let me = Listener::new(config(1));
    me.links.connect(host(0), closing.address()).unwrap();
    assert_eq!(me.next(), Heard::Up);
    me.links.send(host(0), b"go").unwrap();
    assert!(matches!(me.next(), Heard::Down(_)));
    assert_eq!(me.next(), Heard::Up);
    let waits = me.links.connect(host(1), me.address());
    assert_eq!(waits, Err(LinkError::Reflected));
}
