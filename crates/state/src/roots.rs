//! [`Follower`]: keeps the Merkle tree, some steps behind what is committed.
//!
//! It follows what is committed in the order of the commits, one *task* after another; the branches that a task touches
//! are shared among whoever has time. What it is told of a batch are the values that changed; of a rollback only which
//! batches do not count any more, for which it reads their diffs and looks up what their resources hold now. The same
//! is done when a state is opened, for the batches behind the last checkpoint of the tree.

use std::array;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use ironloom_core::EventCount;
use parking_lot::Mutex;

use crate::chain::View;
use crate::keeper::Keeper;
use crate::layout::{self, RowChange};
use crate::processor::Processor;
use crate::shared::Shared;
use crate::tree::{BRANCHES, Branch, LeafChange, Summary, combine, partition};
use crate::{BatchId, ReadStore, ResourceId, Root, StoreError, Value, WriteBatch};

#[derive(Debug)]
pub(crate) struct Follower {
    branches: [Mutex<Branch>; BRANCHES],
    tasks: Mutex<VecDeque<Task>>,
    /// The task that is being done.
    current: Mutex<Option<Arc<Job>>>,
    /// Changes in the tasks, and tasks with the current one; written under the lock of the tasks.
    waiting_changes: AtomicU64,
    open_tasks: AtomicUsize,
    /// How many tasks were done.
    recorded: AtomicU64,
    progress: Mutex<Progress>,
    /// Tells that a root became known.
    pub(crate) known: EventCount,
}

#[derive(Debug)]
struct Progress {
    summaries: [Summary; BRANCHES],
    /// Roots that are not in the store.
    unwritten: BTreeMap<BatchId, Root>,
    /// The newest batch that the tree reflects, or whose undoing it reflects.
    newest: BatchId,
    changes_since_checkpoint: u64,
}

#[derive(Debug)]
enum Task {
    /// A batch was committed.
    Batch { batch: BatchId, leaves: Vec<(ResourceId, Option<Value>)> },
    /// The resources that these batches changed are to be looked at again.
    Redo { touched: Vec<BatchId>, view: View, batch: Option<BatchId> },
}

/// A task in parts.
#[derive(Debug)]
struct Job {
    /// Whose root this gives, unless it is known.
    batch: Option<BatchId>,
    /// The newest batch that is dealt with.
    newest: BatchId,
    parts: [Vec<LeafChange>; BRANCHES],
    /// The branches that change.
    busy: Vec<usize>,
    taken: AtomicUsize,
    left: AtomicUsize,
    results: [OnceLock<Summary>; BRANCHES],
}

impl Follower {
    pub(crate) fn new(branches: [Branch; BRANCHES], newest: BatchId) -> Self {
        let summaries = array::from_fn(|index| branches[index].summary());
        Self {
            branches: branches.map(Mutex::new),
            tasks: Mutex::new(VecDeque::new()),
            current: Mutex::new(None),
            waiting_changes: AtomicU64::new(0),
            open_tasks: AtomicUsize::new(0),
            recorded: AtomicU64::new(0),
            progress: Mutex::new(Progress {
                summaries,
                unwritten: BTreeMap::new(),
                newest,
                changes_since_checkpoint: 0,
            }),
            known: EventCount::new(),
        }
    }

    pub(crate) fn push_batch(&self, batch: BatchId, changes: &[RowChange], values: Vec<Option<Value>>) {
        let leaves = changes.iter().map(|change| change.resource).zip(values).collect();
        self.push(Task::Batch { batch, leaves });
    }

    /// Has the resources that some batches changed looked at again, as they are in a view; whose root that gives.
    pub(crate) fn push_redo(&self, touched: Vec<BatchId>, view: View, batch: Option<BatchId>) {
        self.push(Task::Redo { touched, view, batch });
    }

    fn push(&self, task: Task) {
        let mut tasks = self.tasks.lock();
        self.waiting_changes.fetch_add(task.weight(), Ordering::Relaxed);
        self.open_tasks.fetch_add(1, Ordering::Release);
        tasks.push_back(task);
    }

    /// How many changes wait.
    pub(crate) fn lag(&self) -> u64 {
        self.waiting_changes.load(Ordering::Relaxed)
    }

