//! The watch: a thread that notices slices which do not end.
//!
//! Native code that neither waits nor yields holds its worker. The watch reports it, has another worker take over the
//! rest of the queue, and if there is none, starts a thread that is this worker from now on. The old one ends when its
//! slice does.

use std::sync::{Arc, Weak, atomic::Ordering};

use ironloom_core::Duration;

use super::{
    Shared, Workers,
    worker::{peek, rent},
};
use crate::{ProcessId, engine::Engine, sync::wait_for};

/// What the watch saw of one worker when it last looked.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    slice: u64,
    /// For how many looks in a row it has been in this slice.
    looks: u32,
    /// Whether somebody else is the worker by now.
    replaced: bool,
}

/// Starts the watch.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the driver: the watch is a thread, named here and joined by `stop`"
)]
pub(super) fn start(engine: &Shared) -> std::io::Result<()> {
    // The watch must not keep alive what it watches.
    let watched = Arc::downgrade(engine);
    let thread = std::thread::Builder::new().name("ironloom-watch".into()).spawn(move || watch(&watched))?;
    let workers = engine.workers().expect("a kernel in real time has workers");
    workers.threads.lock().push(thread);
    Ok(())
}

fn watch(engine: &Weak<Engine>) {
    let mut seen: Vec<Seen> = Vec::new();
    loop {
        let Some(engine) = engine.upgrade() else { return };
        let Some(workers) = engine.workers() else { return };
        if workers.stop.load(Ordering::SeqCst) {
            return;
        }
        seen.resize(workers.count(), Seen::default());
        let tick = Duration::from_nanos((engine.config.stuck_after.as_nanos() / 2).max(1_000_000));
        for (index, seen) in seen.iter_mut().enumerate() {
            look(&engine, workers, index as u16, seen);
        }
        let ticket = workers.watch.ticket();
        workers.watch_sleeps.store(true, Ordering::SeqCst);
        if workers.stop.load(Ordering::SeqCst) {
            return;
        }
        if workers.all_sleep() {
            ticket.wait(); // there is nothing to watch until one of them wakes
        } else {
            workers.watch_sleeps.store(false, Ordering::SeqCst);
            wait_for(ticket, tick);
        }
    }
}

fn look(engine: &Shared, workers: &Workers, index: u16, seen: &mut Seen) {
    let worker = &workers.workers[usize::from(index)];
    let slice = peek(&worker.slice);
    if slice.is_multiple_of(2) || slice != seen.slice {
        *seen = Seen { slice, ..Seen::default() };
        return;
    }
    seen.looks += 1;
    // If all others sleep, this worker may be the one that looks after the timers.
    let due = engine.timers.next().is_some_and(|next| next <= engine.now());
    if due || worker.queue.lock().runnable.len() > 0 {
        workers.rouse_any();
    }
    // Two ticks are the time that a slice may last.
    if seen.looks == 2 {
        report(engine, workers, index);
    }
    if seen.looks >= 2 && !seen.replaced {
        seen.replaced = replace(engine, workers, index, slice);
    }
}

fn report(engine: &Shared, workers: &Workers, index: u16) {
    let worker = &workers.workers[usize::from(index)];
    let process = ProcessId::new(peek(&worker.process));
    let name = engine.table.find(process).and_then(|process| crate::inspect::inspect(&*process).name);
    let name = name.as_deref().unwrap_or("no name");
    workers.stuck.fetch_add(1, Ordering::Relaxed);
    tracing::warn!(%process, name, worker = index, after = %engine.config.stuck_after, "a slice does not end");
    *workers.last_stuck.lock() = Some((process, name.into()));
}

/// Has another thread be this worker, if there may be another; whether there is nothing left to do about this slice.
fn replace(engine: &Shared, workers: &Workers, index: u16, slice: u64) -> bool {
    if workers.lost.load(Ordering::Relaxed) as usize >= engine.config.replacements_max {
        return false;
    }
    // Counted before there is a thread, so that the one that is replaced cannot be counted out first.
    workers.lost.fetch_add(1, Ordering::Relaxed);
    // The new thread itself takes over. If the host has none, nothing has happened to the old one, whose slice may have
    // ended meanwhile.
    if let Err(error) = rent(engine, index, move |workers| take_over(workers, index, slice)) {
        tracing::warn!(%error, "no thread to replace a stuck worker");
        workers.lost.fetch_sub(1, Ordering::Relaxed);
        return false;
    }
    true
}

/// The number of the tenant that this thread is from now on; `None` if the slice has ended after all.
fn take_over(workers: &Workers, index: u16, slice: u64) -> Option<u64> {
    let worker = &workers.workers[usize::from(index)];
    // Who is about to sleep looks under the same lock whether it is still the tenant. So nobody who was replaced sleeps,
    // and nobody who sleeps is replaced.
    let queue = worker.queue.lock();
    if peek(&worker.slice) == slice {
        return Some(worker.tenant.fetch_add(1, Ordering::Relaxed) + 1);
    }
    drop(queue);
    workers.lost.fetch_sub(1, Ordering::Relaxed);
    None
}
