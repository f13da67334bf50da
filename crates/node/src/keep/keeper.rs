//! [`Keeper`]: sees to it that a world is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread::JoinHandle;

use ironloom_blob::BlobId;
use ironloom_core::{Duration, Instant, MachineId};
use parking_lot::Mutex;

use super::cut::{ComputerPortrait, Cut, Portrait};
use super::record::{VERSION, WorldRecord};
use super::storer::{Done, Storer};
use super::vault::Vault;
use super::{KeepError, Opened};
use crate::world::{Answer, Core};
use crate::{Event, OrderError, Outcome, Shortage};

/// Sees to it that a world is kept: knows what changed since the last commit, and makes the next one.
///
/// A cut is taken between two windows, which takes microseconds for a machine that changed, and some more for a computer. It
/// is stored at once in a [`World`](crate::World), and on a thread of its own in a [`Node`](crate::Node), whose windows go on
/// meanwhile.
pub(crate) struct Keeper {
    pub(super) vault: Arc<Vault>,
    storer: Arc<Mutex<Storer>>,
    pub(super) opened: Opened,
    description: BlobId,
    images: BTreeMap<String, BlobId>,
    lives: u64,
    /// What changed and is in no commit.
    unsaved: BTreeSet<MachineId>,
    gone: BTreeSet<MachineId>,
    /// Whether something else did.
    is_world_unsaved: bool,
    /// Who wants to know of the next cut.
    waiting: Vec<Answer>,
    flight: Option<Flight>,
    /// Whom to wake when something is stored, if that is done on another thread.
    background: Option<Arc<dyn Fn() + Send + Sync>>,
    last_cut: Instant,
}

/// A cut that is being stored.
struct Flight {
    thread: JoinHandle<()>,
    done: Arc<Mutex<Option<Done>>>,
    answers: Vec<Answer>,
}

impl Keeper {
    pub(super) fn new(
        vault: Arc<Vault>,
        opened: Opened,
        description: BlobId,
        images: BTreeMap<String, BlobId>,
        lives: u64,
    ) -> Self {
        Self {
            storer: Arc::new(Mutex::new(Storer::new(Arc::clone(&vault)))),
            vault,
            opened,
            description,
            images,
            lives,
            unsaved: BTreeSet::new(),
            gone: BTreeSet::new(),
            is_world_unsaved: true,
            waiting: Vec::new(),
            flight: None,
            background: None,
            last_cut: Instant::ZERO,
        }
    }

    /// Something changed that is no machine.
    pub(crate) const fn note(&mut self) {
        self.is_world_unsaved = true;
    }

    /// A machine is no more.
    pub(crate) fn note_gone(&mut self, id: MachineId) {
        self.unsaved.remove(&id);
        self.gone.insert(id);
    }

    /// From now on cuts are stored on a thread of their own, and `wake` is called when one is.
    pub(crate) fn go_to_background(&mut self, now: Instant, wake: Arc<dyn Fn() + Send + Sync>) {
        (self.background, self.last_cut) = (Some(wake), now);
    }

    fn has_unsaved(&self) -> bool {
        self.is_world_unsaved || !self.unsaved.is_empty() || !self.gone.is_empty()
    }
}

impl Core {
    /// Makes a commit, and answers when it is there for good.
    pub(crate) fn commit(&mut self, answer: Answer) {
        let Some(keeper) = &mut self.keeper else {
            return answer.give(Err(OrderError::refused(KeepError::NotKept)));
        };
        keeper.waiting.push(answer);
        if keeper.background.is_some() {
            self.begin_commit_if_wanted(false);
        } else {
            self.commit_now();
        }
    }

    /// Looks after commits by the clock: ends what is stored, and begins the next if it is time; when it is time again.
    pub(crate) fn tend_keeper(&mut self, now: Instant, every: Duration) -> Option<Duration> {
        self.end_commit_if_stored();
        let machines_changed = self.has_changed();
        let keeper = self.keeper.as_mut()?;
        let is_unsaved = machines_changed || keeper.has_unsaved();
        let due = keeper.last_cut.saturating_add(every);
        if is_unsaved && now >= due {
            keeper.last_cut = now;
        }
        self.begin_commit_if_wanted(is_unsaved && now >= due);
        // Who sleeps is woken when what is under way is stored.
        let is_idle = self.keeper.as_ref().is_some_and(|keeper| keeper.flight.is_none());
        (is_unsaved && is_idle).then(|| due.saturating_since(now))
    }

    /// Makes the last commit of a node that stops, if there is anything to commit, and waits for it.
    pub(crate) fn keep_at_last(&mut self) {
        while let Some(flight) = self.keeper.as_mut().and_then(|keeper| keeper.flight.take()) {
            self.end_commit(flight);
        }
        let machines_changed = self.has_changed();
        let Some(keeper) = &mut self.keeper else { return };
        keeper.background = None;
        if machines_changed || keeper.has_unsaved() || !keeper.waiting.is_empty() {
            self.commit_now();
        }
    }

    fn commit_now(&mut self) {
        let Some(cut) = self.cut() else { return };
        let Some(keeper) = &mut self.keeper else { return };
        let answers = std::mem::take(&mut keeper.waiting);
        let done = Arc::clone(&keeper.storer).lock().store(cut);
        self.finish(done, answers);
    }