    /// Whether everything that it was told of is done.
    pub(crate) fn is_idle(&self) -> bool {
        self.open_tasks.load(Ordering::Acquire) == 0
    }

    /// Whether there is something that nobody does. Who prepares a task wakes others when that is done.
    pub(crate) fn has_work(&self) -> bool {
        !self.is_idle()
            && self.current.try_lock().is_some_and(|current| match &*current {
                Some(job) => job.taken.load(Ordering::Relaxed) < job.busy.len(),
                None => true,
            })
    }

    /// Does a part of a task; whether there was one.
    fn run(&self, store: &dyn ReadStore) -> Result<bool, StoreError> {
        let Some(job) = self.job(store)? else {
            return Ok(false);
        };
        let Some(branch) = job.busy.get(job.taken.fetch_add(1, Ordering::Relaxed)).copied() else {
            return Ok(false);
        };
        let summary = self.branches[branch].lock().apply(store, &job.parts[branch])?;
        job.results[branch].set(summary).expect("a part is taken once");
        if job.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.finish(&job);
        }
        Ok(true)
    }

    /// The current job, or the next.
    fn job(&self, store: &dyn ReadStore) -> Result<Option<Arc<Job>>, StoreError> {
        if self.is_idle() {
            return Ok(None);
        }
        let Some(mut current) = self.current.try_lock() else {
            return Ok(None); // somebody prepares a task, which may take long
        };
        while current.is_none() {
            let Some(task) = self.tasks.lock().pop_front() else {
                return Ok(None);
            };
            let job = match Job::new(&task, store) {
                Ok(job) => Arc::new(job),
                Err(error) => {
                    // It stays undone, or a checkpoint would leave it out.
                    self.tasks.lock().push_front(task);
                    return Err(error);
                }
            };
            self.waiting_changes.fetch_sub(task.weight(), Ordering::Relaxed);
            if job.busy.is_empty() {
                self.record(&job);
            } else {
                *current = Some(job);
            }
        }
        Ok(current.clone())
    }

    fn finish(&self, job: &Arc<Job>) {
        let mut current = self.current.lock();
        *current = None;
        self.record(job);
    }

    /// Notes the root that a job gave.
    fn record(&self, job: &Job) {
        let mut progress = self.progress.lock();
        for (summary, result) in progress.summaries.iter_mut().zip(&job.results) {
            if let Some(result) = result.get() {
                *summary = *result;
            }
        }
        let root = combine(&progress.summaries);
        progress.unwritten.extend(job.batch.map(|batch| (batch, root)));
        progress.newest = progress.newest.max(job.newest);
        progress.changes_since_checkpoint += job.parts.iter().map(|part| part.len() as u64).sum::<u64>();
        drop(progress);
        self.recorded.fetch_add(1, Ordering::SeqCst);
        self.open_tasks.fetch_sub(1, Ordering::Release);
        self.known.notify_all();
    }

    /// The root of a batch, if it is known and not in the store.
    pub(crate) fn root(&self, batch: BatchId) -> Option<Root> {
        self.progress.lock().unwritten.get(&batch).copied()
    }

    pub(crate) fn unwritten(&self) -> Vec<(BatchId, Root)> {
        self.progress.lock().unwritten.iter().map(|(batch, root)| (*batch, *root)).collect()
    }

    /// The store has these.
    pub(crate) fn written(&self, roots: &[(BatchId, Root)]) {
        let mut progress = self.progress.lock();
        for (batch, _) in roots {
            progress.unwritten.remove(batch);
        }
    }

    pub(crate) fn changes_since_checkpoint(&self) -> u64 {
        self.progress.lock().changes_since_checkpoint
    }

    /// Adds to `writes` what the store lacks of the tree, and returns up to which batch it is complete then. `None` if
    /// the tree is in the middle of a task.
    fn checkpoint(&self, writes: &mut WriteBatch) -> Option<BatchId> {
        // Who prepares a task may hold it for long; where there is none, nobody does.
        let current = if self.is_idle() { self.current.lock() } else { self.current.try_lock()? };
        if current.is_some() {
            return None;
        }
        let tasks = self.tasks.lock();
        let mut progress = self.progress.lock();
        let undone = tasks.iter().filter_map(Task::first_touched).min();
        progress.changes_since_checkpoint = 0;
        let complete =
            progress.newest.min(undone.map_or(progress.newest, |id| BatchId::new(id.number() - 1)));
        for branch in &self.branches {
            branch.lock().checkpoint(writes);
        }
        Some(complete)
    }

    fn release(&self) {
        self.branches.iter().for_each(|branch| branch.lock().release());
    }
}

