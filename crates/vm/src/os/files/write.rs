//! Writing whole files.
//!
//! A path is walked and judged first; what the tree is told then is the path without links and dots, so that it cannot
//! come out elsewhere.

use ironloom_blob::tree::{At, Attributes, MediaType};

use crate::os::views::{Device, ViewNode};
use crate::os::{Access, Errno};

use super::access::mode_after_write;
use super::make::new_attributes;
use super::node::Node;
use super::walk::{Last, Walk};
use super::{Caller, Files, WatchKind};

/// The path of an entry that was judged.
pub(super) fn at(path: &[u8]) -> At<'_> {
    At::from(path).no_follow()
}

/// A file that may be written.
pub(super) enum Writable {
    /// One that is there.
    Existing { path: Vec<u8>, attributes: Attributes },
    /// One that may be made.
    New { path: Vec<u8>, attributes: Attributes },
    /// A device.
    Device(Device),
}

impl Files {
    /// Whether the caller may write a file, or make it.
    pub(super) fn writable(&self, caller: &Caller<'_>, path: &[u8]) -> Result<Writable, Errno> {
        let walk = self.walk(caller, path, Last::File)?;
        if walk.is_missing() {
            let parent = walk.admit_new(caller)?;
            let attributes = new_attributes(caller, &parent, 0o666, false);
            return Ok(Writable::New { path: walk.path(), attributes });
        }
        writable_in(&walk, caller)
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
        let walk = self.found(caller, path, Last::Followed)?;
        match writable_in(&walk, caller)? {
            Writable::Existing { path, attributes } => {
                self.drop_set_ids(&path, &attributes)?;
                self.tree.truncate(at(&path), length, caller.now)?;
                self.tell(WatchKind::Changed, &path);
                Ok(())
            }
            Writable::New { .. } | Writable::Device(_) => Err(Errno::Invalid),
        }
    }

    /// Sets the mode that a file has after it was written, if that is another.
    fn drop_set_ids(&mut self, path: &[u8], after: &Attributes) -> Result<(), Errno> {
        if self.tree.lstat(at(path))?.attributes.mode != after.mode {
            self.tree.set_attributes(at(path), |attributes| attributes.mode = after.mode)?;
        }
        Ok(())
    }
}

/// Whether the caller may write what was found.
fn writable_in(walk: &Walk<'_>, caller: &Caller<'_>) -> Result<Writable, Errno> {
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
