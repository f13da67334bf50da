//! Under `--cfg loom` every interleaving of a waiter and a notifier; otherwise what one thread can see.

use super::*;

#[cfg(loom)]
mod interleavings {
    use super::EventCount;
    use crate::sync::{Arc, AtomicUsize, Ordering};

    fn wait_until(event: &EventCount, condition: &AtomicUsize, value: usize) {
        event.wait_until(|| condition.load(Ordering::Relaxed) >= value);
    }

    /// Loom reports a deadlock if a notification can be missed.
    #[test]
    fn no_wake_up_is_missed() {
        loom::model(|| {
            let shared = Arc::new((EventCount::new(), AtomicUsize::new(0)));
            let waiter = loom::thread::spawn({
                let shared = shared.clone();
                move || wait_until(&shared.0, &shared.1, 1)
            });
            shared.1.store(1, Ordering::Relaxed);
            shared.0.notify_one();
            waiter.join().unwrap();
        });
    }

    /// Two changes and two notifications reach two waiters, whoever comes first.
    #[test]
    fn two_waiters_are_both_woken() {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(|| {
            let shared = Arc::new((EventCount::new(), AtomicUsize::new(0)));
            let waiters = [(); 2].map(|()| {
                let shared = shared.clone();
                loom::thread::spawn(move || wait_until(&shared.0, &shared.1, 1))
            });
            shared.1.store(1, Ordering::Relaxed);
            shared.0.notify_all();
            for waiter in waiters {
                waiter.join().unwrap();
            }
        });
    }

    /// A ticket that is given up hands its call on, so the one behind it is not left asleep.
    #[test]
    fn a_call_to_a_leaver_is_passed_on() {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(|| {
            let shared = Arc::new((EventCount::new(), AtomicUsize::new(0)));
            let leaver = shared.0.ticket();
            let waiter = loom::thread::spawn({
                let shared = shared.clone();
                move || wait_until(&shared.0, &shared.1, 1)
            });
            let notifier = loom::thread::spawn({
                let shared = shared.clone();
                move || {
                    shared.1.store(1, Ordering::Relaxed);
                    shared.0.notify_one();
                }
            });
            drop(leaver);
            notifier.join().unwrap();
            waiter.join().unwrap();
        });
    }
}

#[cfg(not(loom))]
mod alone {
    use super::*;
    use crate::Duration;

    fn poll(ticket: &mut Ticket<'_>) -> Poll<()> {
        Pin::new(ticket).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn calls_go_out_in_order() {
        let event = EventCount::new();
        let (mut first, mut second) = (event.ticket(), event.ticket());
        event.notify_one();
        assert!(poll(&mut second).is_pending());
        assert!(poll(&mut first).is_ready());
        event.notify_one();
        assert!(poll(&mut second).is_ready());
    }

    #[test]
    fn what_happened_before_the_ticket_does_not_count() {
        let event = EventCount::new();
        event.notify_all();
        assert!(poll(&mut event.ticket()).is_pending());
    }

    #[test]
    fn a_leaver_passes_its_call_on() {
        let event = EventCount::new();
        let (first, mut second) = (event.ticket(), event.ticket());
        event.notify_one();
        drop(first);
        assert!(poll(&mut second).is_ready());
    }

    #[test]
    fn a_wait_with_a_timeout_ends() {
        let event = EventCount::new();
        assert!(!event.ticket().wait_for(Duration::from_millis(1)));
        let ticket = event.ticket();
        event.notify_all();
        assert!(ticket.wait_for(Duration::from_secs(60)));
        assert_eq!(format!("{event:?}"), "EventCount { waiting: 0 }");
    }

    /// A waker may own a ticket of the same event, as the waker of a task owns what the task holds. Dropping one under
    /// the lock of the event once waited for itself.
    #[test]
    fn a_waker_may_come_back_to_the_event() {
        #[expect(dead_code, reason = "held for its drop")]
        struct Holder(Mutex<Option<Ticket<'static>>>);
        impl Wake for Holder {
            fn wake(self: StdArc<Self>) {}
        }
        let event: &'static EventCount = Box::leak(Box::default());
        let holder = StdArc::new(Holder(Mutex::new(Some(event.ticket()))));
        let waker = Waker::from(holder);
        let mut ticket = event.ticket();
        assert!(Pin::new(&mut ticket).poll(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        drop(ticket);
        assert_eq!(event.waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_waker_that_panics_keeps_nobody_asleep() {
        struct Panic;
        impl Wake for Panic {
            fn wake(self: StdArc<Self>) {
                panic!("a bad waker");
            }
        }
        let event = EventCount::new();
        let (mut first, mut second) = (event.ticket(), event.ticket());
        let bad = Waker::from(StdArc::new(Panic));
        assert!(Pin::new(&mut first).poll(&mut Context::from_waker(&bad)).is_pending());
        let woken = StdArc::new(WokenFlag::default());
        let good = Waker::from(woken.clone());
        assert!(Pin::new(&mut second).poll(&mut Context::from_waker(&good)).is_pending());
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| event.notify_all())).is_err());
        assert!(woken.0.load(Ordering::Relaxed) && poll(&mut second).is_ready());
    }

    #[derive(Default)]
    struct WokenFlag(std::sync::atomic::AtomicBool);

    impl Wake for WokenFlag {
        fn wake(self: StdArc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn threads_hand_over_a_turn() {
        use std::sync::atomic::{AtomicU32, Ordering};
        const TURNS: u32 = 1_000;
        let (turn, event) = (AtomicU32::new(0), EventCount::new());
        let play = |player: u32| {
            for mine in (player..TURNS).step_by(2) {
                event.wait_until(|| turn.load(Ordering::Acquire) == mine);
                turn.store(mine + 1, Ordering::Release);
                event.notify_all();
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| play(0));
            play(1);
        });
        assert_eq!(turn.into_inner(), TURNS);
    }
}