impl Task {
    fn weight(&self) -> u64 {
        match self {
            Self::Batch { leaves, .. } => 1 + leaves.len() as u64,
            Self::Redo { .. } => 1,
        }
    }

    fn first_touched(&self) -> Option<BatchId> {
        match self {
            Self::Batch { batch, .. } => Some(*batch),
            Self::Redo { touched, .. } => touched.iter().min().copied(),
        }
    }
}

impl Job {
    fn new(task: &Task, store: &dyn ReadStore) -> Result<Self, StoreError> {
        let (batch, newest, leaves) = match task {
            Task::Batch { batch, leaves } => {
                let change =
                    |(id, value): &(ResourceId, Option<Value>)| LeafChange::new(id, value.as_deref());
                (Some(*batch), *batch, leaves.iter().map(change).collect())
            }
            Task::Redo { touched, view, batch } => {
                let newest = touched.iter().max().copied().unwrap_or(view.tip);
                (*batch, newest, redone(store, touched, view)?)
            }
        };
        let parts = partition(&leaves);
        let busy: Vec<usize> = (0..BRANCHES).filter(|index| !parts[*index].is_empty()).collect();
        let left = AtomicUsize::new(busy.len());
        let results = array::from_fn(|_| OnceLock::new());
        Ok(Self { batch, newest, parts, busy, taken: AtomicUsize::new(0), left, results })
    }
}

/// What everything that some batches changed holds in a view.
fn redone(store: &dyn ReadStore, touched: &[BatchId], view: &View) -> Result<Vec<LeafChange>, StoreError> {
    let mut resources = BTreeSet::new();
    for batch in touched {
        let changes = layout::changes(store, *batch)?
            .ok_or_else(|| StoreError::damaged(layout::DIFFS, format!("the diff of {batch} is missing")))?;
        resources.extend(changes.iter().map(|change| change.resource));
    }
    let leaf = |resource: &ResourceId| -> Result<LeafChange, StoreError> {
        Ok(LeafChange::new(resource, layout::newest(store, resource, view)?.value.as_deref()))
    };
    resources.iter().map(leaf).collect()
}

impl<R: Processor> Shared<R> {
    /// Does a part of what there is to do for the root; whether there was anything.
    pub(crate) fn hash(&self) -> bool {
        let Some(roots) = &self.roots else {
            return false;
        };
        let recorded = roots.recorded.load(Ordering::SeqCst);
        match roots.run(&*self.store) {
            Ok(has_run) => {
                // Some tasks change no branch, and are done as soon as they are prepared.
                let has_run = has_run || roots.recorded.load(Ordering::SeqCst) != recorded;
                if has_run && roots.has_work() {
                    self.wake();
                } else if has_run
                    && roots.is_idle()
                    && self.prune_wanted.load(Ordering::SeqCst) > self.pins.lock().floor.number()
                {
                    self.want_tidy();
                }
                if has_run {
                    self.room.notify_all();
                    if self.config.workers == 0 {
                        self.work.notify_all();
                    }
                }
                has_run
            }
            Err(error) => {
                self.fail(&error);
                true
            }
        }
    }

    /// Writes the tree to the store if much of it is only in memory.
    pub(crate) fn checkpoint_if_due(&self, keeper: &mut Keeper) -> Result<(), StoreError> {
        match &self.roots {
            Some(roots) if roots.changes_since_checkpoint() >= self.config.tree_changes_max => {
                self.checkpoint(keeper)
            }
            _ => Ok(()),
        }
    }

    /// Writes the tree to the store, unless it is being changed.
    pub(crate) fn checkpoint(&self, keeper: &mut Keeper) -> Result<(), StoreError> {
        let Some(roots) = &self.roots else {
            return Ok(());
        };
        let mut writes = WriteBatch::new();
        if let Some(complete) = roots.checkpoint(&mut writes) {
            keeper.tip.tree = Some(complete.max(keeper.tip.tree.unwrap_or(BatchId::GENESIS)));
            self.write(keeper, writes)?;
            roots.release();
        }
        Ok(())
    }
}
