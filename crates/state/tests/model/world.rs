//! [`World`]: an engine and the model beside it, to which the same happens.

use ironloom_core::Seed;
use ironloom_state::{
    BatchId, Config, FaultyStore, Interrupted, ReadError, RollbackError, Roots, Snapshot, State, StoreError,
    Submission, SubmitError,
};

use crate::model::{Entry, Model, Presence};
use crate::program::{Plan, Programs};
use crate::schedule::{End, Fault, Schedule, Stage, Step};

/// The store failed, as it was told to; what was being done may or may not have happened.
#[derive(Debug)]
pub(crate) struct Broken;

pub(crate) type Outcome<T = ()> = Result<T, Broken>;

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        assert!(matches!(error, StoreError::Engine { .. }), "only the engine was to fail: {error}");
        Self
    }
}

impl From<ReadError> for Broken {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => error.into(),
            other => panic!("{other}"),
        }
    }
}

pub(crate) struct World {
    pub(crate) store: FaultyStore,
    pub(crate) state: Option<State<Programs>>,
    pub(crate) config: Config,
    pub(crate) model: Model,
    pub(crate) submissions: Vec<Pending<Submission<Programs>>>,
    pub(crate) rollbacks: Vec<Pending<ironloom_state::Rollback<Programs>>>,
    /// With the batch below which nothing may be pruned because of each.
    pub(crate) snapshots: Vec<(Snapshot, BatchId)>,
    /// Whether the store was told to fail.
    pub(crate) is_armed: bool,
}

/// Something that was accepted, and its place in the log of the model.
pub(crate) struct Pending<T> {
    pub(crate) what: T,
    pub(crate) entry: usize,
}

impl World {
    pub(crate) fn new(seed: Seed, config: Config) -> Self {
        let mut world = Self {
            store: FaultyStore::new(seed),
            state: None,
            config,
            model: Model::new(),
            submissions: Vec::new(),
            rollbacks: Vec::new(),
            snapshots: Vec::new(),
            is_armed: false,
        };
        world.open(0);
        world
    }

    /// Lets a whole schedule happen, and looks at what is left.
    pub(crate) fn run(schedule: &Schedule) -> Self {
        let mut world = Self::new(schedule.seed, schedule.config.clone());
        schedule.steps.iter().for_each(|step| world.step(step));
        world.finish();
        world
    }

    /// Closes, opens and checks everything once more.
    pub(crate) fn finish(&mut self) {
        let roots = self.config.roots;
        self.step(&Step::Check);
        self.step(&Step::End { how: End::Close, roots, fault_at_open: None });
        self.step(&Step::Check);
        self.step(&Step::Prune { pick: 1, is_full: true });
    }

    /// One thing happens. If the store fails on the way, the world goes on after a crash.
    pub(crate) fn step(&mut self, step: &Step) {
        self.step_or(step, End::Crash);
    }

    /// One thing happens. If the store fails on the way, the world goes on after it ended like this; whether it did.
    pub(crate) fn step_or(&mut self, step: &Step, how: End) -> bool {
        let is_broken = self.take(step).is_err();
        if is_broken {
            assert!(self.is_armed, "the store failed by itself in {step:?}");
            self.check_waiters_are_told();
            self.end(how, self.config.roots, None);
        }
        is_broken
    }

    pub(crate) fn state(&self) -> &State<Programs> {
        self.state.as_ref().unwrap()
    }

    fn take(&mut self, step: &Step) -> Outcome {
        match step {
            Step::Submit { plan, synced } => self.submit(plan, *synced),
            Step::Return { pick } => match self.returning(*pick) {
                Some(plan) => self.submit(&plan, false),
                None => Ok(()),
            },
            Step::Wait { pick, stage } => match self.submissions.len() as u64 {
                0 => Ok(()),
                count => self.wait((pick % count) as usize, *stage),
            },
            Step::Rollback { pick, waits } => self.roll_back(*pick, *waits),
            Step::RollbackRefused { pick } => self.roll_back_in_vain(*pick),
            Step::Prune { pick, is_full } => self.prune(*pick, *is_full),
            Step::OpenSnapshot { pick } => self.open_snapshot(*pick),
            Step::DropSnapshot { pick } => {
                if !self.snapshots.is_empty() {
                    self.snapshots.swap_remove((pick % self.snapshots.len() as u64) as usize);
                }
                Ok(())
            }
            Step::Drive => {
                self.state().drive();
                Ok(())
            }
            Step::Check => self.check(),
            Step::Fault(fault) => {
                self.arm(*fault);
                Ok(())
            }
            Step::End { how, roots, fault_at_open } => {
                if matches!(how, End::Close | End::Drop) {
                    self.check_snapshots()?;
                }
                self.end(*how, *roots, *fault_at_open);
                Ok(())
            }
        }
    }

