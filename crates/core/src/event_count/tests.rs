//! Under `--cfg loom` every interleaving of a waiter and a notifier; otherwise what one thread can see.

use super::*;

#[cfg(loom)]
mod interleavings {
    use super::EventCount;
    use crate::sync::{Arc, AtomicUsize, Ordering};

    /// Waits until `condition` has the value, as the documentation says.
    fn wait_until(event: &EventCount, condition: &AtomicUsize, value: usize) {
        while condition.load(Ordering::Relaxed) < value {
            let ticket = event.ticket();
            if condition.load(Ordering::Relaxed) >= value {
                break;
            }
            ticket.wait();
        }
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

    #[test]
    fn threads_hand_over_a_turn() {
        use std::sync::atomic::{AtomicU32, Ordering};
        const TURNS: u32 = 1_000;
        let (turn, event) = (AtomicU32::new(0), EventCount::new());
        let play = |player: u32| {
            for mine in (player..TURNS).step_by(2) {
                while turn.load(Ordering::Acquire) != mine {
                    let ticket = event.ticket();
                    if turn.load(Ordering::Acquire) == mine {
                        break;
                    }
                    ticket.wait();
                }
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
