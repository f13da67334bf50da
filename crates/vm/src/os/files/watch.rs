//! [`Watches`]: who hears of changes.
//!
//! A watch is on a path. It hears of the entry at that path, and if that is a directory, of what is directly in it. Each
//! has a queue with a limit: what does not fit is lost, and the watcher is told that something was.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use crate::os::{Access, Errno};

use super::rename::parent_of;
use super::walk::Last;
use super::{Caller, Files};

/// How many watches a machine may have.
const WATCHES_MAX: usize = 256;

/// How many events wait for a watcher.
const EVENTS_MAX: usize = 256;

/// A name for a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchId(u64);

impl fmt::Display for WatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "watch {}", self.0)
    }
}

/// What happened to an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WatchKind {
    /// It was made, or came from elsewhere.
    Created,
    /// It was written, or its attributes were changed.
    Changed,
    /// It was removed, or went elsewhere.
    Removed,
    /// More happened than the queue holds.
    Lost,
}

impl WatchKind {
    /// The name, as scripts see it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Lost => "lost",
        }
    }
}

/// Something that a watcher hears of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchEvent {
    /// What happened.
    pub kind: WatchKind,
    /// To which entry of the watched directory; empty for what is watched itself.
    pub name: Vec<u8>,
}

#[derive(Debug, Default)]
pub(super) struct Watches {
    next: u64,
    queues: BTreeMap<WatchId, Queue>,
    by_path: BTreeSet<(Vec<u8>, WatchId)>,
    /// Who has heard something since the owner last asked.
    woken: BTreeSet<WatchId>,
}

#[derive(Debug)]
struct Queue {
    path: Vec<u8>,
    events: VecDeque<WatchEvent>,
}

impl Queue {
    fn push(&mut self, event: WatchEvent) {
        if self.events.back() == Some(&event) {
            return;
        }
        match self.events.len() {
            EVENTS_MAX => {}
            count if count == EVENTS_MAX - 1 => {
                self.events.push_back(WatchEvent { kind: WatchKind::Lost, name: Vec::new() });
            }
            _ => self.events.push_back(event),
        }
    }
}

impl Watches {
    fn push(&mut self, id: WatchId, kind: WatchKind, name: &[u8]) {
        if let Some(queue) = self.queues.get_mut(&id) {
            queue.push(WatchEvent { kind, name: name.to_vec() });
            self.woken.insert(id);
        }
    }

    fn on(&self, path: &[u8]) -> Vec<WatchId> {
        let range = (path.to_vec(), WatchId(0))..=(path.to_vec(), WatchId(u64::MAX));
        self.by_path.range(range).map(|(_, id)| *id).collect()
    }

    fn below(&self, path: &[u8]) -> Vec<WatchId> {
        let first = [path, b"/"].concat();
        let below = self.by_path.range((first.clone(), WatchId(0))..);
        below.take_while(|(path, _)| path.starts_with(&first)).map(|(_, id)| *id).collect()
    }

    fn tell(&mut self, kind: WatchKind, path: &[u8]) {
        for id in self.on(path) {
            self.push(id, kind, b"");
        }
        let parent = parent_of(path);
        let name = path.get(parent.len() + 1..).unwrap_or_default();
        let parent: &[u8] = if parent.is_empty() { b"/" } else { parent };
        if !name.is_empty() {
            for id in self.on(parent) {
                self.push(id, kind, name);
            }
        }
        if kind == WatchKind::Removed {
            for id in self.below(path) {
                self.push(id, kind, b"");
            }
        }
    }
}

impl Files {
    /// Begins to hear of what happens to an entry, and if it is a directory, to what is directly in it.
    ///
    /// The watch stays on the path, whatever is there.
    ///
    /// # Errors
    ///
    /// If there is no such entry, it may not be read, it is none that is stored, or there are too many watches.
    pub fn watch(&mut self, caller: &Caller<'_>, path: &[u8]) -> Result<WatchId, Errno> {
        let walk = self.found(caller, path, Last::Followed)?;
        walk.require(caller, Access::READ)?;
        if !walk.node().is_stored() {
            return Err(Errno::NotSupported);
        }
        let path = walk.path();
        let watches = self.watches.get_or_insert_default();
        if watches.queues.len() >= WATCHES_MAX {
            return Err(Errno::NoSpace);
        }
        let id = WatchId(watches.next);
        watches.next += 1;
        watches.by_path.insert((path.clone(), id));
        watches.queues.insert(id, Queue { path, events: VecDeque::new() });
        Ok(id)
    }

    /// The next thing that a watcher has not heard of yet.
    ///
    /// # Errors
    ///
    /// [`Errno::Again`] if there is nothing, [`Errno::BadHandle`] if there is no such watch.
    pub fn next_event(&mut self, id: WatchId) -> Result<WatchEvent, Errno> {
        let queue = self.watches.as_mut().and_then(|watches| watches.queues.get_mut(&id));
        queue.ok_or(Errno::BadHandle)?.events.pop_front().ok_or(Errno::Again)
    }

    /// Ends a watch.
    pub fn unwatch(&mut self, id: WatchId) {
        let Some(watches) = &mut self.watches else {
            return;
        };
        if let Some(queue) = watches.queues.remove(&id) {
            watches.by_path.remove(&(queue.path, id));
            watches.woken.remove(&id);
        }
    }

    /// A watcher for whom there is something new since it was last named here; each is named once.
    pub fn next_woken(&mut self) -> Option<WatchId> {
        self.watches.as_mut().and_then(|watches| watches.woken.pop_first())
    }

    pub(super) fn is_watched(&self) -> bool {
        self.watches.as_ref().is_some_and(|watches| !watches.queues.is_empty())
    }

    /// Lets those hear of it whom it concerns.
    pub(super) fn tell(&mut self, kind: WatchKind, path: &[u8]) {
        if let Some(watches) = &mut self.watches
            && !watches.queues.is_empty()
        {
            watches.tell(kind, path);
        }
    }
}
