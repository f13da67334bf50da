//! The threads of a state: some that lend it a hand, and one that syncs.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::thread::{Builder, JoinHandle};

use crate::hand::Hand;
use crate::processor::Processor;
use crate::shared::Shared;
use crate::{OpenError, StoreError};

/// How often a hand looks for work before it sleeps.
const SEARCHES: usize = 1_000;

/// Starts as many threads as are configured, and puts them where they will be joined.
pub(crate) fn start<R: Processor>(
    shared: &Arc<Shared<R>>,
    threads: &mut Vec<JoinHandle<()>>,
) -> Result<(), OpenError> {
    for number in 0..shared.config.workers {
        let shared = Arc::clone(shared);
        threads.push(spawn(format!("state-{number}"), move || shared.lend_a_hand())?);
    }
    if shared.config.workers > 0 {
        let shared = Arc::clone(shared);
        threads.push(spawn("state-sync".to_owned(), move || shared.keep_synced())?);
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the hands are the driver of this crate; closing the state joins them"
)]
fn spawn(name: String, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    Builder::new().name(name).spawn(body).map_err(|error| OpenError::Worker { reason: error.to_string() })
}

impl<R: Processor> Shared<R> {
    /// What a thread of the state does for all its life.
    fn lend_a_hand(&self) {
        let _guard = Guard(self);
        let mut hand = Hand::new();
        while !self.stopping.load(Ordering::SeqCst) {
            if self.work(&mut hand) || self.search() {
                continue;
            }
            let ticket = self.work.ticket();
            if !self.has_work() && !self.stopping.load(Ordering::SeqCst) {
                ticket.wait();
            }
        }
    }

    /// Looks for work for a moment, unless another hand does; whether there is some.
    ///
    /// To wake a thread costs who wakes it some microseconds, which is what many transactions take. One that looks need
    /// not be woken, and while it does nobody else is: it calls them itself if it finds more than it can do.
    fn search(&self) -> bool {
        if self.searching.swap(true, Ordering::Acquire) {
            return false;
        }
        let mut found = false;
        for _ in 0..SEARCHES {
            found = self.has_work() || self.stopping.load(Ordering::Relaxed);
            if found {
                break;
            }
            std::hint::spin_loop();
        }
        self.searching.store(false, Ordering::Relaxed);
        fence(Ordering::SeqCst); // pairs with the one in `wake`
        if self.executor.has_work() && self.is_keeper_due() {
            self.wake(); // there is something for two
        }
        found
    }

    /// What the thread that syncs does for all its life.
    fn keep_synced(&self) {
        let _guard = Guard(self);
        while !self.stopping.load(Ordering::SeqCst) {
            let ticket = self.sync_work.ticket();
            if !self.sync() && !self.stopping.load(Ordering::SeqCst) {
                ticket.wait();
            }
        }
    }
}

/// Fails the state if the thread that holds it panics: who waits for what it did would wait for ever.
struct Guard<'a, R: Processor>(&'a Shared<R>);

impl<R: Processor> Drop for Guard<'_, R> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let reason = std::io::Error::other("a thread of the state panicked");
            self.0.fail(&StoreError::engine("go on", reason));
        }
    }
}
