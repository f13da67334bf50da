//! [`FaultyStore`]: a store in memory that does to its commits what failing disks and power cuts do.
//!
//! It models an engine with a log on an honest disk. A commit is whole or not there. What was committed before a sync
//! that returned is kept for good. Of what was committed since, a crash keeps a first part, of any length, and loses
//! the rest: nothing is torn and nothing is reordered, which is what an engine with checksums over its log makes of
//! disks that tear and reorder. An operation that fails may have been done nevertheless. Not modelled are disks that
//! lose what they said was synced, and content that decays.

mod power;

use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use ironloom_core::{Rng, Seed};
use parking_lot::Mutex;

use super::memory::Spaces;
use super::{KeyRange, MemoryStore, ReadStore, Space, Store, StoreError, Visit, WriteBatch};
use power::{Outcome, Power};

/// A store in memory whose crashes and failures follow from a seed. Clones are handles of the same store.
///
/// ```
/// use ironloom_core::Seed;
/// use ironloom_state::{FaultyStore, ReadStore, Space, Store, WriteBatch};
///
/// const NOTES: Space = Space::new("example.notes");
///
/// let store = FaultyStore::new(Seed::new(1));
/// store.declare(&[NOTES])?;
/// let mut changes = WriteBatch::new();
/// changes.put(NOTES, b"first", b"synced");
/// store.commit(&changes)?;
/// store.sync()?;
/// changes.put(NOTES, b"second", b"perhaps");
/// store.commit(&changes)?;
///
/// let found = store.crash();
/// assert_eq!(found.get(NOTES, b"first")?.as_deref(), Some(&b"synced"[..]));
/// assert!(store.get(NOTES, b"first").is_err(), "that process is gone");
/// # Ok::<(), ironloom_state::StoreError>(())
/// ```
///
/// After a commit, a sync or a declaration failed, all that follow fail too, as with engines that do not trust a disk
/// again: [`restart`](Self::restart) or [`crash`](Self::crash) it. Reads go on while there is power.
#[derive(Clone)]
pub struct FaultyStore {
    state: Arc<Mutex<State>>,
    /// The power cycle in which it was opened; it is dead in the next.
    cycle: u64,
}

struct State {
    rng: Rng,
    power: Power,
    /// What survives a crash.
    durable: Spaces,
    /// What is read.
    current: MemoryStore,
    /// What was committed since, and perhaps a commit that failed.
    unsynced: Vec<WriteBatch>,
}

