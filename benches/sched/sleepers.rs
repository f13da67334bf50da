//! The price of processes that sleep: the time of a step while a million of them do, and while none does.

use std::time::Duration;

use ironloom_benches::{Compare, Goal, OURS, Suite, timed};
use ironloom_sched::{Context, Kernel};
use tokio::{runtime::Runtime, sync::oneshot};

use crate::runtimes::{kernel, tokio_current};

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
    ironloom(&mut compare, OURS, SLEEPERS);
    ironloom(&mut compare, OURS_ALONE, 0);
    tokio(&mut compare, "tokio", SLEEPERS);
    tokio(&mut compare, "tokio, nobody sleeps", 0);
    smol(&mut compare, "smol", SLEEPERS);
    smol(&mut compare, "smol, nobody sleeps", 0);
}

/// A step is a slice of one process that yields.
fn ironloom(compare: &mut Compare<'_>, name: &str, sleepers: usize) {
    let asleep = || {
        let kernel = kernel(1);
        for number in 0..sleepers as u64 {
            let process = kernel.spawn(async move |ctx: Context<()>| {
                ctx.sleep(ironloom_core::Duration::from_nanos((LONG.as_micros() as u64 + number) * 1_000))
                    .await;
            });
            process.expect("there is room for all");
        }
        steps(&kernel, 1); // when that one has had its turn, so have all before it
        kernel
    };
    compare.run_many(name, asleep, |kernel, iterations| timed(|| steps(kernel, iterations * STEPS)));
}

fn steps(kernel: &Kernel, count: u64) {
    let (done, finished) = oneshot::channel();
    let process = kernel.spawn(async move |ctx: Context<()>| {
        for _ in 0..count {
            ctx.yield_now().await;
        }
        done.send(()).expect("somebody waits");
    });
    process.expect("there is room for one more");
    finished.blocking_recv().expect("the steps are made");
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