    fn submit(&mut self, plan: &Plan, synced: bool) -> Outcome {
        let batch = if synced { plan.batch().synced() } else { plan.batch() };
        let returning = self.model.returning(plan);
        let what = match self.state().submit(batch) {
            Ok(submission) => submission,
            Err(SubmitError::Failed(error)) => return Err(error.into()),
            Err(other) => panic!("{other}"),
        };
        let id = what.id();
        let entry = if what.is_restored() {
            let known = returning.get(&id);
            assert!(known.is_some(), "{id} returned as something else: {returning:?}");
            self.model.stored.insert(id, Presence::Certain);
            self.model.go(id, false)
        } else {
            let is_missed = returning.values().any(|presence| *presence == Presence::Certain);
            assert!(!is_missed, "{id} is one of {returning:?}, which was not recognised");
            self.model.accept(id, plan, self.config.roots == Roots::On)
        };
        self.submissions.push(Pending { what, entry });
        assert_eq!(self.state().tip(), id);
        Ok(())
    }

    fn returning(&self, pick: u64) -> Option<Plan> {
        let records = &self.model.records;
        let here = records.values().filter(|record| record.parent == self.model.tip());
        let mut plans: Vec<&Plan> = here.map(|record| &record.plan).collect();
        if plans.is_empty() {
            plans.extend(records.values().map(|record| &record.plan));
        }
        let count = plans.len() as u64;
        (count > 0).then(|| plans[(pick % count) as usize].clone())
    }

    pub(crate) fn wait(&mut self, number: usize, stage: Stage) -> Outcome {
        let Pending { what, entry } = &self.submissions[number];
        let (id, entry) = (what.id(), *entry);
        let is_cancelled = self.model.log[entry].is_cancelled;
        let outcome = match stage {
            Stage::Executed => what.wait_executed(),
            Stage::Committed => what.wait_committed(),
            Stage::Durable => what.wait_durable(),
        };
        match outcome {
            Ok(()) => {
                let may_be = !is_cancelled || matches!(stage, Stage::Executed);
                assert!(may_be, "{id} was cancelled and is {stage:?}");
                let what = &self.submissions[number].what;
                let record = &self.model.records[&id];
                match (what.receipts(), what.diff()) {
                    (Ok(receipts), Ok(diff)) => {
                        assert_eq!(receipts, record.receipts, "receipts of {id}");
                        assert_eq!(diff.changes, record.changes, "diff of {id}");
                    }
                    (Err(ReadError::Store(error)), _) | (_, Err(ReadError::Store(error))) => {
                        return Err(error.into());
                    }
                    _ => assert!(what.is_restored(), "only what is in the store is read from there"),
                }
            }
            Err(Interrupted::RolledBack) => {
                let is_gone = matches!(stage, Stage::Durable) && !self.model.counts(id);
                assert!(is_cancelled || is_gone, "{id} was not rolled back");
                return Ok(());
            }
            Err(Interrupted::Failed(error)) => return Err(error.into()),
            Err(other) => panic!("{other}"),
        }
        match stage {
            Stage::Executed => {}
            Stage::Committed => self.model.committed = self.model.committed.max(entry),
            Stage::Durable => {
                assert!(self.model.counts(id), "{id} was rolled back and is said to be durable");
                self.model.committed = self.model.committed.max(entry);
                self.model.durable = self.model.durable.max(entry);
            }
        }
        Ok(())
    }

