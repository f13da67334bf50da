//! Making directories and links.

use ironloom_blob::tree::Attributes;

use crate::os::{Access, Errno};

use super::access::{Facts, SET_GID, STICKY, without_set_ids};
use super::walk::{Last, Walk};
use super::write::at;
use super::{Caller, FileKind, Files, WatchKind};

/// What is known of an entry that the caller makes in this directory.
pub(super) fn new_attributes(
    caller: &Caller<'_>,
    parent: &Facts,
    mode: u16,
    is_directory: bool,
) -> Attributes {
    let inherits = parent.mode & SET_GID != 0;
    let mode = mode & !caller.umask & Attributes::MODE_MAX;
    Attributes {
        mode: if inherits && is_directory { mode | SET_GID } else { mode },
        uid: caller.who.uid,
        gid: if inherits { parent.gid } else { caller.who.gid },
        modified: caller.now,
        media_type: None,
    }
}

impl Files {
    /// Makes a directory.
    ///
    /// # Errors
    ///
    /// If something has the name, the directory above is missing or may not be written, or the disk is full.
    pub fn mkdir(&mut self, caller: &Caller<'_>, path: &[u8], mode: u16) -> Result<(), Errno> {
        let walk = self.walk(caller, path, Last::Entry)?;
        let parent = walk.admit_new(caller)?;
        let path = walk.path();
        self.make_directory(caller, &path, &parent, mode)
    }

    /// Makes a directory and those above it, as far as they are missing.
    ///
    /// # Errors
    ///
    /// If something that is no directory is in the way, a directory may not be written, or the disk is full.
    pub fn mkdir_all(&mut self, caller: &Caller<'_>, path: &[u8], mode: u16) -> Result<(), Errno> {
        let mut rest = path;
        let mut cwd = caller.cwd.to_vec();
        loop {
            // Each part begins where the one before has ended, so a long path is not walked again and again.
            let here = Caller { cwd: &cwd, ..*caller };
            let walk = Walk::as_far(&self.tree, &here, rest)?;
            if !walk.is_missing() {
                return if walk.facts(caller).is_directory() { Ok(()) } else { Err(Errno::Exists) };
            }
            let parent = walk.admit_new(caller)?;
            let (made, length) = (walk.path(), walk.rest.unwrap_or(0));
            self.make_directory(caller, &made, &parent, mode)?;
            cwd = made;
            rest = &rest[rest.len() - length..];
            while let [b'/', after @ ..] = rest {
                rest = after;
            }
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    fn make_directory(
        &mut self,
        caller: &Caller<'_>,
        path: &[u8],
        parent: &Facts,
        mode: u16,
    ) -> Result<(), Errno> {
        let attributes = new_attributes(caller, parent, mode & (0o777 | STICKY), true);
        self.tree.mkdir(at(path), attributes)?;
        self.tell(WatchKind::Created, path);
        Ok(())
    }

    /// Makes a symbolic link to a path, which need not exist.
    ///
    /// # Errors
    ///
    /// If something has the name, the directory may not be written, or the target cannot be a path.
    pub fn symlink(&mut self, caller: &Caller<'_>, target: &[u8], path: &[u8]) -> Result<(), Errno> {
        let walk = self.walk(caller, path, Last::Entry)?;
        walk.check_free()?;
        let parent = walk.admit_new(caller)?;
        let path = walk.path();
        let attributes = Attributes { mode: 0o777, ..new_attributes(caller, &parent, 0, false) };
        super::walk::check_path(target)?;
        self.tree.symlink(target, at(&path), attributes)?;
        self.tell(WatchKind::Created, &path);
        Ok(())
    }

    /// Gives a file another name in addition. Both share the content until one of them is written, and are two files then.
    ///
    /// # Errors
    ///
    /// If there is no such file, the directory may not be written, or the file is one that the caller could not have made
    /// its own: somebody else's that it may not read and write, or that runs as its owner.
    pub fn link(&mut self, caller: &Caller<'_>, source: &[u8], target: &[u8]) -> Result<(), Errno> {
        let from = self.found(caller, source, Last::Itself)?;
        let to = self.walk(caller, target, Last::Entry)?;
        to.check_free()?;
        if !from.node().is_stored() {
            return Err(Errno::CrossDevice);
        }
        if !may_link(&from, caller) {
            return Err(Errno::NotPermitted);
        }
        to.admit_new(caller)?;
        if from.facts(caller).is_directory() {
            return Err(Errno::NotPermitted);
        }
        let (source, target) = (from.path(), to.path());
        self.tree.link(at(&source), at(&target), caller.now)?;
        self.tell(WatchKind::Created, &target);
        Ok(())
    }
}

fn may_link(from: &Walk<'_>, caller: &Caller<'_>) -> bool {
    let facts = from.facts(caller);
    let is_plain = without_set_ids(facts.mode) == facts.mode;
    let is_open = facts.allows(caller.who, Access::READ | Access::WRITE);
    match facts.kind {
        FileKind::File => facts.is_owned_by(caller.who) || (is_plain && is_open),
        _ => facts.is_owned_by(caller.who),
    }
}
