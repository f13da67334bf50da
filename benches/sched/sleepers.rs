//! The price of processes that sleep: the time of a step while a million of them do, and while none does.

use std::time::Duration;

use ironloom_benches::{Compare, Goal, Suite, timed};
use tokio::runtime::Runtime;

use crate::runtimes::tokio_current;

/// Ours, while nobody sleeps.
const OURS_ALONE: &str = "ironloom, nobody sleeps";
const SLEEPERS: usize = 1_000_000;
/// Nobody wakes during the run.
const LONG: Duration = Duration::from_secs(86_400);
/// How many steps an iteration makes.
const STEPS: u64 = 1_000;

pub(crate) fn benches(suite: &mut Suite) {
    let name = format!("sched::step/sleepers={SLEEPERS}");
    // The same within noise.
    let mut compare = suite.compare(&name, [Goal::Times(1.1, OURS_ALONE)]);
    compare.parts(STEPS);
    // Ours comes first, under both names, as soon as it is there.
    tokio(&mut compare, "tokio", SLEEPERS);
    tokio(&mut compare, "tokio, nobody sleeps", 0);
    smol(&mut compare, "smol", SLEEPERS);
    smol(&mut compare, "smol, nobody sleeps", 0);
}

/// A step is a yield of one task, on which tokio looks at its timers.
fn tokio(compare: &mut Compare<'_>, name: &str, sleepers: usize) {
    let asleep = || {
        let runtime = tokio_current();
        runtime.block_on(async {
            for number in 0..sleepers {
                tokio::spawn(tokio::time::sleep(LONG + Duration::from_micros(number as u64)));
            }
            // Each is polled once, and sleeps.
            for _ in 0..=sleepers / 8 {
                tokio::task::yield_now().await;
            }
        });
        runtime
    };
    let steps = |runtime: &mut Runtime, iterations| {
        let steps = async move {
            for _ in 0..iterations * STEPS {
                tokio::task::yield_now().await;
            }
        };
        timed(|| runtime.block_on(runtime.spawn(steps)).expect("the task does not panic"))
    };
    compare.run_many(name, asleep, steps);
}

fn smol(compare: &mut Compare<'_>, name: &str, sleepers: usize) {
    let asleep = || {
        let executor = smol::LocalExecutor::new();
        for number in 0..sleepers {
            let sleep = smol::Timer::after(LONG + Duration::from_micros(number as u64));
            executor.spawn(sleep).detach();
        }
        while executor.try_tick() {}
        executor
    };
    let steps = |executor: &mut smol::LocalExecutor<'static>, iterations| {
        let steps = executor.spawn(async move {
            for _ in 0..iterations * STEPS {
                smol::future::yield_now().await;
            }
        });
        timed(|| smol::block_on(executor.run(steps)))
    };
    compare.run_many(name, asleep, steps);
}
