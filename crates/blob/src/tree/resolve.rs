//! From paths to entries, without ever leaving the root.
//!
//! There are no parent pointers: what a path has led through so far is a stack, `..` pops it, and popping the empty
//! stack leaves it empty. A symbolic link is resolved against the directory that it was found in, or against the root
//! of the tree if its target begins with `/`.

use super::directory::Found;
use super::entry::{Body, Entry};
use super::handle::Place;
use super::path::PATH_BYTES_MAX;
use super::{At, LINKS_MAX, Name, Tree, TreeError, TreePath};

/// Where a path leads.
#[derive(Debug)]
pub(super) struct Resolved<'t> {
    tree: &'t Tree,
    /// The entries from the root to what was found.
    stack: Vec<Found>,
    /// The name that the last directory on the stack does not have.
    pub(super) missing: Option<Name>,
    /// Whether the path can only mean a directory, because it ends in `/`.
    pub(super) has_slash: bool,
    /// Whether the path ends in `.` or `..`, or names nothing.
    pub(super) has_dots: bool,
    /// Whether its last name is a symbolic link, which was asked for itself and followed because of a `/` after it.
    pub(super) is_behind_link: bool,
    links: usize,
}

impl Resolved<'_> {
    pub(super) fn entry(&self) -> &Entry {
        self.stack.last().map_or(&self.tree.root, |found| found)
    }

    /// The names from the root, to what was found or would be made.
    pub(super) fn names(&self) -> Vec<Name> {
        let found = self.stack.iter().map(Found::name);
        found.chain(&self.missing).cloned().collect()
    }

    pub(super) const fn is_missing(&self) -> bool {
        self.missing.is_some()
    }

    pub(super) fn is_root(&self) -> bool {
        self.stack.is_empty() && self.missing.is_none()
    }

    /// Refuses to take a link's target for the link: whoever moves or removes `link/` would get the wrong one.
    pub(super) fn refuse_link(&self, at: &At<'_>) -> Result<(), TreeError> {
        match self.is_behind_link {
            true => Err(TreeError::NotADirectory { path: at.shown() }),
            false => Ok(()),
        }
    }

    fn follow(&mut self, at: &At<'_>, path: &[u8], is_tail: bool) -> Result<(), TreeError> {
        if path.first() == Some(&b'/') {
            self.stack.clear();
        }
        let mut rest = path;
        while let Some(start) = rest.iter().position(|byte| *byte != b'/') {
            let component = &rest[start..];
            let end = component.iter().position(|byte| *byte == b'/');
            let (component, after) = component.split_at(end.unwrap_or(component.len()));
            let is_last = is_tail && after.iter().all(|byte| *byte == b'/');
            if is_last {
                self.has_slash |= !after.is_empty();
            }
            self.step(at, component, is_last)?;
            rest = after;
        }
        Ok(())
    }

    fn step(&mut self, at: &At<'_>, component: &[u8], is_last: bool) -> Result<(), TreeError> {
        self.has_dots = is_last && matches!(component, b"." | b"..");
        let directory =
            self.entry().as_directory().ok_or_else(|| TreeError::NotADirectory { path: at.shown() })?;
        match component {
            b"." => return Ok(()),
            b".." => {
                self.stack.pop();
                return Ok(());
            }
            _ => {}
        }
        let Some(found) = directory.find(component, &self.tree.shared)? else {
            let name = Name::new(component)?;
            if !is_last {
                return Err(TreeError::NotFound { path: at.shown() });
            }
            self.missing = Some(name);
            return Ok(());
        };
        match &found.body {
            Body::Symlink(target) if !is_last || at.follow || self.has_slash => {
                self.links += 1;
                if self.links > LINKS_MAX {
                    return Err(TreeError::Loop { path: at.shown(), links_max: LINKS_MAX });
                }
                self.is_behind_link |= is_last && !at.follow;
                self.follow(at, target, is_last)
            }
            _ => {
                self.stack.push(found);
                Ok(())
            }
        }
    }
}

impl Tree {
    /// Where a path leads. All of it but the last name must exist.
    pub(super) fn resolve(&self, at: &At<'_>) -> Result<Resolved<'_>, TreeError> {
        if at.path.len() > PATH_BYTES_MAX {
            return Err(TreeError::PathLength { length: at.path.len(), length_max: PATH_BYTES_MAX });
        }
        let mut resolved = Resolved {
            tree: self,
            stack: Vec::with_capacity(12),
            missing: None,
            has_slash: false,
            has_dots: true,
            is_behind_link: false,
            links: 0,
        };
        match at.base {
            None if at.path.is_empty() => return Err(TreeError::NotFound { path: at.shown() }),
            Some(handle) if at.path.first() != Some(&b'/') => match self.handles.place(handle)? {
                Place::In(names) => resolved.stack = self.stack_of(names)?,
                Place::Orphan(_) => return Err(TreeError::NotFound { path: at.shown() }),
            },
            _ => {}
        }
        if at.path.is_empty() {
            // A handle names its entry, however it was found.
            resolved.has_dots = resolved.stack.is_empty();
        }
        resolved.follow(at, at.path, true)?;
        let is_file = !resolved.is_missing() && resolved.entry().as_directory().is_none();
        if resolved.has_slash && is_file {
            return Err(TreeError::NotADirectory { path: at.shown() });
        }
        Ok(resolved)
    }

    /// Where a path leads, if something is there.
    pub(super) fn resolve_existing(&self, at: &At<'_>) -> Result<Resolved<'_>, TreeError> {
        let resolved = self.resolve(at)?;
        if resolved.is_missing() {
            return Err(TreeError::NotFound { path: at.shown() });
        }
        Ok(resolved)
    }

    /// Lets `look` see an entry, wherever it is.
    pub(super) fn look<R>(
        &self,
        at: &At<'_>,
        look: impl FnOnce(&Entry) -> Result<R, TreeError>,
    ) -> Result<R, TreeError> {
        match self.orphan_of(at)? {
            Some(key) => look(self.handles.orphan(key)),
            None => look(self.resolve_existing(at)?.entry()),
        }
    }

    pub(super) fn entry_named(&self, names: &[Name]) -> Result<Entry, TreeError> {
        let stack = self.stack_of(names)?;
        Ok(stack.last().map_or(&self.root, |found| found).clone())
    }

    fn stack_of(&self, names: &[Name]) -> Result<Vec<Found>, TreeError> {
        let mut stack: Vec<Found> = Vec::with_capacity(names.len() + 4);
        for name in names {
            let above = stack.last().map_or(&self.root, |found| found);
            let found = above
                .as_directory()
                .map_or(Ok(None), |directory| directory.find(name.as_bytes(), &self.shared))?;
            let not_found = || TreeError::NotFound { path: TreePath::of(names) };
            stack.push(found.ok_or_else(not_found)?);
        }
        Ok(stack)
    }
}
