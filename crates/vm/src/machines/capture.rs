//! [`Capture`]: what of a machine outlives its host, taken out quickly and stored by whoever has time.

use ironloom_blob::{BlobId, Durability, Tree};
use ironloom_core::MachineId;

use crate::Errno;
use crate::machine::Checkpoint;

use super::{MachineError, MachineState, Machines};

/// What of a machine outlives its host, as it was at one moment: its files, and what its processes kept.
///
/// Taking it costs a few pointers, however much was written. Storing it costs what was written, on any thread, while the
/// machine goes on; then [`Machines::settle`] gives it back what need not be stored again.
///
/// ```
/// use std::sync::Arc;
///
/// use ironloom_blob::MemoryStore;
/// use ironloom_core::{Duration, Seed};
/// use ironloom_vm::{Command, Image, MachineSpec, Machines};
///
/// let image = Image::base_in(Arc::new(MemoryStore::new()))?;
/// let mut machines = Machines::new(<_>::default(), Seed::new(1));
/// let loom = machines.create(&MachineSpec::new("loom", &image))?;
/// let second = Duration::from_secs(1);
/// machines.run(loom, &Command::shell("echo linen > /tmp/cloth"), second)?;
///
/// let capture = machines.capture(loom)?;
/// let storing = std::thread::spawn(move || capture.store());
/// machines.run(loom, &Command::shell("echo silk > /tmp/cloth"), second)?;
/// let stored = storing.join().unwrap()?;
/// machines.settle(loom, &stored)?;
///
/// let tree = stored.tree().fork();
/// assert_eq!(tree.read_all("/tmp/cloth")?, b"linen\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Capture {
    files: Tree,
    state: MachineState,
    checkpoints: Vec<Checkpoint>,
}

/// The files of a [`Capture`], which are in their store now.
#[derive(Debug)]
pub struct Stored {
    before: Tree,
    after: Tree,
    snapshot: BlobId,
}

impl Capture {
    /// What the machine was about.
    #[must_use]
    pub const fn state(&self) -> MachineState {
        self.state
    }

    /// What its processes have kept.
    #[must_use]
    pub fn checkpoints(&self) -> &[Checkpoint] {
        &self.checkpoints
    }

    /// The id of its files, unless something was changed since they were stored last.
    #[must_use]
    pub const fn files(&self) -> Option<BlobId> {
        self.files.snapshot()
    }

    /// Stores its files. They are not durable before the store is synced, and not pinned.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn store(self) -> Result<Stored, Errno> {
        let mut after = self.files.fork();
        let snapshot = after.commit(Durability::Buffered)?;
        Ok(Stored { before: self.files, after, snapshot })
    }
}

impl Stored {
    /// The id of the files.
    #[must_use]
    pub const fn files(&self) -> BlobId {
        self.snapshot
    }

    /// The files.
    #[must_use]
    pub const fn tree(&self) -> &Tree {
        &self.after
    }
}

impl Machines {
    /// Takes out what of a machine outlives its host.
    ///
    /// # Errors
    ///
    /// If there is no such machine.
    pub fn capture(&mut self, id: MachineId) -> Result<Capture, MachineError> {
        self.look(id, |machine| Capture {
            files: machine.files.fork().into_tree(),
            state: machine.state,
            checkpoints: machine.checkpoints(),
        })
    }

    /// Lets go of what a machine holds in memory of files that are stored now.
    ///
    /// # Errors
    ///
    /// If there is no such machine, or the store fails. Nothing is lost then.
    pub fn settle(&mut self, id: MachineId, stored: &Stored) -> Result<(), MachineError> {
        let settled = self.look(id, |machine| {
            machine.files.tree_mut().settle(&stored.before, &stored.after).map_err(Errno::from)
        })?;
        settled.map_err(|errno| MachineError::System { machine: id, what: "what was stored".into(), errno })
    }

    /// [Boots](Self::boot) a machine that comes back: who is started as somebody was who kept something finds that.
    ///
    /// # Errors
    ///
    /// As [`boot`](Self::boot).
    pub fn boot_again(&mut self, id: MachineId, checkpoints: Vec<Checkpoint>) -> Result<(), MachineError> {
        self.look(id, |machine| machine.leave(checkpoints))?;
        self.boot(id)
    }

    /// From now on it is noted which machines may have changed. All that there are count as changed.
    pub fn note_changes(&mut self) {
        self.notes_changes = true;
        self.changed = self.places.values().copied().collect();
        self.changed.sort_unstable();
        for place in &self.changed {
            if let Some(entry) = &self.units[place.unit as usize]
                && let Some(machine) = &mut entry.unit.lock().machines[usize::from(place.slot)]
            {
                machine.is_changed = true;
            }
        }
    }

    /// Whether any machine may have changed since [`take_changed`](Self::take_changed) was asked last.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The machines that came, ran or were visited since this was asked last, each once. Those that are gone are not among
    /// them. Nobody is unless it is [noted](Self::note_changes).
    pub fn take_changed(&mut self) -> Vec<MachineId> {
        let places = std::mem::take(&mut self.changed);
        let changed = places.into_iter().filter_map(|place| {
            let mut unit = self.units[place.unit as usize].as_ref()?.unit.lock();
            let machine = unit.machines.get_mut(usize::from(place.slot))?.as_mut()?;
            std::mem::take(&mut machine.is_changed).then_some(machine.id)
        });
        changed.collect()
    }
}
