//! Turns: who may be in one, what ends one, and what happens to wakers that misbehave.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

#[test]
fn a_notification_ends_a_turn_and_only_one() {
    let reactor = reactor();
    let notifier = reactor.notifier();
    for _ in 0..10 {
        notifier.notify();
    }
    assert_eq!(reactor.turn(None).unwrap(), 0, "without the notification it would sleep for ever");
    assert_eq!(reactor.syscalls().notifications, 0, "nobody slept, so the host was not asked");
    std::thread::scope(|scope| {
        scope.spawn(|| notifier.notify());
        assert_eq!(reactor.turn(None).unwrap(), 0);
    });
}

/// Two threads hand a turn over again and again: neither sleeps through a notification.
#[test]
fn no_notification_is_slept_through() {
    const ROUNDS: usize = 20_000;
    let reactors = [reactor(), reactor()];
    let round = std::sync::atomic::AtomicUsize::new(0);
    let play = |player: usize| {
        let other = reactors[1 - player].notifier();
        for mine in (player..ROUNDS).step_by(2) {
            while round.load(Ordering::Acquire) != mine {
                reactors[player].turn(None).unwrap();
            }
            round.store(mine + 1, Ordering::Release);
            other.notify();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| play(0));
        play(1);
    });
    assert_eq!(round.into_inner(), ROUNDS);
}

#[test]
fn only_one_thread_is_in_a_turn() {
    let reactor = reactor();
    let busy = reactor.turner.lock();
    assert!(reactor.try_turn(Some(Duration::ZERO)).is_none());
    drop(busy);
    assert_eq!(reactor.try_turn(Some(Duration::ZERO)).unwrap().unwrap(), 0);
}

#[test]
fn a_timeout_ends_a_turn() {
    assert_eq!(reactor().turn(Some(Duration::from_millis(1))).unwrap(), 0);
}

#[test]
fn a_turn_fetches_no_more_than_it_may() {
    let reactor = Reactor::new(&Config { events_max: 3, sources_max: 100 }).unwrap();
    let pairs: Vec<(Socket, Socket)> = (0..5).map(|_| unix_pair(&reactor)).collect();
    let mut context = Context::from_waker(Waker::noop());
    for (near, far) in &pairs {
        assert!(near.poll_read_slice(&mut context, &mut [0]).is_pending());
        assert!(far.poll_write_slice(&mut context, b"x").is_ready());
    }
    let mut ready = 0;
    while ready < pairs.len() {
        let more = reactor.turn(Some(FOR_EVER)).unwrap();
        assert!((1..=3).contains(&more));
        ready += more;
    }
    for (near, _) in &pairs {
        assert!(near.poll_read_slice(&mut context, &mut [0]).is_ready());
    }
}

/// What is told of a socket that is gone concerns nobody, also not the socket that has its place.
#[test]
fn an_event_of_a_dropped_socket_wakes_nobody() {
    let reactor = reactor();
    let (near, far) = unix_pair(&reactor);
    let flag = Arc::new(Flag::default());
    let waker = Waker::from(Arc::clone(&flag));
    let mut context = Context::from_waker(&waker);
    assert!(near.poll_read_slice(&mut context, &mut [0]).is_pending());
    assert!(far.poll_write_slice(&mut context, b"x").is_ready());
    drop(near);
    assert_eq!(reactor.turn(Some(Duration::ZERO)).unwrap(), 0);
    assert!(!flag.0.load(Ordering::Acquire));
    assert_eq!(Arc::strong_count(&flag), 2, "the waker went with the socket");
}

#[test]
fn a_waker_that_panics_keeps_nobody_asleep() {
    struct Panic;

    impl Wake for Panic {
        fn wake(self: Arc<Self>) {
            panic!("a bad waker");
        }
    }

    let reactor = reactor();
    let pairs: Vec<(Socket, Socket)> = (0..3).map(|_| unix_pair(&reactor)).collect();
    let flags: Vec<Arc<Flag>> = (0..3).map(|_| Arc::default()).collect();
    for (index, (near, far)) in pairs.iter().enumerate() {
        let good = Waker::from(Arc::clone(&flags[index]));
        let waker = if index == 1 { Waker::from(Arc::new(Panic)) } else { good };
        assert!(near.poll_read_slice(&mut Context::from_waker(&waker), &mut [0]).is_pending());
        assert!(far.poll_write_slice(&mut Context::from_waker(&waker), b"x").is_ready());
    }
    assert!(catch_unwind(AssertUnwindSafe(|| reactor.turn(Some(FOR_EVER)))).is_err());
    assert!([0, 2].iter().all(|index| flags[*index].0.load(Ordering::Acquire)));
    assert!(reactor.turn(Some(Duration::ZERO)).is_ok(), "the reactor goes on");
}

/// A waker may turn the reactor: nothing is locked while it is called.
#[test]
fn a_waker_may_come_back() {
    struct Turn(Arc<Reactor>);

    impl Wake for Turn {
        fn wake(self: Arc<Self>) {
            self.0.turn(Some(Duration::ZERO)).unwrap();
        }
    }

    let reactor = Arc::new(reactor());
    let (near, far) = unix_pair(&reactor);
    let waker = Waker::from(Arc::new(Turn(Arc::clone(&reactor))));
    assert!(near.poll_read_slice(&mut Context::from_waker(&waker), &mut [0]).is_pending());
    assert!(far.poll_write_slice(&mut Context::from_waker(&waker), b"x").is_ready());
    assert_eq!(reactor.turn(Some(FOR_EVER)).unwrap(), 1);
}

#[test]
fn limits_are_checked() {
    for (events_max, sources_max, name) in [
        (0, 1, "events_max"),
        (1 << 20, 1, "events_max"),
        (1, 0, "sources_max"),
        (1, usize::MAX, "sources_max"),
    ] {
        match Reactor::new(&Config { events_max, sources_max }) {
            Err(ReactorError::Config { name: found, .. }) => assert_eq!(found, name),
            other => panic!("{other:?}"),
        }
    }
}
