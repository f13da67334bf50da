//! [`Roster`]: the children of a supervisor, in the order in which they were added.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ironloom_core::{Instant, Map};

use super::{Child, ChildInfo, Restart, Strategy};
use crate::{ExitReason, ProcessId, ProcessRef};

/// A child's place in the order.
pub(super) type Key = u64;

/// The children, and what became of each.
#[derive(Default)]
pub(super) struct Roster {
    entries: BTreeMap<Key, Entry>,
    names: Map<Arc<str>, Key>,
    processes: Map<ProcessId, Key>,
    /// Who is to be started, and when.
    due: BTreeSet<(Instant, Key)>,
    next: Key,
}

/// A child, and what became of it.
pub(super) struct Entry {
    pub(super) child: Child,
    pub(super) state: State,
    /// How often it was started again.
    pub(super) restarts: u64,
    /// How often it has failed in a row, each time before it had run for long.
    pub(super) failures: u32,
    /// When it was last started.
    pub(super) begun: Instant,
}

/// What a child does.
pub(super) enum State {
    /// It is to be started then.
    Due(Instant),
    Running(ProcessRef),
    /// It has ended, and nothing has been done about it yet.
    Ended(ExitReason),
    /// It has ended for good, unless all are started again.
    Resting,
}

impl Roster {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds a child that is to be started now; `None` if there is one of its name.
    pub(super) fn add(&mut self, child: Child, now: Instant) -> Option<Key> {
        if self.names.contains_key(child.name()) {
            return None;
        }
        let key = self.next;
        self.next += 1;
        self.names.insert(Arc::clone(child.name()), key);
        let state = State::Due(now);
        self.entries.insert(key, Entry { child, state, restarts: 0, failures: 0, begun: now });
        self.due.insert((now, key));
        Some(key)
    }

    pub(super) fn remove(&mut self, key: Key) {
        self.settle(key, State::Resting);
        if let Some(entry) = self.entries.remove(&key) {
            self.names.remove(entry.child.name());
        }
    }

    pub(super) fn entry(&mut self, key: Key) -> Option<&mut Entry> {
        self.entries.get_mut(&key)
    }

    pub(super) fn named(&self, name: &str) -> Option<Key> {
        self.names.get(name).copied()
    }

    pub(super) fn child_of(&self, process: ProcessId) -> Option<Key> {
        self.processes.get(&process).copied()
    }

    /// The child's process, if it runs.
    pub(super) fn process(&self, key: Key) -> Option<&ProcessRef> {
        match &self.entries.get(&key)?.state {
            State::Running(process) => Some(process),
            _ => None,
        }
    }

    /// Changes what a child does.
    pub(super) fn settle(&mut self, key: Key, state: State) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        match &entry.state {
            State::Due(at) => {
                self.due.remove(&(*at, key));
            }
            State::Running(process) => {
                self.processes.remove(&process.id());
            }
            State::Ended(_) | State::Resting => {}
        }
        match &state {
            State::Due(at) => {
                self.due.insert((*at, key));
            }
            State::Running(process) => {
                self.processes.insert(process.id(), key);
            }
            State::Ended(_) | State::Resting => {}
        }
        entry.state = state;
    }

    /// When somebody is to be started next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        Some(self.due.first()?.0)
    }

    /// Who is to be started now.
    pub(super) fn due(&self, now: Instant) -> Option<Key> {
        self.due.first().filter(|(at, _)| *at <= now).map(|(_, key)| *key)
    }

    /// All children, in order.
    pub(super) fn keys(&self) -> Vec<Key> {
        self.entries.keys().copied().collect()
    }

    /// Who is started again when this child fails, in order.
    pub(super) fn group(&self, strategy: Strategy, key: Key) -> Vec<Key> {
        match strategy {
            Strategy::OneForOne => vec![key],
            Strategy::OneForAll => self.keys(),
            Strategy::RestForOne => self.entries.range(key..).map(|(key, _)| *key).collect(),
        }
    }

    /// Has a child started then; one that is never started again goes instead.
    pub(super) fn schedule(&mut self, key: Key, at: Instant) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        if entry.child.when_restarted() == Restart::Temporary {
            return self.remove(key);
        }
        entry.restarts += 1;
        self.settle(key, State::Due(at));
    }

    pub(super) fn infos(&self) -> Vec<ChildInfo> {
        self.entries
            .iter()
            .map(|(key, entry)| ChildInfo {
                name: Arc::clone(entry.child.name()),
                process: self.process(*key).cloned(),
                restarts: entry.restarts,
            })
            .collect()
    }
}
