//! The threads of a state: some that lend it a hand, and one that syncs.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{Builder, JoinHandle};

use crate::hand::Hand;
use crate::processor::Processor;
use crate::shared::Shared;
use crate::{OpenError, StoreError};

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
            if self.work(&mut hand) {
                continue;
            }
            let ticket = self.work.ticket();
            if !self.has_work() && !self.stopping.load(Ordering::SeqCst) {
                ticket.wait();
            }
        }
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
