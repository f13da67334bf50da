//! [`Executor`]: transactions that can run, and what runs them.
//!
//! What can run lies in one queue, oldest batch first, and is taken from it in handfuls, so that its lock is taken
//! rarely. What becomes ready because a transaction has run is run next by the same thread, whose caches hold the
//! value; only where that is much is it shared.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::flight::{Flight, Ready};

/// The most that is taken at once.
const HANDFUL: usize = 64;

/// How much a thread keeps to itself.
const KEPT: usize = 64;

#[derive(Debug)]
pub(crate) struct Executor<P> {
    queue: Mutex<VecDeque<Run<P>>>,
    /// How many runs are in the queue; written under its lock, read without.
    waiting: AtomicUsize,
}

/// Transactions that can run.
#[derive(Debug)]
enum Run<P> {
    /// Those of a new batch, up to the cursor from behind.
    Batch { flight: Arc<Flight<P>>, transactions: Vec<u32>, taken: usize },
    /// Those that became ready one by one.
    Others(Vec<Ready<P>>),
}

impl<P> Executor<P> {
    pub(crate) fn new() -> Self {
        Self { queue: Mutex::new(VecDeque::new()), waiting: AtomicUsize::new(0) }
    }

    /// Adds the transactions of a batch that can run.
    pub(crate) fn push_batch(&self, flight: &Arc<Flight<P>>, transactions: Vec<u32>) {
        if !transactions.is_empty() {
            self.push(Run::Batch { flight: Arc::clone(flight), transactions, taken: 0 });
        }
    }

    /// Adds transactions that became ready.
    pub(crate) fn push_ready(&self, ready: Vec<Ready<P>>) {
        if !ready.is_empty() {
            self.push(Run::Others(ready));
        }
    }

    fn push(&self, run: Run<P>) {
        let mut queue = self.queue.lock();
        queue.push_back(run);
        self.waiting.store(queue.len(), Ordering::Release);
    }

    pub(crate) fn has_work(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    /// Takes some of what can run, at most `most`, and less near the end so that others have something too.
    pub(crate) fn take(&self, most: usize, taken: &mut Vec<Ready<P>>) {
        let mut queue = self.queue.lock();
        let more_behind = queue.len() > 1;
        let Some(run) = queue.front_mut() else {
            return;
        };
        let share = |left: usize| {
            let fair = if more_behind { left } else { left.div_ceil(4) };
            fair.clamp(1, HANDFUL).min(most).min(left)
        };
        let is_empty = match run {
            Run::Batch { flight, transactions, taken: cursor } => {
                let end = *cursor + share(transactions.len() - *cursor);
                // A hand runs from the end of its list.
                let handful = transactions[*cursor..end].iter().rev();
                taken.extend(handful.map(|transaction| (Arc::clone(flight), *transaction)));
                *cursor = end;
                end == transactions.len()
            }
            Run::Others(ready) => {
                let left = ready.len() - share(ready.len());
                taken.extend(ready.drain(left..));
                ready.is_empty()
            }
        };
        let done = if is_empty { queue.pop_front() } else { None };
        self.waiting.store(queue.len(), Ordering::Release);
        drop(queue);
        drop(done);
    }

    /// Gives away what is too much for one thread; whether that was anything.
    pub(crate) fn share(&self, ready: &mut Vec<Ready<P>>, kept: usize) -> bool {
        if ready.len() <= kept {
            return false;
        }
        self.push_ready(ready.drain(..ready.len() - kept).collect());
        true
    }

    /// Gives away the older half of a long list; whether there was one.
    pub(crate) fn share_excess(&self, ready: &mut Vec<Ready<P>>) -> bool {
        ready.len() > 2 * KEPT && self.share(ready, KEPT)
    }

    /// Drops everything.
    pub(crate) fn clear(&self) {
        let mut queue = self.queue.lock();
        let dropped = std::mem::take(&mut *queue);
        self.waiting.store(0, Ordering::Release);
        drop(queue);
        drop(dropped);
    }
}
