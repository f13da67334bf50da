//! [`State`]: the whole of it, in one handle.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use ironloom_core::Limit;

use crate::front::Phase;
use crate::hand::Hand;
use crate::layout;
use crate::processor::Processor;
use crate::receipt::Receipt;
use crate::rollback::Rollback;
use crate::shared::Shared;
use crate::submission::Submission;
use crate::thread;
use crate::wait::until;
use crate::{
    Batch, BatchId, Config, Interrupted, OpenError, ReadError, Rejected, RollbackError, Root, Snapshot,
    StateDiff, Store, StoreError, SubmitError,
};

/// Versioned resources, changed by batches of transactions that commit whole or never happened.
///
/// Batches are executed in parallel and overlap, with the same result as if every transaction ran alone, in order of
/// submission. Whoever drops it without [`close`](Self::close) waits until what was accepted is committed.
pub struct State<R: Processor> {
    shared: Arc<Shared<R>>,
    threads: Vec<JoinHandle<()>>,
}

impl<R: Processor> State<R> {
    /// Opens what is in a store, or begins with nothing. A store serves one state at a time.
    ///
    /// # Errors
    ///
    /// If the configuration makes no sense, the store fails or is damaged, or a thread cannot be started.
    pub fn open(store: impl Store, processor: R, config: Config) -> Result<Self, OpenError> {
        let shared = crate::open::open(Arc::new(store), processor, config)?;
        let mut state = Self { shared, threads: Vec::new() };
        thread::start(&state.shared, &mut state.threads)?;
        Ok(state)
    }

    /// Accepts a batch behind all others, waiting for room if as much is in flight as may be.
    ///
    /// # Errors
    ///
    /// If a limit is exceeded, or the state was closed or has failed.
    pub fn submit(&self, batch: Batch<R::Payload>) -> Result<Submission<R>, SubmitError> {
        let mut batch = batch;
        loop {
            match self.try_submit(batch) {
                Ok(submission) => return Ok(submission),
                Err(Rejected { batch: again, reason: SubmitError::Full }) => batch = again,
                Err(Rejected { reason, .. }) => return Err(reason),
            }
            self.shared.wait(&self.shared.room, || self.shared.has_room().then_some(()));
        }
    }

