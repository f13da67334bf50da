//! [`Modules`]: what the modules of a process have returned.

use std::collections::BTreeMap;

use crate::luau::Kept;
use crate::os::TaskId;
use crate::os::waiters::Waiters;

use super::Machine;

/// How many modules a process has.
pub(crate) const MODULES_MAX: usize = 1_024;

/// The modules of a process, by the path of their file.
#[derive(Debug, Default)]
pub(crate) struct Modules(BTreeMap<Vec<u8>, Module>);

/// A module that was required.
#[derive(Debug)]
pub(crate) enum Module {
    /// A task runs its body.
    Loading {
        /// Which task.
        by: TaskId,
        /// Who waits for its end.
        waiters: Waiters,
    },
    /// It has returned this.
    Loaded(Kept),
}

impl Modules {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn get(&self, path: &[u8]) -> Option<&Module> {
        self.0.get(path)
    }

    pub(crate) fn contains(&self, path: &[u8]) -> bool {
        self.0.contains_key(path)
    }

    /// Who waits until a module is loaded.
    pub(crate) fn waiters_of(&mut self, path: &[u8]) -> Option<&mut Waiters> {
        match self.0.get_mut(path)? {
            Module::Loading { waiters, .. } => Some(waiters),
            Module::Loaded(_) => None,
        }
    }

    /// Whether somebody would wait for itself who waits for this module.
    pub(crate) fn is_circle(&self, path: &[u8], task: TaskId) -> bool {
        let mut next = self.0.get(path);
        // Each step leads to another module, so there are no more steps than modules.
        for _ in 0..=self.0.len() {
            match next {
                Some(Module::Loading { by, .. }) if *by == task => return true,
                Some(Module::Loading { by, .. }) => {
                    let waits = |module: &&Module| match module {
                        Module::Loading { waiters, .. } => waiters.has(*by),
                        Module::Loaded(_) => false,
                    };
                    next = self.0.values().find(waits);
                }
                Some(Module::Loaded(_)) | None => return false,
            }
        }
        true
    }

    /// Everything that the heap keeps for them.
    pub(crate) fn into_kept(self) -> impl Iterator<Item = Kept> {
        self.0.into_values().filter_map(|module| match module {
            Module::Loaded(kept) => Some(kept),
            Module::Loading { .. } => None,
        })
    }
}

impl Machine {
    /// The task that runs begins to load a module.
    pub(crate) fn module_begins(&mut self, path: Vec<u8>) {
        let by = self.current.task;
        let modules = self.process_mut().modules.get_or_insert_default();
        modules.0.insert(path, Module::Loading { by, waiters: Waiters::default() });
    }

    /// The task that runs has loaded a module, or has failed to.
    pub(crate) fn module_ends(&mut self, path: &[u8], returned: Option<Kept>) {
        let by = self.current.task;
        let modules = self.process_mut().modules.get_or_insert_default();
        let is_ours = |module: &Module| matches!(module, Module::Loading { by: task, .. } if *task == by);
        if !modules.get(path).is_some_and(is_ours) {
            self.work.kept.extend(returned);
            return;
        }
        let ended = match returned {
            Some(kept) => modules.0.insert(path.to_vec(), Module::Loaded(kept)),
            None => modules.0.remove(path),
        };
        if let Some(Module::Loading { mut waiters, .. }) = ended {
            let waiters = waiters.take();
            self.wake_all(waiters);
        }
    }

    /// A task is gone: what it was loading is to be loaded by somebody else.
    pub(crate) fn modules_without(&mut self, pid: crate::os::Pid, task: TaskId) {
        let Some(modules) = self.table.get_mut(pid).and_then(|process| process.modules.as_mut()) else {
            return;
        };
        let mut woken = Vec::new();
        modules.0.retain(|_, module| match module {
            Module::Loading { by, waiters } if *by == task => {
                woken.extend(waiters.take());
                false
            }
            _ => true,
        });
        self.wake_all(woken);
    }
}
