//! [`Handle`]: a name for an entry that holds while the entry is renamed or removed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::entry::{Body, Entry};
use super::totals::Totals;
use super::{At, Name, Tree, TreeError, TreePath};

/// An entry that somebody has open.
///
/// It follows the entry when that or a directory above it is renamed. When the entry is removed or replaced, the handle
/// keeps it, to be read and written until [`close`](Tree::close), as POSIX has it; a removed directory is empty. A kept
/// file counts towards the quota of bytes, and is never committed: what was stored of it must stay pinned as long. Handles belong to a tree and to its forks, where they go on separately.
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
    /// The handles of what is in the tree, by its names: what is below a directory follows it directly.
    by_path: BTreeSet<(Arc<[Name]>, Handle)>,
    /// Entries that no directory has any more, by the first handle that kept them.
    orphans: BTreeMap<Handle, Orphan>,
    orphan_totals: Totals,
}

/// An entry that was removed while it was open.
#[derive(Debug, Clone)]
struct Orphan {
    entry: Entry,
    /// How many handles it has.
    handles: usize,
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
        &self.orphans[&key].entry
    }

    pub(super) fn change_orphan<R>(&mut self, key: Handle, change: impl FnOnce(&mut Entry) -> R) -> R {
        let orphan = self.orphans.get_mut(&key);
        let orphan = &mut orphan.expect("an orphan lasts as long as its handles").entry;
        let before = orphan.totals();
        let result = change(orphan);
        let after = orphan.totals();
        self.count(before, after);
        result
    }

    /// What the orphans add up to: bytes, and how many of them are in memory alone.
    pub(super) const fn orphans(&self) -> Totals {
        self.orphan_totals
    }

    fn count(&mut self, before: Totals, after: Totals) {
        let totals = &mut self.orphan_totals;
        totals.bytes = totals.bytes.saturating_sub(before.bytes).saturating_add(after.bytes);
        totals.dirty = totals.dirty.saturating_sub(before.dirty).saturating_add(after.dirty);
    }

    fn add(&mut self, handle: Handle, place: Place) {
        match &place {
            Place::In(path) => drop(self.by_path.insert((Arc::clone(path), handle))),
            Place::Orphan(key) => {
                let orphan = self.orphans.get_mut(key);
                orphan.expect("an orphan lasts as long as its handles").handles += 1;
            }
        }
        self.places.insert(handle, place);
    }

    /// The handles at or below this place, by path.
    fn below(&self, names: &[Name]) -> impl Iterator<Item = &(Arc<[Name]>, Handle)> {
        let first = (Arc::from(names), Handle(0));
        self.by_path.range(first..).take_while(move |(path, _)| path.starts_with(names))
    }

    /// The places at or below this one that somebody has open.
    fn open_below(&self, names: &[Name]) -> Vec<Arc<[Name]>> {
        let mut paths: Vec<_> = self.below(names).map(|(path, _)| Arc::clone(path)).collect();
        paths.dedup();
        paths
    }

    /// Keeps an entry that is being removed for the handles that have it open.
    fn keep(&mut self, path: &Arc<[Name]>, entry: Entry) {
        let range = (Arc::clone(path), Handle(0))..=(Arc::clone(path), Handle(u64::MAX));
        let handles: Vec<Handle> = self.by_path.range(range).map(|(_, handle)| *handle).collect();
        let Some(key) = handles.first().copied() else {
            return;
        };
        self.count(Totals::default(), entry.totals());
        self.orphans.insert(key, Orphan { entry, handles: 0 });
        for handle in handles {
            self.by_path.remove(&(Arc::clone(path), handle));
            self.add(handle, Place::Orphan(key));
        }
    }

    fn follow(&mut self, source: &[Name], target: &[Name]) {
        let moved: Vec<_> = self.below(source).cloned().collect();
        for (path, handle) in moved {
            let rest = &path[source.len()..];
            let place = Place::In(target.iter().chain(rest).cloned().collect());
            self.by_path.remove(&(path, handle));
            self.add(handle, place);
        }
    }

    fn close(&mut self, handle: Handle) -> Result<(), TreeError> {
        match self.places.remove(&handle).ok_or(TreeError::Handle { handle })? {
            Place::In(path) => drop(self.by_path.remove(&(path, handle))),
            Place::Orphan(key) => {
                let orphan = self.orphans.get_mut(&key).expect("an orphan lasts as long as its handles");
                orphan.handles -= 1;
                if orphan.handles == 0 {
                    let totals = orphan.entry.totals();
                    self.orphans.remove(&key);
                    self.count(totals, Totals::default());
                }
            }
        }
        Ok(())
    }
}

impl Tree {
    /// Opens a handle to an entry.
    ///
    /// If the entry is removed, what was stored of it is in no later snapshot: the one before must stay pinned until the
    /// handle is closed.
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
        handles.add(handle, place);
        Ok(handle)
    }

    /// The path of what a handle refers to, if that is still in the tree.
    ///
    /// # Errors
    ///
    /// If the handle is not open.
    pub fn path_of(&self, handle: Handle) -> Result<Option<TreePath>, TreeError> {
        Ok(match self.handles.place(handle)? {
            Place::In(names) => Some(TreePath::of(names.iter())),
            Place::Orphan(_) => None,
        })
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

    /// What must be kept when the entry with these names is removed: the entries that somebody has open, if there may be
    /// so many bytes of them. A removed directory is empty, even if it had entries; those that are open are kept by
    /// themselves.
    pub(super) fn open_entries(&self, names: &[Name]) -> Result<OpenEntries, TreeError> {
        if self.handles.places.is_empty() {
            return Ok(Vec::new());
        }
        let paths = self.handles.open_below(names).into_iter();
        let kept = paths.map(|path| match self.entry_named(&path)? {
            Entry { attributes, body: Body::Directory(_) } => Ok((path, Entry::directory(attributes))),
            entry => Ok((path, entry)),
        });
        let kept = kept.collect::<Result<OpenEntries, TreeError>>()?;
        if !kept.is_empty() {
            self.admit_orphans(kept.iter().map(|(_, entry)| entry.totals().dirty).sum())?;
        }
        Ok(kept)
    }

    pub(super) fn keep_open(&mut self, entries: OpenEntries) {
        for (path, entry) in entries {
            Arc::make_mut(&mut self.handles).keep(&path, entry);
        }
    }

    pub(super) fn move_handles(&mut self, source: &[Name], target: &[Name]) {
        if !self.handles.places.is_empty() {
            Arc::make_mut(&mut self.handles).follow(source, target);
        }
    }
}