    /// Accepts a batch behind all others, if there is room.
    ///
    /// # Errors
    ///
    /// If too much is in flight, a limit is exceeded, or the state was closed or has failed; the batch is handed back.
    #[expect(
        clippy::result_large_err,
        reason = "a batch that is handed back is as large as one that is handed in"
    )]
    pub fn try_submit(&self, batch: Batch<R::Payload>) -> Result<Submission<R>, Rejected<R::Payload>> {
        match self.check_batch(&batch) {
            Ok(()) => self.shared.accept(batch),
            Err(reason) => Err(Rejected { batch, reason }),
        }
    }

    /// Waits until a batch would be accepted, or refused for another reason than what is in flight.
    pub async fn room(&self) {
        self.shared.room.until(|| self.shared.has_room()).await;
    }

    fn check_batch(&self, batch: &Batch<R::Payload>) -> Result<(), SubmitError> {
        let config = &self.shared.config;
        Limit::new("batch_transactions_max", config.batch_transactions_max).check(batch.len() as u64)?;
        Limit::new("metadata_bytes_max", config.metadata_bytes_max).check(batch.metadata.len() as u64)?;
        let accesses = Limit::new("transaction_accesses_max", config.transaction_accesses_max);
        let mut start = 0;
        for transaction in &batch.transactions {
            accesses.check(u64::from(transaction.accesses_end - start))?;
            start = transaction.accesses_end;
        }
        Ok(())
    }

    /// Goes back to the state after a batch that is kept, also one that is still executing.
    ///
    /// What is submitted from now on finds that state. Batches above the target are taken out of flight; who waits for
    /// them is told. [`BatchId::GENESIS`] is the state in which nothing exists.
    ///
    /// # Errors
    ///
    /// If the target is not part of the state or was pruned, or the state was closed or has failed.
    pub fn rollback(&self, target: BatchId) -> Result<Rollback<R>, RollbackError> {
        self.shared.roll_back(target)
    }

    /// Forgets, in the background, how the state was below a batch: that one can still be read and rolled back to, as
    /// far as it is durable and nobody reads an older one. What is held up is looked at again when more is pruned.
    pub fn prune(&self, below: BatchId) {
        self.shared.want_prune(below);
    }

    /// Blocks until as much is pruned as can be now.
    pub fn wait_pruned(&self) {
        let shared = &self.shared;
        if let Some(roots) = &shared.roots {
            // What the tree lacks holds the floor down.
            shared.wait(&roots.known, || (shared.has_failed() || roots.is_idle()).then_some(()));
        }
        shared.want_tidy(); // what else held it down may be gone
        let asked = shared.tidy_asked.load(Ordering::SeqCst);
        let is_done = || shared.has_failed() || shared.tidy_done.load(Ordering::SeqCst) >= asked;
        shared.wait(&shared.tidied, || is_done().then_some(()));
    }

    /// The newest batch, whether or not it is committed.
    #[must_use]
    pub fn tip(&self) -> BatchId {
        self.shared.front.lock().tip
    }

    /// The newest batch that is committed.
    #[must_use]
    pub fn committed(&self) -> BatchId {
        self.shared.settled.lock().tip
    }

    /// The oldest batch that can be read and rolled back to.
    #[must_use]
    pub fn floor(&self) -> BatchId {
        self.shared.pins.lock().floor
    }

    /// The state as it is committed now.
    ///
    /// # Panics
    ///
    /// Never: what is committed is never pruned.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let settled = self.shared.settled.lock(); // held, so that it is not rolled back and pruned meanwhile
        self.shared.snapshot(settled.clone()).expect("what is committed is never pruned")
    }

    /// The state after a batch that is committed and kept.
    ///
    /// # Errors
    ///
    /// If it is not, or the store fails.
    pub fn snapshot_at(&self, batch: BatchId) -> Result<Snapshot, ReadError> {
        let snapshot = self.shared.snapshot(self.shared.view_at(batch)?)?;
        // It is pinned now; a rollback may have come before that.
        self.shared.view_at(batch)?;
        Ok(snapshot)
    }

    /// What became of each transaction of a batch that is committed and kept.
    ///
    /// # Errors
    ///
    /// If it is not, or the store fails.
    pub fn receipts(&self, batch: BatchId) -> Result<Vec<Receipt>, ReadError> {
        self.shared.receipts(batch)
    }

    /// What a batch that is committed and kept changed.
    ///
    /// # Errors
    ///
    /// If it is not, or the store fails.
    pub fn diff(&self, batch: BatchId) -> Result<StateDiff, ReadError> {
        self.shared.diff(batch)
    }

    /// The metadata of a batch that is committed and kept.
    ///
    /// # Errors
    ///
    /// If it is not, or the store fails.
    pub fn metadata(&self, batch: BatchId) -> Result<Vec<u8>, ReadError> {
        self.shared.view_at(batch)?;
        let header = layout::header(&*self.shared.store, batch)?.ok_or(ReadError::Unknown { batch })?;
        Ok(header.metadata)
    }

    /// The batch before one that is committed and kept; whoever wants the history goes from [`committed`](Self::committed)
    /// down. The numbers of batches have gaps.
    ///
    /// ```
    /// use ironloom_state::{Batch, BatchId, Config, Context, Failure, MemoryStore, Processor, State};
    ///
    /// struct Nothing;
    ///
    /// impl Processor for Nothing {
    ///     type Payload = ();
    ///
    ///     fn execute(&self, _: &mut Context<'_>, (): &()) -> Result<(), Failure> {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let state = State::open(MemoryStore::new(), Nothing, Config::default())?;
    /// let days = ["monday", "tuesday"].map(|day| state.submit(Batch::new(day)).unwrap().id());
    /// state.submit(Batch::new("wednesday"))?.wait_committed()?;
    /// assert_eq!(state.parent(state.committed())?, days[1]);
    /// assert_eq!(state.parent(days[1])?, days[0]);
    /// assert_eq!(state.parent(days[0])?, BatchId::GENESIS);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the batch is not committed and kept, or the store fails.
    pub fn parent(&self, batch: BatchId) -> Result<BatchId, ReadError> {
        self.shared.view_at(batch)?;
        let header = layout::header(&*self.shared.store, batch)?.ok_or(ReadError::Unknown { batch })?;
        Ok(header.parent)
    }

    /// The root of the state after a batch that is committed and kept; `None` if no roots are kept, or were not then.
    ///
    /// Roots follow the commits at a distance: this blocks until the root is known.
    ///
    /// # Errors
    ///
    /// If the batch is not committed and kept, or the store fails.
    pub fn wait_root(&self, batch: BatchId) -> Result<Option<Root>, ReadError> {
        let shared = &self.shared;
        let Some(roots) = &shared.roots else {
            return Ok(None);
        };
        shared.wait(&roots.known, || shared.known_root(batch).transpose())
    }

    /// The root of the state after a batch, as [`wait_root`](Self::wait_root) says, without blocking.
    ///
    /// # Errors
    ///
    /// If the batch is not committed and kept, or the store fails.
    pub async fn root(&self, batch: BatchId) -> Result<Option<Root>, ReadError> {
        let Some(roots) = &self.shared.roots else {
            return Ok(None);
        };
        until(&roots.known, || self.shared.known_root(batch).transpose()).await
    }

    /// Does what there is to do until nothing is left; for states without workers.
    pub fn drive(&self) {
        let mut hand = Hand::new();
        while self.shared.assist(&mut hand) {}
    }

    /// Ends it: what was accepted is executed, committed and synced, and the threads are gone on return.
    ///
    /// The store is let go when the last submission, rollback and snapshot are dropped too.
    ///
    /// # Errors
    ///
    /// If the store fails, now or earlier; then what was not committed is lost, as everybody who waited for it knows.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), StoreError> {
        let shared = &self.shared;
        let mut front = shared.front.lock();
        let is_open = matches!(front.phase, Phase::Open);
        if is_open {
            front.phase = Phase::Closed;
        }
        drop(front);
        if is_open {
            shared.room.notify_all();
            shared.drain();
        }
        shared.stopping.store(true, Ordering::SeqCst);
        shared.work.notify_all();
        shared.sync_work.notify_all();
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            assert!(
                ended.is_ok() || std::thread::panicking(),
                "a hand of the state panicked: this is a bug of ours"
            );
        }
        if is_open {
            if let Err(error) = shared.write_last() {
                shared.fail(&error);
            }
            shared.interrupt_all(&Interrupted::Closed);
        }
        shared.failure.get().map_or(Ok(()), |error| Err(error.clone()))
    }
}

impl<R: Processor> Drop for State<R> {
    fn drop(&mut self) {
        // Who waited was told of a failure, and who wants to be told otherwise calls `close`.
        let _ = self.end();
    }
}

impl<R: Processor> fmt::Debug for State<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("tip", &self.tip())
            .field("committed", &self.committed())
            .finish_non_exhaustive()
    }
}
