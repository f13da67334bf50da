//! Making, removing and describing entries, and the one way in which all changes are made.

use std::sync::Arc;

use ironloom_core::Instant;

use super::directory::{Change, Directory, Verdict};
use super::entry::{Body, Entry};
use super::path::PATH_BYTES_MAX;
use super::resolve::Resolved;
use super::totals::Totals;
use super::{At, Attributes, Name, Quota, Shared, Stat, Tree, TreeError, TreePath};

impl Tree {
    /// What is known of an entry; of what a symbolic link points to, if it is one.
    ///
    /// # Errors
    ///
    /// If there is no such entry.
    pub fn stat<'a>(&self, at: impl Into<At<'a>>) -> Result<Stat, TreeError> {
        self.look(&at.into(), |entry| Ok(entry.stat()))
    }

    /// What is known of an entry, even if it is a symbolic link.
    ///
    /// # Errors
    ///
    /// If there is no such entry.
    pub fn lstat<'a>(&self, at: impl Into<At<'a>>) -> Result<Stat, TreeError> {
        self.stat(at.into().no_follow())
    }

    /// Where a symbolic link points to.
    ///
    /// # Errors
    ///
    /// If there is no such entry, or it is not a symbolic link.
    pub fn read_link<'a>(&self, at: impl Into<At<'a>>) -> Result<TreePath, TreeError> {
        let at = at.into().no_follow();
        self.look(&at, |entry| match &entry.body {
            Body::Symlink(target) => Ok(TreePath::from(&target[..])),
            _ => Err(TreeError::NotALink { path: at.shown() }),
        })
    }

    /// Makes a directory.
    ///
    /// # Errors
    ///
    /// If the name is taken, a directory above it is missing, or a limit stands in the way.
    pub fn mkdir<'a>(&mut self, at: impl Into<At<'a>>, attributes: Attributes) -> Result<(), TreeError> {
        self.make(&at.into().no_follow(), Entry::directory(attributes))
    }

    /// Makes a symbolic link to a path, which need not exist.
    ///
    /// # Errors
    ///
    /// If the name is taken, a directory above it is missing, or a limit stands in the way.
    pub fn symlink<'a>(
        &mut self,
        target: &[u8],
        at: impl Into<At<'a>>,
        attributes: Attributes,
    ) -> Result<(), TreeError> {
        if target.is_empty() || target.len() >= PATH_BYTES_MAX || target.contains(&0) {
            return Err(TreeError::PathLength { length: target.len(), length_max: PATH_BYTES_MAX - 1 });
        }
        let body = Body::Symlink(target.into());
        self.make(&at.into().no_follow(), Entry { attributes, body })
    }

    /// Changes the attributes of an entry; of what a symbolic link points to, unless the path is
    /// [`no_follow`](At::no_follow).
    ///
    /// # Errors
    ///
    /// If there is no such entry, or the permission bits are none.
    pub fn set_attributes<'a>(
        &mut self,
        at: impl Into<At<'a>>,
        set: impl FnOnce(&mut Attributes),
    ) -> Result<(), TreeError> {
        let at = at.into();
        let mut attributes = self.look(&at, |entry| Ok(entry.attributes.clone()))?;
        set(&mut attributes);
        attributes.check()?;
        self.change(&at, &mut |entry| {
            entry.attributes = attributes.clone();
            Ok(())
        })
    }

    /// Removes a file, a symbolic link or an empty directory.
    ///
    /// # Errors
    ///
    /// If there is no such entry, or it is a directory with entries.
    pub fn remove<'a>(&mut self, at: impl Into<At<'a>>, now: Instant) -> Result<(), TreeError> {
        self.remove_if(&at.into().no_follow(), now, |at, entry| {
            match entry.as_directory().is_none_or(Directory::is_empty) {
                true => Ok(()),
                false => Err(TreeError::NotEmpty { path: at.shown() }),
            }
        })
    }

    /// Removes an entry and, if it is a directory, everything in it, at the price of one.
    ///
    /// # Errors
    ///
    /// If there is no such entry.
    pub fn remove_all<'a>(&mut self, at: impl Into<At<'a>>, now: Instant) -> Result<(), TreeError> {
        self.remove_if(&at.into().no_follow(), now, |_, _| Ok(()))
    }

    fn remove_if(
        &mut self,
        at: &At<'_>,
        now: Instant,
        check: impl FnOnce(&At<'_>, &Entry) -> Result<(), TreeError>,
    ) -> Result<(), TreeError> {
        let resolved = self.resolve_existing(at)?;
        if resolved.is_root() || resolved.has_dots {
            return Err(TreeError::Unnamed { path: at.shown() });
        }
        resolved.refuse_link(at)?;
        check(at, resolved.entry())?;
        let names = resolved.names();
        self.admit_dirty(0)?;
        let open = self.open_entries(&names)?;
        self.change_named(&names, Some(now), &mut |_| Ok(Verdict::Remove))?;
        self.keep_open(open);
        Ok(())
    }

    /// Makes an entry where none is.
    pub(super) fn make(&mut self, at: &At<'_>, entry: Entry) -> Result<(), TreeError> {
        entry.attributes.check()?;
        let resolved = self.resolve(at)?;
        if !resolved.is_missing() || resolved.is_behind_link {
            return Err(TreeError::Exists { path: at.shown() });
        }
        if resolved.has_slash && entry.as_directory().is_none() {
            return Err(TreeError::NotADirectory { path: at.shown() });
        }
        let names = self.admit_at(&resolved, &entry)?;
        let now = entry.attributes.modified;
        self.put_named(&names, now, entry)
    }

    /// Makes or replaces the entry with these names.
    pub(super) fn put_named(&mut self, names: &[Name], now: Instant, entry: Entry) -> Result<(), TreeError> {
        let mut entry = Some(entry);
        self.change_named(names, Some(now), &mut |_| Ok(entry.take().map_or(Verdict::Keep, Verdict::Put)))
    }

    /// Whether an entry may come to this place; gives the names of it.
    pub(super) fn admit_at(&self, resolved: &Resolved<'_>, entry: &Entry) -> Result<Vec<Name>, TreeError> {
        let names = resolved.names();
        self.check_depth(entry, &names)?;
        self.admit_quota(entry.totals())?;
        self.admit_dirty(entry.totals().dirty)?;
        Ok(names)
    }

    pub(super) fn check_depth(&self, entry: &Entry, names: &[Name]) -> Result<(), TreeError> {
        let depth = names.len() - 1 + usize::from(entry.totals().height);
        let depth_max = self.shared.config.depth_max;
        if depth > depth_max {
            let path = TreePath::of(names);
            return Err(TreeError::TooDeep { path, depth, depth_max });
        }
        Ok(())
    }

    /// Whether there may be so much more in the tree.
    pub(super) fn admit_quota(&self, added: Totals) -> Result<(), TreeError> {
        let Quota { bytes_max, entries_max } = self.quota;
        let totals = self.top().totals();
        let entries = totals.entries.saturating_add(added.entries);
        if entries > entries_max && added.entries > 0 {
            return Err(TreeError::EntriesQuota { entries, entries_max });
        }
        let bytes = totals.bytes.saturating_add(added.bytes);
        let bytes = bytes.saturating_add(self.handles.orphans().bytes);
        if bytes > bytes_max && added.bytes > 0 {
            return Err(TreeError::BytesQuota { bytes, bytes_max });
        }
        Ok(())
    }

    /// Whether removed files may have so many more bytes in memory. A commit does not help them, so they are apart from
    /// what [`admit_dirty`](Self::admit_dirty) limits.
    pub(super) fn admit_orphans(&self, added: u64) -> Result<(), TreeError> {
        let bytes = self.handles.orphans().dirty.saturating_add(added);
        let orphan_bytes_max = self.shared.config.orphan_bytes_max;
        if bytes > orphan_bytes_max {
            return Err(TreeError::Orphans { bytes, orphan_bytes_max });
        }
        Ok(())
    }

    /// Whether so many more bytes may wait in memory for the next commit.
    pub(super) fn admit_dirty(&self, added: u64) -> Result<(), TreeError> {
        let bytes = self.top().totals().dirty.saturating_add(added);
        let dirty_bytes_max = self.shared.config.dirty_bytes_max;
        if bytes > dirty_bytes_max {
            return Err(TreeError::Dirty { bytes, dirty_bytes_max });
        }
        Ok(())
    }

    /// Changes an entry in place, wherever it is.
    pub(super) fn change(
        &mut self,
        at: &At<'_>,
        change: &mut dyn FnMut(&mut Entry) -> Result<(), TreeError>,
    ) -> Result<(), TreeError> {
        if let Some(key) = self.orphan_of(at)? {
            return Arc::make_mut(&mut self.handles).change_orphan(key, change);
        }
        self.admit_dirty(0)?;
        let names = self.resolve_existing(at)?.names();
        if names.is_empty() {
            self.snapshot = None;
            return change(&mut self.root);
        }
        self.change_named(&names, None, &mut |entry| {
            change(entry.expect("it was just found"))?;
            Ok(Verdict::Keep)
        })
    }

    /// Changes what has these names. The directory that has the last of them must exist; it is marked as modified
    /// at `touched`, unless it was later.
    pub(super) fn change_named(
        &mut self,
        names: &[Name],
        touched: Option<Instant>,
        change: &mut Change<'_>,
    ) -> Result<(), TreeError> {
        let shared = Arc::clone(&self.shared);
        self.snapshot = None;
        change_below(&mut self.root, names, touched, &shared, change)
    }
}

fn change_below(
    above: &mut Entry,
    names: &[Name],
    touched: Option<Instant>,
    shared: &Arc<Shared>,
    change: &mut Change<'_>,
) -> Result<(), TreeError> {
    let (Body::Directory(directory), [name, rest @ ..]) = (&mut above.body, names) else {
        unreachable!("paths are resolved before anything is changed");
    };
    if rest.is_empty() {
        directory.change(name, shared, change)?;
        if let Some(now) = touched {
            // What is put here may be old; that does not make the directory older.
            above.attributes.modified = above.attributes.modified.max(now);
        }
        return Ok(());
    }
    directory.change(name, shared, &mut |entry| {
        let entry = entry.expect("paths are resolved before anything is changed");
        change_below(entry, rest, touched, shared, change)?;
        Ok(Verdict::Keep)
    })
}
