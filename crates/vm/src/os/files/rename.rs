//! Removing and renaming single entries.

use crate::os::{Access, Errno};

use super::walk::{End, Last, Walk};
use super::write::at;
use super::{Caller, Files, WatchKind};

impl Files {
    /// Removes a file, a symbolic link or anything else that is no directory.
    ///
    /// # Errors
    ///
    /// If there is no such file, or it may not be removed.
    pub fn unlink(&mut self, caller: &Caller<'_>, path: &[u8]) -> Result<(), Errno> {
        let walk = self.walk(caller, path, Last::Entry)?;
        if walk.end != End::Name {
            return Err(Errno::IsADirectory);
        }
        if walk.is_missing() {
            return Err(Errno::NotFound);
        }
        let is_directory = walk.facts(caller).is_directory();
        if walk.has_slash {
            return Err(if is_directory { Errno::IsADirectory } else { Errno::NotADirectory });
        }
        walk.admit_leaving(caller)?;
        if is_directory {
            return Err(Errno::IsADirectory);
        }
        let path = walk.path();
        self.remove(caller, &path)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    ///
    /// If there is no such directory, it has entries, or it may not be removed.
    pub fn rmdir(&mut self, caller: &Caller<'_>, path: &[u8]) -> Result<(), Errno> {
        let walk = self.walk(caller, path, Last::Entry)?;
        match walk.end {
            End::Name => {}
            End::Dot => return Err(Errno::Invalid),
            End::DotDot => return Err(Errno::NotEmpty),
            End::Root => return Err(Errno::Busy),
        }
        if walk.is_missing() {
            return Err(Errno::NotFound);
        }
        walk.admit_leaving(caller)?;
        if !walk.facts(caller).is_directory() {
            return Err(Errno::NotADirectory);
        }
        let path = walk.path();
        self.remove(caller, &path)
    }

    /// Removes what may be removed, if it is not a directory with entries.
    pub(super) fn remove(&mut self, caller: &Caller<'_>, path: &[u8]) -> Result<(), Errno> {
        self.tree.remove(at(path), caller.now)?;
        self.tell(WatchKind::Removed, path);
        Ok(())
    }

    /// Gives an entry another name. A file may replace a file or link, a directory an empty directory.
    ///
    /// # Errors
    ///
    /// If there is no such entry, one of both directories may not be written, or the target cannot be replaced.
    pub fn rename(&mut self, caller: &Caller<'_>, source: &[u8], target: &[u8]) -> Result<(), Errno> {
        let from = self.walk(caller, source, Last::Entry)?;
        let to = self.walk(caller, target, Last::Entry)?;
        if from.end != End::Name || to.end != End::Name {
            return Err(Errno::Busy);
        }
        if from.is_missing() {
            return Err(Errno::NotFound);
        }
        let is_directory = from.facts(caller).is_directory();
        if !is_directory && (from.has_slash || to.has_slash) {
            return Err(Errno::NotADirectory);
        }
        let (source, target) = (from.path(), to.path());
        if source == target {
            return Ok(());
        }
        if is_within(&target, &source) {
            return Err(Errno::Invalid);
        }
        if is_within(&source, &target) {
            return Err(Errno::NotEmpty);
        }
        from.admit_leaving(caller)?;
        admit_replacing(&to, caller, is_directory)?;
        if is_directory && parent_of(&source) != parent_of(&target) {
            // Its `..` changes.
            from.require(caller, Access::WRITE)?;
        }
        self.tree.rename(at(&source), at(&target), caller.now)?;
        self.tell(WatchKind::Removed, &source);
        self.tell(WatchKind::Created, &target);
        Ok(())
    }
}

/// Whether an entry may come here, in the place of what is here if anything is.
fn admit_replacing(to: &Walk<'_>, caller: &Caller<'_>, is_directory: bool) -> Result<(), Errno> {
    if to.is_missing() {
        return to.admit_new(caller).map(drop);
    }
    to.admit_leaving(caller)?;
    match (is_directory, to.facts(caller).is_directory()) {
        (true, false) => Err(Errno::NotADirectory),
        (false, true) => Err(Errno::IsADirectory),
        _ => Ok(()),
    }
}

/// Whether a path is of something in a directory, at any depth.
fn is_within(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with(b"/"))
}

/// The path of the directory that an entry is in.
pub(super) fn parent_of(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    &path[..end]
}
