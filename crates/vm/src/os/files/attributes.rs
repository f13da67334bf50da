//! Changing modes, owners and times.

use ironloom_blob::tree::Attributes;
use ironloom_core::Instant;

use crate::os::{Access, Errno};

use super::access::{Facts, SET_GID, without_set_ids};
use super::make::new_attributes;
use super::walk::Last;
use super::write::at;
use super::{Caller, Files, WatchKind};

impl Files {
    /// Sets the permission bits of an entry. In a group that is not the caller's, nothing of its runs in that group.
    ///
    /// # Errors
    ///
    /// If there is no such entry, it is somebody else's, or there are no such bits.
    pub fn chmod(&mut self, caller: &Caller<'_>, path: &[u8], mode: u16) -> Result<(), Errno> {
        if mode > Attributes::MODE_MAX {
            return Err(Errno::Invalid);
        }
        let (path, facts) = self.changeable(caller, path, Last::Followed)?;
        if !facts.is_owned_by(caller.who) {
            return Err(Errno::NotPermitted);
        }
        let is_insider = caller.who.is_root() || caller.who.is_in(facts.gid);
        let mode = if is_insider { mode } else { mode & !SET_GID };
        self.tree.set_attributes(at(&path), |attributes| attributes.mode = mode)?;
        self.tell(WatchKind::Changed, &path);
        Ok(())
    }

    /// Gives an entry to another user or group. Root may give anything to anybody, others what is theirs to groups that
    /// they are in. A program that changes hands no longer runs as its owner.
    ///
    /// # Errors
    ///
    /// If there is no such entry, or it may not be given.
    pub fn chown(
        &mut self,
        caller: &Caller<'_>,
        path: &[u8],
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> Result<(), Errno> {
        self.give(caller, path, uid, gid, Last::Followed)
    }

    /// As [`chown`](Self::chown), but a symbolic link stands for itself.
    ///
    /// # Errors
    ///
    /// As [`chown`](Self::chown).
    pub fn lchown(
        &mut self,
        caller: &Caller<'_>,
        path: &[u8],
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> Result<(), Errno> {
        self.give(caller, path, uid, gid, Last::Itself)
    }

    fn give(
        &mut self,
        caller: &Caller<'_>,
        path: &[u8],
        uid: Option<u32>,
        gid: Option<u32>,
        last: Last,
    ) -> Result<(), Errno> {
        let (path, facts) = self.changeable(caller, path, last)?;
        let who = caller.who;
        let is_mine = facts.uid == who.uid;
        let may_uid = uid.is_none_or(|uid| is_mine && uid == facts.uid);
        let may_gid = gid.is_none_or(|gid| is_mine && (gid == facts.gid || who.is_in(gid)));
        // Even to change nothing is to change hands.
        let is_plain = facts.is_directory() || without_set_ids(facts.mode) == facts.mode;
        let may = who.is_root() || (may_uid && may_gid && (is_plain || is_mine));
        if !may {
            return Err(Errno::NotPermitted);
        }
        if uid.is_none() && gid.is_none() && is_plain {
            return Ok(());
        }
        self.tree.set_attributes(at(&path), |attributes| {
            attributes.uid = uid.unwrap_or(attributes.uid);
            attributes.gid = gid.unwrap_or(attributes.gid);
            if !facts.is_directory() {
                attributes.mode = without_set_ids(attributes.mode);
            }
        })?;
        self.tell(WatchKind::Changed, &path);
        Ok(())
    }

    /// Sets when an entry was changed: now if nothing is said. Makes an empty file if there is none.
    ///
    /// # Errors
    ///
    /// If it may not be made, or is somebody else's and either another time is said or it may not be written.
    pub fn touch(
        &mut self,
        caller: &Caller<'_>,
        path: &[u8],
        modified: Option<Instant>,
    ) -> Result<(), Errno> {
        let walk = self.walk(caller, path, Last::Followed)?;
        if walk.is_missing() {
            if walk.has_slash {
                return Err(Errno::NotFound);
            }
            let parent = walk.admit_new(caller)?;
            let path = walk.path();
            let attributes = new_attributes(caller, &parent, 0o666, false);
            self.tree.create(at(&path), attributes)?;
            if let Some(modified) = modified {
                self.tree.set_attributes(at(&path), |attributes| attributes.modified = modified)?;
            }
            self.tell(WatchKind::Created, &path);
            return Ok(());
        }
        let facts = walk.facts(caller);
        if !facts.is_owned_by(caller.who) {
            if modified.is_some() {
                return Err(Errno::NotPermitted);
            }
            walk.require(caller, Access::WRITE)?;
        }
        if !walk.node().is_stored() {
            return if facts.is_directory() { Err(Errno::ReadOnly) } else { Ok(()) };
        }
        let path = walk.path();
        self.tree.set_attributes(at(&path), |attributes| {
            attributes.modified = modified.unwrap_or(caller.now);
        })?;
        self.tell(WatchKind::Changed, &path);
        Ok(())
    }

    /// An entry of the tree whose attributes may be changed by the right people.
    fn changeable(&self, caller: &Caller<'_>, path: &[u8], last: Last) -> Result<(Vec<u8>, Facts), Errno> {
        let walk = self.found(caller, path, last)?;
        if !walk.node().is_stored() {
            return Err(Errno::ReadOnly);
        }
        Ok((walk.path(), walk.facts(caller)))
    }
}
