//! [`Handle`]: a name for an entry that holds while the entry is renamed or removed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::entry::Entry;
use super::{At, Name, Tree, TreeError};

/// An entry that somebody has open.
///
/// It follows the entry when that or a directory above it is renamed. When the entry is removed or replaced, the handle
/// keeps it, to be read and written until [`close`](Tree::close), as POSIX has it; a kept entry counts towards the
/// quota of bytes and is never committed. Handles belong to a tree and to its forks, where they go on separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(u64);

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "handle {}", self.0)
    }
}

/// The open handles of a tree.
#[derive(Debug, Clone, Default)]
pub(super) struct Handles {
    next: u64,
    places: BTreeMap<Handle, Place>,
    /// Entries that no directory has any more, by the first handle that kept them.
    orphans: BTreeMap<Handle, Entry>,
    /// Bytes of the orphans, and how many of them are in memory alone.
    orphan_bytes: u64,
    orphan_dirty_bytes: u64,
}

#[derive(Debug, Clone)]
pub(super) enum Place {
    /// The names from the root.
    In(Arc<[Name]>),
    /// Among the orphans, under this handle.
    Orphan(Handle),
}

/// Entries that somebody has open, with their names from the root.
pub(super) type OpenEntries = Vec<(Arc<[Name]>, Entry)>;

impl Handles {
    pub(super) fn place(&self, handle: Handle) -> Result<&Place, TreeError> {
        self.places.get(&handle).ok_or(TreeError::Handle { handle })
    }

    pub(super) fn orphan(&self, key: Handle) -> &Entry {
        &self.orphans[&key]
    }

    pub(super) fn change_orphan<R>(&mut self, key: Handle, change: impl FnOnce(&mut Entry) -> R) -> R {
        let orphan = self.orphans.get_mut(&key);
        let orphan = orphan.expect("an orphan lasts as long as its handles");
        let before = orphan.totals();
        let result = change(orphan);
        let after = orphan.totals();
        self.orphan_bytes = self.orphan_bytes.saturating_sub(before.bytes).saturating_add(after.bytes);
        self.orphan_dirty_bytes = self.orphan_dirty_bytes - before.dirty + after.dirty;
        result
    }

    /// Bytes of the orphans, and how many of them are in memory alone.
    pub(super) const fn orphan_bytes(&self) -> (u64, u64) {
        (self.orphan_bytes, self.orphan_dirty_bytes)
    }

    /// The places at or below this one that somebody has open.
    pub(super) fn open_below(&self, names: &[Name]) -> Vec<Arc<[Name]>> {
        let below = |place: &Place| match place {
            Place::In(path) if path.starts_with(names) => Some(Arc::clone(path)),
            _ => None,
        };
        let mut paths: Vec<_> = self.places.values().filter_map(below).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    /// Keeps an entry that is being removed for the handles that have it open.
    fn keep(&mut self, names: &[Name], entry: &Entry) {
        let mut key = None;
        for (handle, place) in &mut self.places {
            if matches!(place, Place::In(path) if **path == *names) {
                *place = Place::Orphan(*key.get_or_insert(*handle));
            }
        }
        if let Some(key) = key {
            let totals = entry.totals();
            self.orphan_bytes = self.orphan_bytes.saturating_add(totals.bytes);
            self.orphan_dirty_bytes += totals.dirty;
            self.orphans.insert(key, entry.clone());
        }
    }

    fn follow(&mut self, source: &[Name], target: &[Name]) {
        for place in self.places.values_mut() {
            if let Place::In(path) = place
                && let Some(rest) = path.strip_prefix(source)
            {
                *path = target.iter().chain(rest).cloned().collect();
            }
        }
    }

    fn close(&mut self, handle: Handle) -> Result<(), TreeError> {
        let place = self.places.remove(&handle).ok_or(TreeError::Handle { handle })?;
        if let Place::Orphan(key) = place {
            let is_kept = |place: &Place| matches!(place, Place::Orphan(other) if *other == key);
            if !self.places.values().any(is_kept) {
                let totals = self.orphans.remove(&key).map(|entry| entry.totals());
                let totals = totals.expect("an orphan lasts as long as its handles");
                self.orphan_bytes = self.orphan_bytes.saturating_sub(totals.bytes);
                self.orphan_dirty_bytes -= totals.dirty;
            }
        }
        Ok(())
    }
}

impl Tree {
    /// Opens a handle to an entry.
    ///
    /// # Errors
    ///
    /// If there is no such entry, or there are too many handles.
    pub fn handle<'a>(&mut self, at: impl Into<At<'a>>) -> Result<Handle, TreeError> {
        let at = at.into();
        let place = match self.orphan_of(&at)? {
            Some(key) => Place::Orphan(key),
            None => Place::In(self.resolve_existing(&at)?.names().into()),
        };
        let handles_max = self.shared.config.handles_max;
        if self.handles.places.len() >= handles_max {
            return Err(TreeError::Handles { handles_max });
        }
        let handles = Arc::make_mut(&mut self.handles);
        let handle = Handle(handles.next);
        handles.next += 1;
        handles.places.insert(handle, place);
        Ok(handle)
    }

    /// Closes a handle.
    ///
    /// # Errors
    ///
    /// If it is not open.
    pub fn close(&mut self, handle: Handle) -> Result<(), TreeError> {
        Arc::make_mut(&mut self.handles).close(handle)
    }

    /// The orphan that is meant, if what is meant is one.
    pub(super) fn orphan_of(&self, at: &At<'_>) -> Result<Option<Handle>, TreeError> {
        let Some(handle) = at.base.filter(|_| at.path.is_empty()) else {
            return Ok(None);
        };
        match self.handles.place(handle)? {
            Place::Orphan(key) => Ok(Some(*key)),
            Place::In(_) => Ok(None),
        }
    }

    /// What must be kept when the entry with these names is removed: the entries that somebody has open.
    pub(super) fn open_entries(&self, names: &[Name]) -> Result<OpenEntries, TreeError> {
        if self.handles.places.is_empty() {
            return Ok(Vec::new());
        }
        let paths = self.handles.open_below(names).into_iter();
        paths
            .map(|path| {
                let entry = self.entry_named(&path)?;
                Ok((path, entry))
            })
            .collect()
    }

    pub(super) fn keep_open(&mut self, entries: OpenEntries) {
        for (path, entry) in entries {
            Arc::make_mut(&mut self.handles).keep(&path, &entry);
        }
    }

    pub(super) fn move_handles(&mut self, source: &[Name], target: &[Name]) {
        if !self.handles.places.is_empty() {
            Arc::make_mut(&mut self.handles).follow(source, target);
        }
    }
}
