//! Whether an entry may be made, removed or renamed. What fails first is what fails first in Linux.

use crate::os::{Access, Errno};

use super::Caller;
use super::access::Facts;
use super::walk::{End, Walk};

impl Walk<'_> {
    /// Whether something that is no directory has this path to itself.
    pub(super) fn check_free(&self) -> Result<(), Errno> {
        match (self.is_missing(), self.has_slash) {
            (false, _) => Err(Errno::Exists),
            (true, true) => Err(Errno::NotFound),
            (true, false) => Ok(()),
        }
    }

    /// Whether an entry may be made here; gives the directory that it would be in.
    pub(super) fn admit_new(&self, caller: &Caller<'_>) -> Result<Facts, Errno> {
        if !self.is_missing() {
            return Err(Errno::Exists);
        }
        let parent = self.parent();
        if !parent.is_stored() {
            return Err(Errno::ReadOnly);
        }
        let facts = parent.facts(caller);
        if facts.allows(caller.who, Access::CHANGE) { Ok(facts) } else { Err(Errno::Access) }
    }

    /// Whether what was found may leave its directory.
    pub(super) fn admit_leaving(&self, caller: &Caller<'_>) -> Result<(), Errno> {
        let parent = self.parent();
        match (parent.is_stored(), self.node().is_stored()) {
            (false, _) => return Err(Errno::ReadOnly),
            // A view is in its place.
            (true, false) => return Err(Errno::Busy),
            (true, true) => {}
        }
        let facts = parent.facts(caller);
        if !facts.allows(caller.who, Access::CHANGE) {
            return Err(Errno::Access);
        }
        if facts.lets_go(&self.facts(caller), caller.who) { Ok(()) } else { Err(Errno::NotPermitted) }
    }

    /// Whether what was found may be removed, whatever it is.
    pub(super) fn admit_removal(&self, caller: &Caller<'_>) -> Result<(), Errno> {
        match self.end {
            _ if self.is_missing() => return Err(Errno::NotFound),
            End::Root => return Err(Errno::Busy),
            End::Dot | End::DotDot => return Err(Errno::Invalid),
            End::Name if self.has_slash && !self.facts(caller).is_directory() => {
                return Err(Errno::NotADirectory);
            }
            End::Name => {}
        }
        self.admit_leaving(caller)
    }
}
