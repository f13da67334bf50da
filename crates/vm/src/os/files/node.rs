//! [`Node`]: an entry on the way of a path, stored in the tree or made up by a view.

use ironloom_blob::tree::{Kind, Name, Seen};

use crate::os::Errno;
use crate::os::views::{Device, ViewNode};

use super::access::Facts;
use super::{Caller, Listed, Stat};

#[derive(Debug, Clone)]
pub(super) enum Node<'t> {
    Stored(Seen<'t>),
    View(ViewNode),
}

impl<'t> Node<'t> {
    /// The entry of this name. A view takes the place of the root's directory that has its name.
    pub(super) fn child(
        &self,
        caller: &Caller<'_>,
        name: &[u8],
        is_root: bool,
    ) -> Result<Option<Self>, Errno> {
        match self {
            Self::Stored(seen) => {
                let child = seen.child(name)?;
                Ok(child.map(|child| Self::mounted(child, name, is_root)))
            }
            Self::View(view) => Ok(view.child(caller, name).map(Self::View)),
        }
    }

    fn mounted(seen: Seen<'t>, name: &[u8], is_root: bool) -> Self {
        if is_root
            && seen.kind() == Kind::Directory
            && let Some(view) = ViewNode::mounted_at(name)
        {
            return Self::View(view);
        }
        Self::Stored(seen)
    }

    /// Up to `limit` of its entries, by name, those above `after`.
    pub(super) fn children(
        &self,
        caller: &Caller<'_>,
        after: Option<&[u8]>,
        limit: usize,
        is_root: bool,
    ) -> Result<Vec<(Name, Self)>, Errno> {
        match self {
            Self::Stored(seen) => {
                let children = seen.children(after, limit)?.into_iter();
                let mounted = children.map(|(name, child)| {
                    let node = Self::mounted(child, name.as_bytes(), is_root);
                    (name, node)
                });
                Ok(mounted.collect())
            }
            Self::View(view) => {
                let children = view.children(caller).into_iter();
                let page = children.filter(|(name, _)| after.is_none_or(|after| name.as_bytes() > after));
                Ok(page.take(limit).map(|(name, view)| (name, Self::View(view))).collect())
            }
        }
    }

    pub(super) fn facts(&self, caller: &Caller<'_>) -> Facts {
        match self {
            Self::Stored(seen) => {
                let attributes = seen.attributes();
                Facts {
                    kind: seen.kind().into(),
                    mode: attributes.mode,
                    uid: attributes.uid,
                    gid: attributes.gid,
                }
            }
            Self::View(view) => view.facts(caller),
        }
    }

    pub(super) fn stat(&self, caller: &Caller<'_>) -> Stat {
        match self {
            Self::Stored(seen) => Stat::of_stored(&seen.stat()),
            Self::View(view) => {
                let Facts { kind, mode, uid, gid } = view.facts(caller);
                Stat { kind, mode, uid, gid, size: 0, modified: caller.now, media_type: None }
            }
        }
    }

    /// What stands for one of the caller's own descriptors, if this is the link to it: it may have no path.
    pub(super) const fn own_descriptor(&self, caller: &Caller<'_>) -> Option<Self> {
        match self {
            Self::View(ViewNode::Descriptor(pid, number)) if *pid == caller.pid => {
                Some(Self::View(ViewNode::Device(Device::Descriptor(*number))))
            }
            _ => None,
        }
    }

    /// Where it points to.
    pub(super) fn target(&self, caller: &Caller<'_>) -> Result<Vec<u8>, Errno> {
        match self {
            Self::Stored(seen) => seen.target().map(<[u8]>::to_vec).ok_or(Errno::Invalid),
            Self::View(view) => view.target(caller),
        }
    }

    pub(super) fn listed(&self, caller: &Caller<'_>, name: Name) -> Listed {
        Listed { name, stat: self.stat(caller), target: self.target(caller).ok() }
    }

    /// How many entries are below it, at any depth; at least one for a directory of a view.
    pub(super) fn entries(&self) -> u64 {
        match self {
            Self::Stored(seen) => seen.stat().entries,
            Self::View(view) => u64::from(view.is_directory()),
        }
    }

    /// Whether it is a directory with entries.
    pub(super) fn is_full_directory(&self) -> bool {
        match self {
            Self::Stored(seen) => seen.kind() == Kind::Directory && !seen.is_empty_directory(),
            Self::View(view) => view.is_directory(),
        }
    }

    pub(super) const fn is_stored(&self) -> bool {
        matches!(self, Self::Stored(_))
    }
}
