//! Processes that are spawned, all wait, each get one message, and exit: the time of each.

use ironloom_benches::{Compare, Goal, OURS, Suite, timed};

use crate::crowd::{FEW, Kameo, Mailbox, May, OneShot, Peer, Ractor};
use crate::runtimes::{Smol, WORKERS, kernel, tokio_current, tokio_workers};

pub(crate) fn benches(suite: &mut Suite) {
    let many = if suite.is_quick() { 100_000 } else { 1_000_000 };
    let name = format!("sched::spawn_message_exit/processes={many}");
    let mut compare = suite.compare(&name, [Goal::Nanos(700.0), Goal::Ahead]);
    run(&mut compare, OURS, many, || kernel(WORKERS));
    run(&mut compare, "ironloom, 1 worker", many, || kernel(1));
    run(&mut compare, "tokio, 2 workers, oneshot", many, || OneShot(tokio_workers(WORKERS)));
    run(&mut compare, "tokio, current thread, oneshot", many, || OneShot(tokio_current()));
    run(&mut compare, "tokio, 2 workers, mailbox", many, || Mailbox(tokio_workers(WORKERS)));
    run(&mut compare, "tokio, current thread, mailbox", many, || Mailbox(tokio_current()));
    run(&mut compare, "smol, 2 workers", many, Smol::new);
    run(&mut compare, "kameo, 2 workers (20000)", FEW, || Kameo(tokio_workers(WORKERS)));
    run(&mut compare, "ractor, 2 workers (20000)", FEW, || Ractor(tokio_workers(WORKERS)));
    run(&mut compare, "may, 2 workers (20000)", FEW, May::new);
}

fn run<P: Peer>(compare: &mut Compare<'_>, name: &str, processes: usize, make: impl FnOnce() -> P) {
    compare.parts(processes as u64).run_many(name, make, |peer, iterations| {
        timed(|| (0..iterations).for_each(|_| peer.release(peer.spawn(processes))))
    });
}