    fn roll_back(&mut self, pick: u64, waits: bool) -> Outcome {
        let floor = self.state().floor();
        let chain = self.model.chain(self.model.tip());
        let targets: Vec<BatchId> = chain.into_iter().filter(|id| *id >= floor).collect();
        let target = targets[(pick % targets.len() as u64) as usize];
        let what = match self.state().rollback(target) {
            Ok(rollback) => rollback,
            Err(RollbackError::Failed(error)) => return Err(error.into()),
            Err(RollbackError::Pruned { .. }) if self.may_be_pruned(target) => return Ok(()),
            Err(other) => panic!("{target}: {other}"),
        };
        assert_eq!(what.target(), target);
        // What is above the target was committed, or never will be.
        for Pending { what, entry } in &self.submissions {
            if what.id() <= target || !self.model.log[*entry].is_new {
                continue;
            }
            match what.wait_committed() {
                Ok(()) | Err(Interrupted::Failed(_)) => {}
                Err(Interrupted::RolledBack) => self.model.cancel(*entry),
                Err(other) => panic!("{other}"),
            }
        }
        let entry = self.model.go(target, false);
        for (_, pin) in &mut self.snapshots {
            *pin = target.min(*pin);
        }
        if waits {
            self.wait_rollback(&what, entry)?;
        }
        self.rollbacks.push(Pending { what, entry });
        assert_eq!(self.state().tip(), target);
        Ok(())
    }

    fn wait_rollback(&mut self, what: &ironloom_state::Rollback<Programs>, entry: usize) -> Outcome {
        match what.wait() {
            Ok(()) => {
                self.model.committed = self.model.committed.max(entry);
                self.model.durable = self.model.durable.max(entry);
                Ok(())
            }
            Err(Interrupted::Failed(error)) => Err(error.into()),
            Err(other) => panic!("{other}"),
        }
    }

    /// Whether a batch may have been pruned since somebody looked, by another thread.
    pub(crate) fn may_be_pruned(&self, id: BatchId) -> bool {
        self.config.workers > 0 && self.model.prune_wanted.is_some_and(|wanted| id < wanted)
    }

    fn roll_back_in_vain(&mut self, pick: u64) -> Outcome {
        let chain = self.model.chain(self.model.tip());
        let floor = self.state().floor();
        let beyond = BatchId::new(self.model.last_id().number() + 1 + pick % 3);
        let mut targets: Vec<BatchId> =
            self.model.records.keys().copied().chain([BatchId::GENESIS, beyond]).collect();
        targets.retain(|id| *id < floor || !chain.contains(id));
        let target = targets[(pick % targets.len() as u64) as usize];
        match self.state().rollback(target) {
            Err(RollbackError::Failed(error)) => Err(error.into()),
            Err(RollbackError::Pruned { .. }) => {
                assert!(target < floor || self.may_be_pruned(target), "{target} is not pruned: {floor}");
                Ok(())
            }
            Err(RollbackError::Unknown { .. }) => {
                assert!(target >= floor, "{target} is known to be pruned: {floor}");
                Ok(())
            }
            other => panic!("a rollback to {target}: {other:?}"),
        }
    }

    fn prune(&mut self, pick: u64, is_full: bool) -> Outcome {
        let last = self.model.last_id().number();
        let ids: Vec<BatchId> = self.model.records.keys().copied().chain([BatchId::new(last + 2)]).collect();
        let below = ids[(pick % ids.len() as u64) as usize];
        if is_full {
            self.settle()?;
        }
        let before = self.state().floor();
        self.state().prune(below);
        self.model.prune_wanted = self.model.prune_wanted.max(Some(below));
        if !is_full {
            return Ok(());
        }
        self.state().wait_pruned();
        self.settle()?;
        self.check_pruned(before)
    }

