//! Rings, on one thread and in its cache; and the price of notifying nobody.

use std::hint::black_box;

use ironloom_benches::{OURS, Suite};
use ironloom_core::EventCount;
use ironloom_core::ring::{Ring, SharedRing, pair};

const ITEMS_MAX: usize = 1_024;

pub(crate) fn benches(suite: &mut Suite) {
    rings(suite);
    notify(suite);
}

fn rings(suite: &mut Suite) {
    let channel = || crossbeam_channel::bounded::<u64>(ITEMS_MAX);
    suite.compare("core::ring::owned/push_pop", None).run(
        OURS,
        || Ring::new(ITEMS_MAX),
        |ring| {
            ring.push(black_box(1u64)).expect("it is empty");
            black_box(ring.pop());
        },
    );
    suite
        .compare("core::ring::pair/push_pop", None)
        .run(
            OURS,
            || pair(ITEMS_MAX),
            |(producer, consumer)| {
                producer.push(black_box(1u64)).expect("it is empty");
                black_box(consumer.pop());
            },
        )
        .run("crossbeam-channel", channel, |(sender, receiver)| {
            sender.try_send(black_box(1)).expect("it is empty");
            black_box(receiver.try_recv().ok());
        });
    suite
        .compare("core::ring::shared/push_pop", None)
        .run(
            OURS,
            || SharedRing::new(ITEMS_MAX),
            |ring| {
                ring.push(black_box(1u64)).expect("it is empty");
                black_box(ring.pop());
            },
        )
        .run("crossbeam-channel", channel, |(sender, receiver)| {
            sender.try_send(black_box(1)).expect("it is empty");
            black_box(receiver.try_recv().ok());
        });
}

fn notify(suite: &mut Suite) {
    suite
        .compare("core::event_count::notify/nobody", None)
        .run(OURS, EventCount::new, |event| black_box(event).notify_one())
        .run("event-listener", event_listener::Event::<()>::new, |event| {
            black_box(black_box(event).notify(1));
        });
}
