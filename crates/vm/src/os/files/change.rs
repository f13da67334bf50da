//! Making, writing, removing and renaming.
//!
//! A path is walked and judged first; what the tree is told then is the path without links and dots, so that it cannot
//! come out elsewhere.

use ironloom_blob::tree::{At, Attributes, MediaType};

use crate::os::views::ViewNode;
use crate::os::{Access, Errno};

use super::access::{Facts, SET_GID, STICKY, mode_after_write};
use super::node::Node;
use super::walk::{Last, Walk};
use super::{Caller, FileKind, Files, WatchKind};

/// The path of an entry that was judged.
pub(super) fn at(path: &[u8]) -> At<'_> {
    At::from(path).no_follow()
}

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

/// A file that may be written.
pub(super) enum Writable {
    /// One that is there.
    Existing { path: Vec<u8>, attributes: Attributes },
    /// One that may be made.
    New { path: Vec<u8>, attributes: Attributes },
    /// A device.
    Device(crate::os::Device),
}

impl Files {
    /// Whether the caller may write a file, or make it.
    pub(super) fn writable(&self, caller: &Caller<'_>, path: &[u8]) -> Result<Writable, Errno> {
        let walk = self.walk(caller, path, Last::Followed)?;
        if walk.is_missing() {
            if walk.has_slash {
                return Err(Errno::IsADirectory);
            }
            let parent = walk.admit_new(caller)?;
            let attributes = new_attributes(caller, &parent, 0o666, false);
            return Ok(Writable::New { path: walk.path(), attributes });
        }
        if walk.facts(caller).is_directory() {
            return Err(Errno::IsADirectory);
        }
        walk.require(caller, Access::WRITE)?;
        match walk.node() {
            Node::View(ViewNode::Device(device)) => Ok(Writable::Device(*device)),
            Node::View(_) => Err(Errno::ReadOnly),
            Node::Stored(seen) => {
                let mut attributes = seen.attributes().clone();
                attributes.mode = mode_after_write(attributes.mode, caller.who);
                attributes.modified = caller.now;
                Ok(Writable::Existing { path: walk.path(), attributes })
            }
        }
    }

    /// Gives a file this content; makes it if there is none. One that is there keeps its owner and mode, and its media
    /// type unless another is given.
    ///
    /// # Errors
    ///
    /// If it may not be written or made, the disk is full, or it is a device that somebody must read.
    pub fn write_all(
        &mut self,
        caller: &Caller<'_>,
        path: &[u8],
        bytes: &[u8],
        media_type: Option<MediaType>,
    ) -> Result<(), Errno> {
        let (path, mut attributes, kind) = match self.writable(caller, path)? {
            Writable::Existing { path, attributes } => (path, attributes, WatchKind::Changed),
            Writable::New { path, attributes } => (path, attributes, WatchKind::Created),
            Writable::Device(device) => return device.swallow(bytes),
        };
        attributes.media_type = media_type.or(attributes.media_type);
        self.tree.put(at(&path), bytes, attributes)?;
        self.tell(kind, &path);
        Ok(())
    }

    /// Writes at the end of a file; makes it if there is none.
    ///
    /// # Errors
    ///
    /// As [`write_all`](Self::write_all).
    pub fn append(&mut self, caller: &Caller<'_>, path: &[u8], bytes: &[u8]) -> Result<(), Errno> {
        match self.writable(caller, path)? {
            Writable::Existing { path, attributes } => {
                self.drop_set_ids(&path, &attributes)?;
                self.tree.append(at(&path), bytes, caller.now)?;
                self.tell(WatchKind::Changed, &path);
            }
            Writable::New { path, attributes } => {
                self.tree.put(at(&path), bytes, attributes)?;
                self.tell(WatchKind::Created, &path);
            }
            Writable::Device(device) => device.swallow(bytes)?,
        }
        Ok(())
    }

    /// Cuts a file off at this length, or extends it with zeros.
    ///
    /// # Errors
    ///
    /// If there is no such file, it may not be written, or the disk is full.
    pub fn truncate(&mut self, caller: &Caller<'_>, path: &[u8], length: u64) -> Result<(), Errno> {
        match self.writable(caller, path)? {
            Writable::Existing { path, attributes } => {
                self.drop_set_ids(&path, &attributes)?;
                self.tree.truncate(at(&path), length, caller.now)?;
                self.tell(WatchKind::Changed, &path);
                Ok(())
            }
            Writable::New { .. } => Err(Errno::NotFound),
            Writable::Device(_) => Err(Errno::Invalid),
        }
    }

