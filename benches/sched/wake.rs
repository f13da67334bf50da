//! How late a process is that wants to run every millisecond, beside a thousand that want to run all the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use ironloom_benches::{Goal, OURS, Suite, Unit, now};
use ironloom_core::Budget;
use ironloom_sched::{Class, Context, ExitReason, Guest, Options};
use tokio::sync::oneshot;

use crate::runtimes::{Smol, WORKERS, kernel, on_thread, tokio_workers};

const HOGS: usize = 1_000;
const PERIOD: Duration = Duration::from_millis(1);
const NAME: &str = "sched::wake_latency/hogs=1000";

/// By how much each wake was late.
type Lateness = Vec<Duration>;
/// Something that was measured: its name, and how.
type Peer = (&'static str, fn(Duration) -> Lateness);

pub(crate) fn benches(suite: &mut Suite) {
    let peers: [Peer; 7] = [
        (OURS, |time| ironloom(time, Class::High)),
        ("ironloom, no priority", |time| ironloom(time, Class::Normal)),
        ("tokio, hogs yield every 100 µs", |time| tokio(time, Duration::from_micros(100))),
        ("tokio, hogs yield every 10 µs", |time| tokio(time, Duration::from_micros(10))),
        ("smol, hogs yield every 100 µs", |time| smol(time, Duration::from_micros(100))),
        ("smol, hogs yield every 10 µs", |time| smol(time, Duration::from_micros(10))),
        ("threads", threads),
    ];
    let time = Duration::from_millis(if suite.is_quick() { 1_000 } else { 10_000 });
    let mut found = Vec::new();
    for (name, measure) in peers {
        if suite.selects(&format!("{NAME}/{name}")) {
            println!("{NAME}/{name}: measuring for {time:?}");
            let mut lateness = measure(time);
            lateness.sort_unstable();
            found.push((name, lateness));
        }
    }
    for (quantile, thousandths) in [("p50", 500), ("p99", 990), ("p99.9", 999)] {
        let goals = [Goal::Nanos(2e6), Goal::Ahead];
        let goals = goals.into_iter().filter(|_| quantile == "p99.9");
        let mut compare = suite.compare_values(&format!("{NAME}/{quantile}"), Unit::Nanos, goals);
        for (name, lateness) in &found {
            compare.found(name, at(lateness, thousandths));
        }
    }
}

/// A quantile of what is sorted, in nanoseconds.
fn at(sorted: &[Duration], thousandths: usize) -> f64 {
    let index = (sorted.len() * thousandths / 1_000).min(sorted.len().saturating_sub(1));
    sorted.get(index).map_or(f64::NAN, |lateness| lateness.as_nanos() as f64)
}

/// What the hogs do; a little longer than asked for, as the clock is looked at only now and then.
fn burn(time: Duration) {
    let end = now() + time;
    while now() < end {
        std::hint::spin_loop();
    }
}

/// The periodic process: sleeps until each deadline, and notes by how much it was late.
async fn periodic<S: Future>(time: Duration, sleep_until: impl Fn(Instant) -> S) -> Lateness {
    let end = now() + time;
    let mut lateness = Lateness::new();
    let mut due = now() + PERIOD;
    while due < end {
        sleep_until(due).await;
        let woken = now();
        lateness.push(woken - due);
        // Who is late waits for the next period, instead of catching up with those it missed.
        due = woken + PERIOD;
    }
    lateness
}

/// A guest that computes for ever: a unit of its budget is some 200 ns.
struct Hog(u64);

impl Guest<()> for Hog {
    fn run(&mut self, budget: &mut Budget, _: &mut Context<()>) -> Poll<ExitReason> {
        while budget.spend(1).is_ok() {
            for _ in 0..64 {
                self.0 = std::hint::black_box(self.0.wrapping_mul(6_364_136_223_846_793_005));
            }
        }
        Poll::Pending
    }
}

fn ironloom(time: Duration, class: Class) -> Lateness {
    let kernel = kernel(WORKERS);
    for number in 0..HOGS as u64 {
        kernel.spawn_guest(Hog(number)).expect("there is room for all");
    }
    let (done, finished) = oneshot::channel();
    let periodically = async move |ctx: Context<()>| {
        let at =
            |due: Instant| ctx.sleep(ironloom_core::Duration::from(due.saturating_duration_since(now())));
        let _ = done.send(periodic(time, at).await);
    };
    let process = kernel.spawn_with(Options { class, ..Options::default() }, periodically);
    process.expect("there is room for one more");
    finished.blocking_recv().expect("it ends in time")
}

fn tokio(time: Duration, slice: Duration) -> Lateness {
    let runtime = tokio_workers(WORKERS);
    for _ in 0..HOGS {
        runtime.spawn(async move {
            loop {
                burn(slice);
                tokio::task::yield_now().await;
            }
        });
    }
    let periodic = periodic(time, |due| tokio::time::sleep_until(due.into()));
    let lateness = runtime.block_on(runtime.spawn(periodic)).expect("the task does not panic");
    runtime.shutdown_background();
    lateness
}

fn smol(time: Duration, slice: Duration) -> Lateness {
    let smol = Smol::new();
    let stop = Arc::new(AtomicBool::new(false));
    for _ in 0..HOGS {
        let stop = Arc::clone(&stop);
        let hog = async move {
            while !stop.load(Ordering::Relaxed) {
                burn(slice);
                smol::future::yield_now().await;
            }
        };
        smol.executor.spawn(hog).detach();
    }
    let task = smol.executor.spawn(periodic(time, smol::Timer::at));
    let lateness = smol::block_on(task);
    stop.store(true, Ordering::Relaxed);
    lateness
}

fn threads(time: Duration) -> Lateness {
    let stop = Arc::new(AtomicBool::new(false));
    let hog = |_| {
        let stop = Arc::clone(&stop);
        on_thread(None, move || {
            while !stop.load(Ordering::Relaxed) {
                burn(Duration::from_micros(100));
            }
        })
    };
    let hogs: Vec<_> = (0..HOGS).map(hog).collect();
    let sleep_until = async |due: Instant| sleep(due.saturating_duration_since(now()));
    let lateness = smol::block_on(periodic(time, sleep_until));
    stop.store(true, Ordering::Relaxed);
    hogs.into_iter().for_each(|hog| hog.join().expect("a hog does not panic"));
    lateness
}

#[expect(clippy::disallowed_methods, reason = "the peer sleeps as threads do")]
fn sleep(time: Duration) {
    std::thread::sleep(time);
}
