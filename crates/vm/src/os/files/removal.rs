//! [`Removal`]: removes a directory with everything below it, a part at a time.
//!
//! Whoever is not root may not remove everything: each entry is judged by the directory that it is in. What may not be
//! removed stays, with the directories above it, and the rest goes.

use ironloom_blob::tree::Name;

use crate::os::{Access, Errno};

use super::tour::{Progress, push};
use super::walk::{Last, Walk};
use super::write::at;
use super::{Caller, Files, WatchKind};

/// How many entries of a directory are looked at together.
const PAGE_ENTRIES: usize = 64;

/// A removal that has begun; see [`Files::remove_all`].
#[derive(Debug)]
pub struct Removal {
    /// Where it is, without links and dots.
    path: Vec<u8>,
    /// The directories that are being emptied, from the first on.
    levels: Vec<Level>,
    error: Option<Errno>,
}

#[derive(Debug)]
struct Level {
    /// How long the path of the directory is.
    length: usize,
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
        if is_directory && !caller.who.is_root() {
            let levels = vec![Level { length: path.len(), after: None }];
            return Ok(Removal { path, levels, error: None });
        }
        self.tree.remove_all(at(&path), caller.now)?;
        self.tell(WatchKind::Removed, &path);
        Ok(Removal { path, levels: Vec::new(), error: None })
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
        while let Some(level) = self.levels.last() {
            if steps == 0 {
                return Progress::More;
            }
            steps -= 1;
            self.path.truncate(level.length);
            match page(files, caller, &self.path, level.after.as_ref(), steps) {
                Ok(page) if !page.is_empty() => self.remove_page(files, caller, page, &mut steps),
                unread => {
                    // A directory that may not be read goes like any other if nothing is in it.
                    let removed = remove(files, caller, &self.path);
                    self.note(removed.map_err(|error| unread.err().unwrap_or(error)));
                    self.levels.pop();
                }
            }
        }
        Progress::Done(self.error.map_or(Ok(()), Err))
    }

    /// Removes entries of a directory, up to a directory that must be emptied first.
    fn remove_page(
        &mut self,
        files: &mut Files,
        caller: &Caller<'_>,
        page: Vec<(Name, bool)>,
        steps: &mut usize,
    ) {
        let length = self.path.len();
        for (name, is_full) in page {
            *steps = steps.saturating_sub(1);
            push(&mut self.path, &name);
            if let Some(level) = self.levels.last_mut() {
                level.after = Some(name);
            }
            if is_full {
                self.levels.push(Level { length: self.path.len(), after: None });
                return;
            }
            let removed = remove(files, caller, &self.path);
            self.note(removed);
            self.path.truncate(length);
        }
    }

    /// Keeps the first thing that went wrong. What somebody else has removed meanwhile is gone as well.
    fn note(&mut self, done: Result<(), Errno>) {
        let error = done.err().filter(|error| *error != Errno::NotFound);
        self.error = self.error.or(error);
    }
}

/// The next entries of a directory, each with whether it is a directory with entries.
fn page(
    files: &Files,
    caller: &Caller<'_>,
    directory: &[u8],
    after: Option<&Name>,
    steps: usize,
) -> Result<Vec<(Name, bool)>, Errno> {
    let walk = Walk::entry(&files.tree, caller, directory)?;
    walk.require(caller, Access::READ | Access::SEARCH)?;
    let limit = steps.clamp(1, PAGE_ENTRIES);
    let children = walk.node().children(caller, after.map(Name::as_bytes), limit, walk.is_root())?;
    Ok(children.into_iter().map(|(name, node)| (name, node.is_full_directory())).collect())
}

fn remove(files: &mut Files, caller: &Caller<'_>, path: &[u8]) -> Result<(), Errno> {
    Walk::entry(&files.tree, caller, path)?.admit_removal(caller)?;
    files.remove(caller, path)
}
