//! Two processes that send a message to and fro: the time of a round trip, in every place where the two may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use ironloom_benches::{Compare, Goal, OURS, Suite, timed};
use ironloom_sched::{Address, Context, Options};
use tokio::sync::{mpsc, oneshot};

use crate::relay::{Circle, kameo_actors, may_coroutines, processes, ractor_actors, smol_tasks, tokio_tasks};
use crate::runtimes::{WORKERS, kernel, on_thread, tokio_current, tokio_workers};

/// How many round trips an iteration makes.
const TRIPS: u64 = 1_000;
const SPINNING: &str = "limit: spinning pair";

pub(crate) fn benches(suite: &mut Suite) {
    one_worker(suite);
    two_workers(suite);
    pinned(suite);
}

fn one_worker(suite: &mut Suite) {
    let mut compare = suite.compare("sched::ping_pong/workers=1", [Goal::Ahead]);
    circle(&mut compare, OURS, || processes(kernel(1), 2));
    circle(&mut compare, "tokio, current thread", || tokio_tasks(tokio_current(), 2));
    circle(&mut compare, "tokio, 1 worker", || tokio_tasks(tokio_workers(1), 2));
    circle(&mut compare, "kameo, current thread", || kameo_actors(tokio_current(), 2));
    circle(&mut compare, "ractor, current thread", || ractor_actors(tokio_current(), 2));
}

/// The scheduler decides where the two are; who is clever leaves them together.
fn two_workers(suite: &mut Suite) {
    let mut compare = suite.compare("sched::ping_pong/workers=2", [Goal::Ahead]);
    circle(&mut compare, OURS, || processes(kernel(WORKERS), 2));
    circle(&mut compare, "tokio", || tokio_tasks(tokio_workers(WORKERS), 2));
    circle(&mut compare, "smol", || smol_tasks(2));
    circle(&mut compare, "kameo", || kameo_actors(tokio_workers(WORKERS), 2));
    circle(&mut compare, "ractor", || ractor_actors(tokio_workers(WORKERS), 2));
    circle(&mut compare, "may", || may_coroutines(2));
}

/// Each on a core of its own, so that every message crosses.
fn pinned(suite: &mut Suite) {
    let goals = [Goal::Times(2.0, SPINNING), Goal::Ahead];
    let mut compare = suite.compare("sched::ping_pong/workers=2/pinned", goals);
    compare.parts(TRIPS);
    trips(&mut compare, OURS, pinned_processes);
    trips(&mut compare, "tokio, 2 × current thread", tokio_pair);
    trips(&mut compare, "crossbeam-channel, 2 threads", channel_pair);
    trips(&mut compare, SPINNING, spinning_pair);
    trips(&mut compare, "limit: parking pair", parking_pair);
}

/// Two hops of a token are a round trip.
fn circle(compare: &mut Compare<'_>, name: &str, make: impl FnOnce() -> Circle) {
    compare.parts(TRIPS).run_many(name, make, |circle, iterations| timed(|| circle(iterations * TRIPS * 2)));
}

/// Measures a pair that is made anew each time, because its threads wait for nothing else.
fn trips(compare: &mut Compare<'_>, name: &str, pair: fn(u64) -> Duration) {
    compare.run_many(name, || (), |(), iterations| pair(iterations * TRIPS));
}

/// Runs both sides, each on a core of its own; the time is that of the first.
fn on_two_cores(
    first: impl FnOnce() + Send + 'static,
    second: impl FnOnce() + Send + 'static,
) -> (JoinHandle<Duration>, JoinHandle<()>) {
    let second = on_thread(Some(1), second);
    (on_thread(Some(0), || timed(first)), second)
}

fn join((first, second): (JoinHandle<Duration>, JoinHandle<()>)) -> Duration {
    let took = first.join().expect("the first does not panic");
    second.join().expect("the second does not panic");
    took
}

