//! [`Program`]: a file that is about to be run.

use ironloom_blob::BlobId;

use crate::os::{Access, Errno};

use super::access::{SET_GID, SET_UID};
use super::node::Node;
use super::read::read_seen;
use super::walk::Last;
use super::{Caller, FileKind, Files};

/// A file that may be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Where it is, without links and dots.
    pub path: Vec<u8>,
    /// A name for its bytes, if they are stored and more than a few: equal bytes have equal names.
    pub blob: Option<BlobId>,
    /// How many bytes it has.
    pub length: u64,
    /// As whom it runs, if not as who starts it.
    pub set_uid: Option<u32>,
    /// In which group it runs, if not in that of who starts it.
    pub set_gid: Option<u32>,
}

impl Files {
    /// A program that the caller may run.
    ///
    /// # Errors
    ///
    /// If there is no such file, or it may not be executed.
    pub fn program(&self, caller: &Caller<'_>, path: &[u8]) -> Result<Program, Errno> {
        self.source(caller, path, Access::EXECUTE)
    }

    /// A part of a program that the caller may read.
    ///
    /// # Errors
    ///
    /// If there is no such file, or it may not be read.
    pub fn module(&self, caller: &Caller<'_>, path: &[u8]) -> Result<Program, Errno> {
        let found = self.source(caller, path, Access::READ);
        let is_directory = || self.stat(caller, path).is_ok_and(|stat| stat.kind == FileKind::Directory);
        match found {
            Err(Errno::Access) if is_directory() => Err(Errno::IsADirectory),
            found => found,
        }
    }

    fn source(&self, caller: &Caller<'_>, path: &[u8], access: Access) -> Result<Program, Errno> {
        let walk = self.found(caller, path, Last::Followed)?;
        let facts = walk.facts(caller);
        let Node::Stored(seen) = walk.node() else {
            return Err(Errno::Access);
        };
        if facts.kind != FileKind::File || !facts.allows(caller.who, access) {
            return Err(Errno::Access);
        }
        // Without execution for the group, the bit means something else.
        let is_set_gid = facts.mode & SET_GID != 0 && facts.mode & 0o010 != 0;
        Ok(Program {
            path: walk.path(),
            blob: seen.blob(),
            length: seen.length(),
            set_uid: (facts.mode & SET_UID != 0).then_some(facts.uid),
            set_gid: is_set_gid.then_some(facts.gid),
        })
    }

    /// The bytes of a program that was just looked up: whoever may run it need not be allowed to read it.
    ///
    /// # Errors
    ///
    /// If it is longer than this, is gone, or the store fails.
    pub fn program_bytes(&self, program: &Program, bytes_max: u64) -> Result<Vec<u8>, Errno> {
        let names = program.path.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
        let mut seen = self.tree.root();
        for name in names {
            seen = seen.child(name)?.ok_or(Errno::NotFound)?;
        }
        read_seen(&seen, bytes_max)
    }
}
