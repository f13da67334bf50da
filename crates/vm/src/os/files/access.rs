//! [`Access`]: who may do what with an entry, by its permission bits.

use std::ops::BitOr;

use crate::os::Credentials;

use super::stat::FileKind;

/// The bit that makes a program run as its owner.
pub const SET_UID: u16 = 0o4000;
/// The bit that makes a program run in its group, and that gives what is made in a directory that directory's group.
pub const SET_GID: u16 = 0o2000;
/// The bit that keeps people from removing each other's entries of a directory.
pub const STICKY: u16 = 0o1000;

/// What somebody wants to do: any of reading, writing and executing, which for a directory is looking up names in it.
///
/// ```
/// use ironloom_vm::os::Access;
///
/// assert_eq!(Access::parse("rx"), Some(Access::READ | Access::EXECUTE));
/// assert_eq!(Access::parse("q"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Access(u16);

impl Access {
    /// To read.
    pub const READ: Self = Self(4);
    /// To write.
    pub const WRITE: Self = Self(2);
    /// To execute a file.
    pub const EXECUTE: Self = Self(1);
    /// To look up names in a directory.
    pub const SEARCH: Self = Self(1);
    /// To make and remove entries of a directory.
    pub const CHANGE: Self = Self(2 | 1);

    /// What letters out of `rwx` mean.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.chars().try_fold(Self::default(), |access, letter| match letter {
            'r' => Some(access | Self::READ),
            'w' => Some(access | Self::WRITE),
            'x' => Some(access | Self::EXECUTE),
            _ => None,
        })
    }

    const fn executes(self) -> bool {
        self.0 & Self::EXECUTE.0 != 0
    }
}

impl BitOr for Access {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What permissions are judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::os) struct Facts {
    pub(in crate::os) kind: FileKind,
    pub(in crate::os) mode: u16,
    pub(in crate::os) uid: u32,
    pub(in crate::os) gid: u32,
}

impl Facts {
    /// Whether somebody may do this. The first class that fits decides, even if a later one would allow more.
    pub(in crate::os) fn allows(&self, who: &Credentials, access: Access) -> bool {
        if who.is_root() {
            let may_execute = self.kind == FileKind::Directory || self.mode & 0o111 != 0;
            return !access.executes() || may_execute;
        }
        let class = if self.uid == who.uid {
            self.mode >> 6
        } else if who.is_in(self.gid) {
            self.mode >> 3
        } else {
            self.mode
        };
        class & access.0 == access.0
    }

    pub(in crate::os) const fn is_directory(&self) -> bool {
        matches!(self.kind, FileKind::Directory)
    }

    /// Whether somebody may change the attributes.
    pub(in crate::os) const fn is_owned_by(&self, who: &Credentials) -> bool {
        who.is_root() || self.uid == who.uid
    }

    /// Whether this directory lets somebody remove or rename an entry that has these facts. Whether it may be written at
    /// all is another question.
    pub(super) const fn lets_go(&self, entry: &Self, who: &Credentials) -> bool {
        self.mode & STICKY == 0 || entry.is_owned_by(who) || self.uid == who.uid
    }

    /// Whether a symbolic link in this directory may be followed. Where everybody may write, somebody may have laid it as
    /// a trap: there one follows one's own, and those of the directory's owner.
    pub(super) const fn lets_follow(&self, link: &Self, who: &Credentials) -> bool {
        let is_shared = self.mode & STICKY != 0 && self.mode & 0o002 != 0;
        !is_shared || link.uid == who.uid || link.uid == self.uid
    }
}

/// The bits that are left when somebody has written to a file: a program that was changed runs as nobody else.
pub(super) const fn mode_after_write(mode: u16, who: &Credentials) -> u16 {
    if who.is_root() { mode } else { without_set_ids(mode) }
}

/// Without the bits that let a program run as somebody else. Without execution for the group, `SET_GID` means no such
/// thing.
pub(super) const fn without_set_ids(mode: u16) -> u16 {
    let set_gid = if mode & 0o010 != 0 { SET_GID } else { 0 };
    mode & !(SET_UID | set_gid)
}