/// Two processes, each on a worker of its own.
fn pinned_processes(trips: u64) -> Duration {
    let kernel = kernel(2);
    let on = |worker| Options { worker: Some(worker), ..Options::default() };
    let (told, answer) = oneshot::channel();
    let other = kernel.spawn_with(on(1), async move |ctx: Context<Address<()>>| {
        let back = ctx.receive().await;
        for _ in 0..trips {
            back.send(()).await.expect("the other is there");
            ctx.receive().await;
        }
    });
    let other = other.expect("there is room for one more");
    let first = kernel.spawn_with(on(0), async move |ctx: Context<()>| {
        other.send(ctx.address()).await.expect("the other is there");
        ctx.receive().await;
        let began = ctx.now();
        for _ in 0..trips - 1 {
            other.send(ctx.address()).await.expect("the other is there");
            ctx.receive().await;
        }
        let _ = told.send(ctx.now().saturating_since(began));
        let _ = other.try_send(ctx.address());
    });
    first.expect("there is room for one more");
    let took = answer.blocking_recv().expect("the first answers");
    Duration::from_nanos(took.as_nanos())
}

/// Two runtimes, each of which sleeps when it has nothing to do.
fn tokio_pair(trips: u64) -> Duration {
    let (ping, mut pinged) = mpsc::channel::<u64>(1);
    let (pong, mut ponged) = mpsc::channel::<u64>(1);
    let first = async move {
        for trip in 0..trips {
            ping.send(trip).await.expect("the other is there");
            ponged.recv().await.expect("the other answers");
        }
    };
    let second = async move {
        while let Some(trip) = pinged.recv().await {
            pong.send(trip).await.expect("the other is there");
        }
    };
    let [one, other] = [(); 2].map(|()| tokio_current());
    join(on_two_cores(
        move || one.block_on(one.spawn(first)).expect("it does not panic"),
        move || other.block_on(other.spawn(second)).expect("it does not panic"),
    ))
}

fn channel_pair(trips: u64) -> Duration {
    let (ping, pinged) = crossbeam_channel::bounded::<u64>(1);
    let (pong, ponged) = crossbeam_channel::bounded::<u64>(1);
    join(on_two_cores(
        move || {
            for trip in 0..trips {
                ping.send(trip).expect("the other is there");
                ponged.recv().expect("the other answers");
            }
        },
        move || pinged.iter().for_each(|trip| pong.send(trip).expect("the other is there")),
    ))
}

/// Two words in lines of the cache of their own, each written by one side.
type Words = Arc<[crossbeam_utils::CachePadded<AtomicU64>; 2]>;

/// What the machine can do at best: two threads that do nothing but look.
fn spinning_pair(trips: u64) -> Duration {
    let words = Words::default();
    let others = Arc::clone(&words);
    let until = |word: &AtomicU64, value| {
        while word.load(Ordering::Acquire) != value {
            std::hint::spin_loop();
        }
    };
    join(on_two_cores(
        move || {
            for trip in 1..=trips {
                words[0].store(trip, Ordering::Release);
                until(&words[1], trip);
            }
        },
        move || {
            for trip in 1..=trips {
                until(&others[0], trip);
                others[1].store(trip, Ordering::Release);
            }
        },
    ))
}

/// What the machine can do at best when both sleep between their turns.
fn parking_pair(trips: u64) -> Duration {
    let words = Words::default();
    let others = Arc::clone(&words);
    let (threads, thread) = crossbeam_channel::bounded(1);
    let until = |word: &AtomicU64, value| {
        while word.load(Ordering::Acquire) != value {
            std::thread::park();
        }
    };
    let second = on_thread(Some(1), move || {
        let other: std::thread::Thread = thread.recv().expect("the other says who it is");
        for trip in 1..=trips {
            until(&others[0], trip);
            others[1].store(trip, Ordering::Release);
            other.unpark();
        }
    });
    let other = second.thread().clone();
    let first = on_thread(Some(0), move || {
        threads.send(std::thread::current()).expect("the other is there");
        timed(|| {
            for trip in 1..=trips {
                words[0].store(trip, Ordering::Release);
                other.unpark();
                until(&words[1], trip);
            }
        })
    });
    join((first, second))
}