    fn open_snapshot(&mut self, pick: u64) -> Outcome {
        let committed = self.state().committed();
        let floor = self.state().floor();
        let chain = self.model.chain(committed);
        let kept: Vec<BatchId> = chain.into_iter().filter(|id| *id >= floor).collect();
        if kept.is_empty() && self.config.workers > 0 {
            return Ok(()); // there was a commit between the two looks, and it was pruned up to that
        }
        let wanted = kept[(pick % kept.len() as u64) as usize];
        let snapshot = match self.state().snapshot_at(wanted) {
            Ok(snapshot) => snapshot,
            Err(ReadError::Pruned { .. }) if self.may_be_pruned(wanted) => return Ok(()),
            // A worker may have committed a rollback since.
            Err(ReadError::Unknown { .. }) if self.config.workers > 0 => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        self.snapshots.push((snapshot, wanted.min(self.model.tip())));
        Ok(())
    }

    /// Waits until nothing is left to do.
    pub(crate) fn settle(&mut self) -> Outcome {
        for number in 0..self.submissions.len() {
            self.wait(number, Stage::Committed)?;
        }
        for Pending { what, entry } in std::mem::take(&mut self.rollbacks) {
            self.wait_rollback(&what, entry)?;
        }
        let state = self.state();
        state.wait_root(state.committed())?;
        if self.config.workers == 0 {
            state.drive();
        } else {
            state.wait_pruned();
        }
        assert_eq!(state.committed(), self.model.tip(), "all is committed");
        Ok(())
    }

    fn arm(&mut self, fault: Fault) {
        self.is_armed = true;
        match fault {
            Fault::PowerOff(after) => self.store.power_off_after(after),
            Fault::Fail(after) => self.store.fail_after(after),
            Fault::FailRead(after) => self.store.fail_read_after(after),
        }
    }

    /// After the store failed, nobody waits in vain.
    fn check_waiters_are_told(&mut self) {
        for Pending { what, .. } in &self.submissions {
            drop((what.wait_executed(), what.wait_committed(), what.wait_durable()));
        }
        for Pending { what, entry } in &self.rollbacks {
            if what.wait().is_ok() {
                self.model.durable = self.model.durable.max(*entry);
            }
        }
        self.state().drive();
        self.state().wait_pruned();
        drop(self.state().wait_root(self.state().committed()));
    }

    /// Ends the state somehow, and opens what is found.
    pub(crate) fn end(&mut self, how: End, roots: Roots, fault_at_open: Option<Fault>) {
        let mut least = self.end_state(how);
        self.config.roots = roots;
        if let Some(fault) = fault_at_open {
            self.arm(fault);
            let opened = State::open(self.store.clone(), Programs, self.config.clone());
            if let Ok(state) = opened {
                self.is_armed = true;
                return self.take_over(state, least);
            }
            self.store = self.store.crash();
            least = if matches!(how, End::Kill) { self.model.durable } else { least };
        }
        self.is_armed = false;
        self.open(least);
    }

    /// Returns from which entry of the log on the tip may be found.
    fn end_state(&mut self, how: End) -> usize {
        let last = self.model.log.len() - 1;
        let state = self.state.take().unwrap();
        let tip = state.committed(); // asked once: it may rise while we look
        let is_tip = |entry: &Entry| entry.tip == tip && !entry.is_cancelled;
        let seen = self.model.log.iter().rposition(is_tip);
        let first = self.model.log.iter().position(is_tip);
        assert!(seen.is_some(), "{tip} was committed");
        let committed = self.model.committed.max(first.unwrap());
        let durable = self.model.durable;
        let (store, least) = match how {
            End::Close | End::Drop => {
                let is_closed = match how {
                    End::Close => state.close().is_ok(),
                    // Whether it ended well cannot be seen.
                    _ => {
                        drop(state);
                        !self.is_armed
                    }
                };
                assert!(is_closed || self.is_armed, "nothing was to fail");
                self.release();
                match (is_closed, how) {
                    (true, End::Close) => (self.store.crash(), last),
                    (true, _) => (self.store.restart(), last),
                    (false, _) => (self.store.crash(), durable),
                }
            }
            End::Kill => {
                let store = self.store.restart();
                drop(state);
                (store, committed)
            }
            End::Crash => {
                let store = self.store.crash();
                drop(state);
                (store, durable)
            }
            End::CrashKeeping(commits) => {
                let store = self.store.crash_keeping(commits);
                drop(state);
                (store, durable)
            }
        };
        self.release();
        self.store = store;
        least
    }

    fn release(&mut self) {
        self.submissions.clear();
        self.rollbacks.clear();
        self.snapshots.clear();
    }

    fn open(&mut self, least: usize) {
        let state = State::open(self.store.clone(), Programs, self.config.clone()).unwrap();
        self.take_over(state, least);
    }

    fn take_over(&mut self, state: State<Programs>, least: usize) {
        let tip = state.tip();
        assert_eq!(state.committed(), tip);
        let wanted = self.model.prune_wanted;
        self.model.found(tip, least);
        let floor = state.floor();
        assert!(
            floor <= self.model.floor().max(wanted.unwrap_or(BatchId::GENESIS)),
            "{floor} was not asked for"
        );
        assert!(self.model.chain(tip).contains(&floor), "{floor} does not count at {tip}");
        self.model.floor = Some(floor);
        match self.config.roots {
            Roots::On => drop(self.model.rooted.insert(tip)),
            Roots::Off => self.model.rooted.clear(),
        }
        self.state = Some(state);
    }
}