impl FaultyStore {
    /// A store without spaces and without faults yet; `seed` decides what its crashes do.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        let state = State {
            rng: Rng::new(seed).split("faulty store", 0),
            power: Power::default(),
            durable: Spaces::default(),
            current: MemoryStore::new(),
            unsynced: Vec::new(),
        };
        Self { state: Arc::new(Mutex::new(state)), cycle: 0 }
    }

    /// How many commits were asked for, in all power cycles.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.state.lock().power.commits
    }

    /// How many syncs were asked for.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.state.lock().power.syncs
    }

    /// How many reads were asked for: values and scans.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.state.lock().power.reads
    }

    /// How many operations were asked for that change something or make it durable: commits, syncs, declarations.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state.lock().power.operations
    }

    /// How many commits a crash could lose now.
    #[must_use]
    pub fn unsynced(&self) -> usize {
        self.state.lock().unsynced.len()
    }

    /// Fails the [operation](Self::operations) after so many more. It may have been done nevertheless.
    pub fn fail_after(&self, operations: u64) {
        let power = &mut self.state.lock().power;
        power.fail_at = Some(power.operations + operations);
    }

    /// Fails the read after so many more, once; a scan fails after some of its entries.
    pub fn fail_read_after(&self, reads: u64) {
        let power = &mut self.state.lock().power;
        power.fail_read_at = Some(power.reads + reads);
    }

    /// Cuts the power during the [operation](Self::operations) after so many more: from then on everything fails, until
    /// [`crash`](Self::crash). The operation may have been done.
    pub fn power_off_after(&self, operations: u64) {
        let power = &mut self.state.lock().power;
        power.off_at = Some(power.operations + operations);
    }

    /// Turns the power off and on, and opens what is found. How many unsynced commits it kept follows from the seed.
    #[must_use = "all other handles are dead from now on"]
    pub fn crash(&self) -> Self {
        let mut state = self.state.lock();
        let commits = state.unsynced.len() as u64 + 1;
        let kept = state.rng.below(commits) as usize;
        state.crash_keeping(kept);
        self.reopened(&state)
    }

    /// Like [`crash`](Self::crash), where of the unsynced commits the first so many are kept, or all if they are fewer.
    #[must_use = "all other handles are dead from now on"]
    pub fn crash_keeping(&self, commits: usize) -> Self {
        let mut state = self.state.lock();
        state.crash_keeping(commits);
        self.reopened(&state)
    }

    /// Ends the process but not the power, and opens the store again: its commits are there, and still not durable.
    #[must_use = "all other handles are dead from now on"]
    pub fn restart(&self) -> Self {
        let mut state = self.state.lock();
        state.power.next_cycle();
        state.current = state.after(state.unsynced.len());
        self.reopened(&state)
    }

    fn reopened(&self, state: &State) -> Self {
        Self { state: Arc::clone(&self.state), cycle: state.power.cycle }
    }

    /// Counts a read, and returns what to read from and after how many entries a scan fails.
    fn read(&self) -> Result<(MemoryStore, Option<u64>), StoreError> {
        let mut state = self.state.lock();
        let is_fine = state.power.read(self.cycle).map_err(|error| StoreError::engine("read", error))?;
        let fails_after = (!is_fine).then(|| state.rng.below(4));
        Ok((state.current.clone(), fails_after))
    }
}

impl State {
    fn crash_keeping(&mut self, commits: usize) {
        self.power.next_cycle();
        self.current = self.after(commits.min(self.unsynced.len()));
        self.durable = self.current.moment();
        self.unsynced.clear();
    }

    /// The durable content and so many of the commits since.
    fn after(&self, commits: usize) -> MemoryStore {
        let store = MemoryStore::holding(self.durable.clone());
        for changes in &self.unsynced[..commits] {
            store.commit(changes).expect("it was checked when it was committed");
        }
        store
    }

    fn commit(&mut self, changes: &WriteBatch, cycle: u64) -> Result<(), StoreError> {
        let outcome = self.power.commit(cycle);
        let (refused, is_made) = match outcome {
            Outcome::Done => (self.current.commit(changes), true),
            Outcome::Fails(_) => (self.current.fork().commit(changes), self.rng.chance(1, 2)),
            Outcome::Dead(_) => return outcome.result("commit"),
        };
        // A commit that cannot be made is refused, whatever the disk does.
        refused?;
        if is_made {
            self.unsynced.push(changes.clone());
        }
        outcome.result("commit")
    }
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore").field("cycle", &self.cycle).finish_non_exhaustive()
    }
}

impl ReadStore for FaultyStore {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.read()? {
            (store, None) => store.get(space, key),
            (_, Some(_)) => Err(StoreError::engine("read", io::Error::other("a read that was to fail"))),
        }
    }

    fn scan(&self, space: Space, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let (store, fails_after) = self.read()?;
        let Some(mut left) = fails_after else {
            return store.scan(space, range, visit);
        };
        store.scan(space, range, &mut |key, value| {
            if left == 0 {
                return ControlFlow::Break(());
            }
            left -= 1;
            visit(key, value)
        })?;
        Err(StoreError::engine("scan", io::Error::other("a scan that was to fail")))
    }
}

impl Store for FaultyStore {
    fn declare(&self, spaces: &[Space]) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        state.power.operation(self.cycle).result("declare spaces")?;
        state.durable.declare(spaces);
        state.current.declare(spaces)
    }

    fn commit(&self, changes: &WriteBatch) -> Result<(), StoreError> {
        self.state.lock().commit(changes, self.cycle)
    }

    fn sync(&self) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        state.power.sync(self.cycle).result("sync")?;
        state.durable = state.current.moment();
        state.unsynced.clear();
        Ok(())
    }
}
