//! [`Removal`]: removes a directory with everything below it, a part at a time.
//!
//! Whoever is not root may not remove everything: each entry is judged by the directory that it is in. What may not be
//! removed stays, with the directories above it, and the rest goes. Root removes small directories as a whole.

use ironloom_blob::tree::Name;

use crate::os::Errno;

use super::tour::{Progress, page, push};
use super::walk::{Last, Walk};
use super::write::at;
use super::{Caller, Files, WatchKind};

/// How many entries root removes in one step, at any depth of a directory.
const ENTRIES_AT_ONCE: u64 = 64;

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
        let entries = walk.node().entries();
        let path = walk.path();
        if !is_whole(caller, entries) {
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
            let page = page(files, caller, &self.path, level.after.as_ref(), steps);
            let page = page.map(|page| page.into_iter().map(|(name, node)| (name, node.entries())).collect());
            match page {
                Ok(page) if !Vec::is_empty(&page) => self.remove_page(files, caller, page, &mut steps),
                unread => {
                    // A directory that may not be read goes like any other if nothing is in it.
                    let removed = remove(files, caller, &self.path, 0);
                    self.note(removed.map_err(|error| unread.err().unwrap_or(error)));
                    self.levels.pop();
                }
            }
        }
        Progress::Done(self.error.map_or(Ok(()), Err))
    }

    /// Removes entries of a directory, each with how many are below it, up to a directory that must be emptied first.
    fn remove_page(
        &mut self,
        files: &mut Files,
        caller: &Caller<'_>,
        page: Vec<(Name, u64)>,
        steps: &mut usize,
    ) {
        let length = self.path.len();
        for (name, entries) in page {
            *steps = steps.saturating_sub(1);
            push(&mut self.path, &name);
            if let Some(level) = self.levels.last_mut() {
                level.after = Some(name);
            }
            if !is_whole(caller, entries) {
                self.levels.push(Level { length: self.path.len(), after: None });
                return;
            }
            *steps = steps.saturating_sub(entries as usize);
            let removed = remove(files, caller, &self.path, entries);
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

/// Whether it goes at once: root may remove everything, but not too much in one step.
fn is_whole(caller: &Caller<'_>, entries: u64) -> bool {
    entries == 0 || (caller.who.is_root() && entries <= ENTRIES_AT_ONCE)
}

/// Removes an entry that [goes at once](is_whole).
fn remove(files: &mut Files, caller: &Caller<'_>, path: &[u8], entries: u64) -> Result<(), Errno> {
    Walk::entry(&files.tree, caller, path)?.admit_removal(caller)?;
    if entries == 0 {
        return files.remove(caller, path);
    }
    files.tree.remove_all(at(path), caller.now)?;
    files.tell(WatchKind::Removed, path);
    Ok(())
}
