//! [`Removal`]: removes a directory with everything below it, a part at a time.
//!
//! Whoever is not root may not remove everything: each entry is judged by the directory that it is in. What may not be
//! removed stays, with the directories above it, and the rest goes.

use ironloom_blob::tree::Name;

use crate::os::{Access, Errno};

use super::tour::{Progress, joined};
use super::walk::{Last, Walk};
use super::write::at;
use super::{Caller, Files, WatchKind};

/// How many entries of a directory are looked at together.
const PAGE_ENTRIES: usize = 64;

/// A removal that has begun; see [`Files::remove_all`].
#[derive(Debug)]
pub struct Removal {
    /// The directories that are being emptied, from the first on.
    levels: Vec<Level>,
    error: Option<Errno>,
}

#[derive(Debug)]
struct Level {
    path: Vec<u8>,
    /// The last name that stays or was removed.
    after: Option<Name>,
}

impl Files {
    /// Begins to remove an entry with everything below it; [`Removal::go`] does it. What can be removed at once already is.
    ///
    /// # Errors
    ///
    /// If there is no such entry, or it may not be removed.
    pub fn remove_all(&mut self, caller: &Caller<'_>, path: &[u8]) -> Result<Removal, Errno> {
        let walk = self.found(caller, path, Last::Entry)?;
        walk.admit_removal(caller)?;
        let is_directory = walk.facts(caller).is_directory();
        let path = walk.path();
        let mut removal = Removal { levels: Vec::new(), error: None };
        if is_directory && !caller.who.is_root() {
            removal.levels.push(Level { path, after: None });
        } else {
            self.tree.remove_all(at(&path), caller.now)?;
            self.tell(WatchKind::Removed, &path);
        }
        Ok(removal)
    }
}

impl Removal {
    /// Goes on for so many steps, about one for each entry.
    ///
    /// What comes of it in the end is the first thing that went wrong, if anything did.
    pub fn go(
        &mut self,
        files: &mut Files,
        caller: &Caller<'_>,
        mut steps: usize,
    ) -> Progress<Result<(), Errno>> {
        while let Some(mut level) = self.levels.pop() {
            if steps == 0 {
                self.levels.push(level);
                return Progress::More;
            }
            match level.page(files, caller, steps) {
                Ok(page) if !page.is_empty() => {
                    let below = self.remove_page(files, caller, &mut level, page, &mut steps);
                    self.levels.push(level);
                    self.levels.extend(below);
                }
                unread => {
                    // A directory that may not be read goes like any other if nothing is in it.
                    let removed = remove(files, caller, &level.path);
                    self.note(removed.map_err(|error| unread.err().unwrap_or(error)));
                    steps -= 1;
                }
            }
        }
        Progress::Done(self.error.map_or(Ok(()), Err))
    }

    /// Removes entries of a directory, up to a directory that must be emptied first: that is given back.
    fn remove_page(
        &mut self,
        files: &mut Files,
        caller: &Caller<'_>,
        level: &mut Level,
        page: Vec<(Name, bool)>,
        steps: &mut usize,
    ) -> Option<Level> {
        for (name, is_full) in page {
            *steps = steps.saturating_sub(1);
            let path = joined(&level.path, &name);
            level.after = Some(name);
            if is_full {
                return Some(Level { path, after: None });
            }
            self.note(remove(files, caller, &path));
        }
        None
    }

    /// Keeps the first thing that went wrong. What somebody else has removed meanwhile is gone as well.
    fn note(&mut self, done: Result<(), Errno>) {
        let error = done.err().filter(|error| *error != Errno::NotFound);
        self.error = self.error.or(error);
    }
}

impl Level {
    /// The next entries, each with whether it is a directory with entries.
    fn page(&self, files: &Files, caller: &Caller<'_>, steps: usize) -> Result<Vec<(Name, bool)>, Errno> {
        let walk = Walk::entry(&files.tree, caller, &self.path)?;
        walk.require(caller, Access::READ | Access::SEARCH)?;
        let after = self.after.as_ref().map(Name::as_bytes);
        let limit = steps.clamp(1, PAGE_ENTRIES);
        let children = walk.node().children(caller, after, limit, walk.is_root())?.into_iter();
        Ok(children.map(|(name, node)| (name, node.is_full_directory())).collect())
    }
}

fn remove(files: &mut Files, caller: &Caller<'_>, path: &[u8]) -> Result<(), Errno> {
    Walk::entry(&files.tree, caller, path)?.admit_removal(caller)?;
    files.remove(caller, path)
}
