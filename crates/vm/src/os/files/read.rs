//! Looking at files and directories.

use ironloom_blob::tree::{Seen, Version};

use crate::os::views::ViewNode;
use crate::os::{Access, Errno};

use super::node::Node;
use super::walk::Last;
use super::{Caller, Files, Listed, Stat};

impl Files {
    /// What is known of an entry; of what a symbolic link points to, if it is one.
    ///
    /// # Errors
    ///
    /// If there is no such entry, or a directory on the way may not be searched.
    pub fn stat(&self, caller: &Caller<'_>, path: &[u8]) -> Result<Stat, Errno> {
        Ok(self.found(caller, path, Last::Followed)?.node().stat(caller))
    }

    /// What is known of an entry, even if it is a symbolic link.
    ///
    /// # Errors
    ///
    /// As [`stat`](Self::stat).
    pub fn lstat(&self, caller: &Caller<'_>, path: &[u8]) -> Result<Stat, Errno> {
        Ok(self.found(caller, path, Last::Itself)?.node().stat(caller))
    }

    /// Whether the caller, as who it acts, may do this with an entry; without any access, whether the entry is there.
    ///
    /// # Errors
    ///
    /// If it may not, or there is no such entry.
    pub fn access(&self, caller: &Caller<'_>, path: &[u8], access: Access) -> Result<(), Errno> {
        self.found(caller, path, Last::Followed)?.require(caller, access)
    }

    /// Up to `limit` entries of a directory, by name in the order of bytes, those above `after` if that is given.
    ///
    /// To go on, give the last name of the page before.
    ///
    /// # Errors
    ///
    /// If there is no such directory, or it may not be read.
    pub fn list(
        &self,
        caller: &Caller<'_>,
        path: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Listed>, Errno> {
        let walk = self.found(caller, path, Last::Followed)?;
        if !walk.facts(caller).is_directory() {
            return Err(Errno::NotADirectory);
        }
        walk.require(caller, Access::READ)?;
        let children = walk.node().children(caller, after, limit, walk.is_root())?.into_iter();
        Ok(children.map(|(name, node)| node.listed(caller, name)).collect())
    }

    /// Everything in a file of at most so many bytes.
    ///
    /// # Errors
    ///
    /// If there is no such file, it is longer or may not be read, or it is a device.
    pub fn read_all(&self, caller: &Caller<'_>, path: &[u8], bytes_max: u64) -> Result<Vec<u8>, Errno> {
        let walk = self.found(caller, path, Last::Followed)?;
        walk.require(caller, Access::READ)?;
        if walk.facts(caller).is_directory() {
            return Err(Errno::IsADirectory);
        }
        let bytes = match walk.node() {
            Node::Stored(seen) => read_seen(seen, bytes_max)?,
            Node::View(ViewNode::Device(_)) => return Err(Errno::NotSupported),
            Node::View(view) => view.text(caller)?,
        };
        if bytes.len() as u64 > bytes_max { Err(Errno::TooBig) } else { Ok(bytes) }
    }

    /// What the bytes of a file are now, to be compared with what they are later; `None` if there is no such file.
    pub(in crate::os) fn version(&self, caller: &Caller<'_>, path: &[u8]) -> Option<Version> {
        match self.found(caller, path, Last::Followed).ok()?.node() {
            Node::Stored(seen) => seen.version(),
            Node::View(_) => None,
        }
    }

    /// Where a symbolic link points to.
    ///
    /// # Errors
    ///
    /// If there is no such link.
    pub fn read_link(&self, caller: &Caller<'_>, path: &[u8]) -> Result<Vec<u8>, Errno> {
        self.found(caller, path, Last::Itself)?.node().target(caller)
    }

    /// The path of an entry from the root, without links and dots.
    ///
    /// # Errors
    ///
    /// If there is no such entry.
    pub fn real_path(&self, caller: &Caller<'_>, path: &[u8]) -> Result<Vec<u8>, Errno> {
        Ok(self.found(caller, path, Last::Followed)?.path())
    }

    /// What becomes the working directory of whoever goes there.
    ///
    /// # Errors
    ///
    /// If there is no such directory, or it may not be searched.
    pub fn chdir(&self, caller: &Caller<'_>, path: &[u8]) -> Result<Vec<u8>, Errno> {
        let walk = self.found(caller, path, Last::Followed)?;
        if !walk.facts(caller).is_directory() {
            return Err(Errno::NotADirectory);
        }
        walk.require(caller, Access::SEARCH)?;
        Ok(walk.path())
    }
}

/// All bytes of a file of at most so many.
pub(super) fn read_seen(seen: &Seen<'_>, bytes_max: u64) -> Result<Vec<u8>, Errno> {
    let length = seen.length();
    if length > bytes_max {
        return Err(Errno::TooBig);
    }
    let mut bytes = vec![0; usize::try_from(length).map_err(|_| Errno::TooBig)?];
    seen.read(0, &mut bytes)?;
    Ok(bytes)
}
