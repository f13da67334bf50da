//! [`Credentials`]: as whom a process acts.

use std::sync::Arc;

/// As whom a process acts.
///
/// What it may do is judged by the effective user and groups; the real user is who started it, and the saved one is whom
/// it may become again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// Who started it.
    pub real_uid: u32,
    /// Who it acts as.
    pub uid: u32,
    /// Whom it may become again.
    pub saved_uid: u32,
    /// Its group.
    pub gid: u32,
    /// The other groups that its user is in.
    pub groups: Arc<[u32]>,
}

impl Credentials {
    /// The user who may do everything.
    #[must_use]
    pub fn root() -> Self {
        Self::of(0, 0, Arc::new([]))
    }

    /// A user with groups.
    #[must_use]
    pub const fn of(uid: u32, gid: u32, groups: Arc<[u32]>) -> Self {
        Self { real_uid: uid, uid, saved_uid: uid, gid, groups }
    }

    /// Whether nothing is refused.
    #[must_use]
    pub const fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// Whether this group is one of its groups.
    #[must_use]
    pub fn is_in(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }
}