    #[expect(clippy::disallowed_methods, reason = "storing waits for the disk, which no worker may")]
    fn begin_commit_if_wanted(&mut self, is_due: bool) {
        let Some(keeper) = &self.keeper else { return };
        if keeper.flight.is_some() || !is_due && keeper.waiting.is_empty() {
            return;
        }
        let Some(cut) = self.cut() else { return };
        let Some(keeper) = &mut self.keeper else { return };
        let answers = std::mem::take(&mut keeper.waiting);
        let done = Arc::<Mutex<Option<Done>>>::default();
        let storing = (Arc::clone(&keeper.storer), Arc::clone(&done), keeper.background.clone());
        let thread = std::thread::Builder::new().name("ironloom-keeper".to_owned()).spawn(move || {
            let (storer, done, wake) = storing;
            let stored = storer.lock().store(cut);
            *done.lock() = Some(stored);
            if let Some(wake) = wake {
                wake();
            }
        });
        match thread {
            Ok(thread) => keeper.flight = Some(Flight { thread, done, answers }),
            Err(error) => {
                // The cut is gone, and what was in it is not known any more: everything is to be stored again.
                self.note_changes();
                let error = OrderError::refused(format!("no thread to store it: {error}"));
                answers.into_iter().for_each(|answer| answer.give(Err(error.clone())));
            }
        }
    }

    fn end_commit_if_stored(&mut self) {
        let Some(keeper) = &mut self.keeper else { return };
        if let Some(flight) = keeper.flight.take_if(|flight| flight.done.lock().is_some()) {
            self.end_commit(flight);
        }
    }

    fn end_commit(&mut self, flight: Flight) {
        let Flight { thread, done, answers } = flight;
        let panicked = thread.join().is_err();
        let done = done.lock().take();
        match done {
            Some(done) => self.finish(done, answers),
            None => {
                debug_assert!(panicked, "who does not panic says what became of it");
                self.note_changes();
                let error = OrderError::refused("whoever was to store it failed; it is tried again");
                answers.into_iter().for_each(|answer| answer.give(Err(error.clone())));
            }
        }
    }

    /// A world as it is now, without what is kept already.
    fn cut(&mut self) -> Option<Cut> {
        let mut changed = self.machines.take_changed();
        changed.extend(self.take_changed_computers());
        let network = self.changes.clone();
        let (now, made) = (self.machines.now(), self.made);
        let keeper = self.keeper.as_mut()?;
        keeper.unsaved.extend(changed);
        let unsaved = std::mem::take(&mut keeper.unsaved);
        let gone = std::mem::take(&mut keeper.gone).into_iter().collect();
        keeper.is_world_unsaved = false;
        let world = WorldRecord {
            version: VERSION,
            description: keeper.description,
            images: keeper.images.clone(),
            now,
            made,
            lives: keeper.lives,
            network,
        };
        let (computers, machines): (Vec<_>, Vec<_>) =
            unsaved.into_iter().partition(|id| self.is_computer(*id));
        let computers = computers.into_iter().filter_map(|id| self.computer_portrait(id)).collect();
        let changed = machines.into_iter().filter_map(|id| self.portrait(id)).collect();
        let machines = self.entries().count() as u64;
        Some(Cut { world, machines, changed, computers, gone })
    }

    fn computer_portrait(&mut self, id: MachineId) -> Option<ComputerPortrait> {
        let name = self.name_of(id)?.clone();
        match self.capture_computer(id)? {
            Ok(still) => Some(ComputerPortrait { name, id, still }),
            Err(error) => {
                tracing::error!(computer = name, %error, "it cannot be taken into a commit; it is tried again");
                self.keeper.iter_mut().for_each(|keeper| _ = keeper.unsaved.insert(id));
                None
            }
        }
    }

    fn portrait(&mut self, id: MachineId) -> Option<Portrait> {
        let name = self.name_of(id)?.clone();
        let entry = self.machine(&name).ok()?.clone();
        let capture = self.machines.capture(id).ok()?;
        Some(Portrait { name, id, table: entry.table, at: entry.at, address: entry.address, capture })
    }

    fn finish(&mut self, done: Done, answers: Vec<Answer>) {
        let Done { at, result, stored, computers, changed, gone } = done;
        match &result {
            Ok(commit) => self.tell(&Event::Committed { at, commit: *commit }),
            Err(error) => {
                if let Some(keeper) = &mut self.keeper {
                    keeper.unsaved.extend(changed.into_iter().filter(|id| !keeper.gone.contains(id)));
                    keeper.gone.extend(gone);
                    keeper.is_world_unsaved = true;
                }
                tracing::error!(%error, "a commit failed; it is tried again");
                let shortage = Shortage::Storage { reason: error.to_string() };
                self.tell(&Event::Resource { at, shortage });
            }
        }
        let outcome = result.map(Outcome::Committed).map_err(OrderError::refused);
        answers.into_iter().for_each(|answer| answer.give(outcome.clone()));
        // Nobody waits for memory to be let go of, and who vanished meanwhile has none.
        stored.iter().for_each(|(id, stored)| _ = self.machines.settle(*id, stored));
        computers.iter().for_each(|(id, stored)| self.settle_computer(*id, stored));
    }

    /// Counts all machines as changed, and those as gone that are kept and are not here.
    pub(super) fn distrust(&mut self, kept: impl IntoIterator<Item = MachineId>) {
        let gone: Vec<MachineId> = kept.into_iter().filter(|id| self.name_of(*id).is_none()).collect();
        if let Some(keeper) = &mut self.keeper {
            keeper.gone.extend(gone);
        }
    }
}