    /// Sets the mode that a file has after it was written, if that is another.
    fn drop_set_ids(&mut self, path: &[u8], after: &Attributes) -> Result<(), Errno> {
        if self.tree.lstat(at(path))?.attributes.mode != after.mode {
            self.tree.set_attributes(at(path), |attributes| attributes.mode = after.mode)?;
        }
        Ok(())
    }

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

    /// Removes a file, a symbolic link or anything else that is no directory.
    ///
    /// # Errors
    ///
    /// If there is no such file, or it may not be removed.
    pub fn unlink(&mut self, caller: &Caller<'_>, path: &[u8]) -> Result<(), Errno> {
        let walk = self.found(caller, path, Last::Entry)?;
        if walk.facts(caller).is_directory() {
            return Err(Errno::IsADirectory);
        }
        self.remove_one(caller, path)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    ///
    /// If there is no such directory, it has entries, or it may not be removed.
    pub fn rmdir(&mut self, caller: &Caller<'_>, path: &[u8]) -> Result<(), Errno> {
        let walk = self.found(caller, path, Last::Entry)?;
        if !walk.facts(caller).is_directory() {
            return Err(Errno::NotADirectory);
        }
        self.remove_one(caller, path)
    }

    fn remove_one(&mut self, caller: &Caller<'_>, path: &[u8]) -> Result<(), Errno> {
        let walk = self.found(caller, path, Last::Entry)?;
        walk.admit_removal(caller)?;
        let path = walk.path();
        self.tree.remove(at(&path), caller.now)?;
        self.tell(WatchKind::Removed, &path);
        Ok(())
    }

    /// Gives an entry another name. A file may replace a file or link, a directory an empty directory.
    ///
    /// # Errors
    ///
    /// If there is no such entry, one of both directories may not be written, or the target cannot be replaced.
    pub fn rename(&mut self, caller: &Caller<'_>, source: &[u8], target: &[u8]) -> Result<(), Errno> {
        let from = self.found(caller, source, Last::Entry)?;
        let to = self.walk(caller, target, Last::Entry)?;
        if from.has_dots || to.has_dots || from.is_root() || to.is_root() {
            return Err(Errno::Busy);
        }
        from.admit_removal(caller)?;
        let entry = from.facts(caller);
        if to.is_missing() {
            if to.has_slash && !entry.is_directory() {
                return Err(Errno::NotADirectory);
            }
            to.admit_new(caller)?;
        } else {
            to.admit_removal(caller)?;
        }
        let (source, target) = (from.path(), to.path());
        if entry.is_directory() && parent_of(&source) != parent_of(&target) {
            // Its `..` changes.
            from.require(caller, Access::WRITE)?;
        }
        self.tree.rename(at(&source), at(&target), caller.now)?;
        if source != target {
            self.tell(WatchKind::Removed, &source);
            self.tell(WatchKind::Created, &target);
        }
        Ok(())
    }

    /// Makes a symbolic link to a path, which need not exist.
    ///
    /// # Errors
    ///
    /// If something has the name, the directory may not be written, or the target cannot be a path.
    pub fn symlink(&mut self, caller: &Caller<'_>, target: &[u8], path: &[u8]) -> Result<(), Errno> {
        let walk = self.walk(caller, path, Last::Entry)?;
        let parent = walk.admit_new(caller)?;
        if walk.has_slash {
            return Err(Errno::NotFound);
        }
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
        to.admit_new(caller)?;
        if to.has_slash {
            return Err(Errno::NotFound);
        }
        if !from.node().is_stored() {
            return Err(Errno::CrossDevice);
        }
        if !may_link(&from, caller) {
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
    let is_plain = super::access::without_set_ids(facts.mode) == facts.mode;
    let is_open = facts.allows(caller.who, Access::READ | Access::WRITE);
    match facts.kind {
        FileKind::Directory => false,
        FileKind::File => facts.is_owned_by(caller.who) || (is_plain && is_open),
        _ => facts.is_owned_by(caller.who),
    }
}

/// The path of the directory that an entry is in.
pub(super) fn parent_of(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    &path[..end]
}
