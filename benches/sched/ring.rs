//! A token that goes round a ring of processes: the time of a hop.

use ironloom_benches::{Compare, Goal, OURS, Suite, timed};

use crate::relay::{Circle, kameo_actors, may_coroutines, processes, ractor_actors, smol_tasks, tokio_tasks};
use crate::runtimes::{WORKERS, kernel, tokio_current, tokio_workers};

const PROCESSES: usize = 10_000;

pub(crate) fn benches(suite: &mut Suite) {
    let name = format!("sched::ring/processes={PROCESSES}");
    let mut compare = suite.compare(&name, [Goal::Nanos(60.0), Goal::Ahead]);
    run(&mut compare, OURS, || processes(kernel(1), PROCESSES));
    run(&mut compare, "ironloom, 2 workers", || processes(kernel(WORKERS), PROCESSES));
    run(&mut compare, "tokio, current thread", || tokio_tasks(tokio_current(), PROCESSES));
    run(&mut compare, "tokio, 2 workers", || tokio_tasks(tokio_workers(WORKERS), PROCESSES));
    run(&mut compare, "smol, 2 workers", || smol_tasks(PROCESSES));
    run(&mut compare, "kameo, current thread", || kameo_actors(tokio_current(), PROCESSES));
    run(&mut compare, "ractor, current thread", || ractor_actors(tokio_current(), PROCESSES));
    run(&mut compare, "may, 2 workers", || may_coroutines(PROCESSES));
}

/// One iteration is one round.
fn run(compare: &mut Compare<'_>, name: &str, make: impl FnOnce() -> Circle) {
    compare
        .parts(PROCESSES as u64)
        .run_many(name, make, |circle, iterations| timed(|| circle(iterations * PROCESSES as u64)));
}
