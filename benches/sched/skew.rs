//! Work that is spread unevenly over many processes: what share of the ideal time two workers reach.

use std::sync::Arc;
use std::time::Duration;

use ironloom_benches::{Goal, LIMIT, OURS, Suite, Unit, timed};
use ironloom_core::{Rng, Seed, Zipf};
use ironloom_sched::{Context, Kernel};

use crate::runtimes::{Gate, Smol, WORKERS, kernel, may_workers, on_thread, tokio_workers};

const PROCESSES: usize = 10_000;
/// How unequal they are. The one with the most has 6 % of the work, so that the last slices of taking turns, when
/// only it is left, cost 1.5 %; with an exponent of one no scheduler that takes turns reaches much more than 95 %.
const EXPONENT: f64 = 0.9;
/// How many portions of work there are in all, each given to a process that is drawn from the distribution.
const PORTIONS: usize = 4_000_000;
/// How many portions a process works before it lets others: some 20 µs.
const SLICE: u64 = 200;

/// How much work each process has, those with the most first.
type Loads = Arc<Vec<u64>>;

pub(crate) fn benches(suite: &mut Suite) {
    let name = format!("sched::skew/processes={PROCESSES}");
    let rounds = if suite.is_quick() { 3 } else { 15 };
    let mut compare = suite.compare_values(&name, Unit::Percent, [Goal::Percent(95.0), Goal::Ahead]);
    compare
        .value(OURS, || share(rounds, || kernel(WORKERS), ironloom))
        .value("tokio", || share(rounds, || tokio_workers(WORKERS), tokio))
        .value("smol", || share(rounds, Smol::new, smol))
        .value("may", || share(rounds, may_workers, |(), loads| may(loads)))
        .value(&format!("{LIMIT}threads, half each"), || share(rounds, || (), |(), _| halves()));
}

/// The median share of the ideal: half of what the work takes one thread, measured just before.
fn share<P>(rounds: usize, make: impl Fn() -> P, run: fn(&P, &Loads)) -> f64 {
    let loads = loads();
    let peer = make();
    let mut shares: Vec<f64> = (0..rounds)
        .map(|_| {
            let alone = timed(|| work(PORTIONS as u64));
            let took = timed(|| run(&peer, &loads));
            percent(alone / WORKERS as u32, took)
        })
        .collect();
    shares.sort_unstable_by(f64::total_cmp);
    shares[shares.len() / 2]
}

fn percent(ideal: Duration, took: Duration) -> f64 {
    100.0 * ideal.as_secs_f64() / took.as_secs_f64()
}

fn loads() -> Loads {
    let zipf = Zipf::new(PROCESSES as u64, EXPONENT);
    let mut rng = Rng::new(Seed::new(1)).split("loads", 0);
    let mut loads = vec![0; PROCESSES];
    for _ in 0..PORTIONS {
        loads[zipf.sample(&mut rng) as usize] += 1;
    }
    Arc::new(loads)
}

/// Some 100 ns a portion, in registers, and nothing that a compiler can shorten.
fn work(portions: u64) {
    let mut value = portions;
    for _ in 0..portions * 40 {
        value = (value ^ (value >> 31)).wrapping_mul(6_364_136_223_846_793_005);
    }
    std::hint::black_box(value);
}

/// What a process does between two yields, one after the other.
fn slices(load: u64) -> impl Iterator<Item = u64> {
    (0..load).step_by(SLICE as usize).map(move |done| SLICE.min(load - done))
}

fn ironloom(kernel: &Kernel, loads: &Loads) {
    let loads = Arc::clone(loads);
    let (gate, empty) = Gate::new(PROCESSES);
    let root = kernel.spawn(async move |ctx: Context<()>| {
        for load in loads.iter().copied() {
            let process = ctx.spawn(async move |ctx: Context<()>| {
                for slice in slices(load) {
                    work(slice);
                    ctx.yield_now().await;
                }
                gate.leave();
            });
            process.expect("there is room for all");
        }
    });
    root.expect("there is room for one more");
    empty.blocking_recv().expect("all leave");
}

fn tokio(runtime: &tokio::runtime::Runtime, loads: &Loads) {
    let loads = Arc::clone(loads);
    let root = runtime.spawn(async move {
        let (gate, empty) = Gate::new(PROCESSES);
        for load in loads.iter().copied() {
            tokio::spawn(async move {
                for slice in slices(load) {
                    work(slice);
                    tokio::task::yield_now().await;
                }
                gate.leave();
            });
        }
        empty.await.expect("all leave");
    });
    runtime.block_on(root).expect("the task does not panic");
}

fn smol(smol: &Smol, loads: &Loads) {
    let (gate, empty) = Gate::new(PROCESSES);
    for load in loads.iter().copied() {
        let process = async move {
            for slice in slices(load) {
                work(slice);
                smol::future::yield_now().await;
            }
            gate.leave();
        };
        smol.executor.spawn(process).detach();
    }
    smol::block_on(empty).expect("all leave");
}

fn may(loads: &Loads) {
    let (gate, empty) = Gate::new(PROCESSES);
    for load in loads.iter().copied() {
        may::go!(move || {
            for slice in slices(load) {
                work(slice);
                may::coroutine::yield_now();
            }
            gate.leave();
        });
    }
    empty.blocking_recv().expect("all leave");
}

/// What two threads reach that share fairly and schedule nothing.
fn halves() {
    let half = || work((PORTIONS / WORKERS) as u64);
    let threads = [0, 1].map(|core| on_thread(Some(core), half));
    threads.into_iter().for_each(|thread| thread.join().expect("work does not panic"));
}
