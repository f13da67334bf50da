//! Copying single entries.

use ironloom_blob::tree::{Attributes, MediaType, Seen};
use ironloom_core::Instant;

use crate::os::views::{Device, ViewNode};
use crate::os::{Access, Errno};

use super::access::{Facts, without_set_ids};
use super::copy::CopyOptions;
use super::make::new_attributes;
use super::node::Node;
use super::walk::{Last, Walk};
use super::write::{Writable, at};
use super::{Caller, FileKind, Files, WatchKind};

/// The most that is read of a file that nobody stores.
const VIEW_BYTES_MAX: usize = 1 << 20;

/// The copy of a directory, still without what is below it.
pub(super) struct Shell {
    pub(super) path: Vec<u8>,
    /// What it has in the end, if it was made.
    pub(super) attributes: Option<Attributes>,
}

impl Files {
    /// Copies an entry without what is below it; for a directory, gives what is to be filled. `last` is what a link in the
    /// place of such a directory stands for.
    pub(super) fn copy_one(
        &mut self,
        caller: &Caller<'_>,
        source: &[u8],
        target: &[u8],
        options: CopyOptions,
        last: Last,
    ) -> Result<Option<Shell>, Errno> {
        let from = Walk::entry(&self.tree, caller, source)?;
        match from.facts(caller).kind {
            FileKind::Directory => self.copy_directory(caller, source, target, options, last).map(Some),
            FileKind::Symlink => {
                let link = from.node().target(caller)?;
                self.symlink(caller, &link, target).map(|()| None)
            }
            FileKind::File => self.copy_file(caller, source, target, options).map(|()| None),
            FileKind::Device | FileKind::Pipe => Err(Errno::NotSupported),
        }
    }

    fn copy_directory(
        &mut self,
        caller: &Caller<'_>,
        source: &[u8],
        target: &[u8],
        options: CopyOptions,
        last: Last,
    ) -> Result<Shell, Errno> {
        let from = Walk::entry(&self.tree, caller, source)?;
        from.require(caller, Access::READ | Access::SEARCH)?;
        let Facts { mode, uid, gid, .. } = from.facts(caller);
        let modified = from.node().stat(caller).modified;
        let to = self.walk(caller, target, last)?;
        let path = to.path();
        if !to.is_missing() {
            let is_directory = to.facts(caller).is_directory();
            return if is_directory {
                Ok(Shell { path, attributes: None })
            } else {
                Err(Errno::NotADirectory)
            };
        }
        let parent = to.admit_new(caller)?;
        let made = new_attributes(caller, &parent, mode & 0o777, true);
        let mut attributes = made.clone();
        if options.preserves {
            Preserved { mode, modified, uid, gid }.apply_to(&mut attributes, caller);
        }
        // The copy must let its maker in until it is done.
        self.tree.mkdir(at(&path), Attributes { mode: made.mode | 0o700, ..made })?;
        self.tell(WatchKind::Created, &path);
        Ok(Shell { path, attributes: Some(attributes) })
    }

    fn copy_file(
        &mut self,
        caller: &Caller<'_>,
        source: &[u8],
        target: &[u8],
        options: CopyOptions,
    ) -> Result<(), Errno> {
        let from = Walk::entry(&self.tree, caller, source)?;
        from.require(caller, Access::READ)?;
        let facts = from.facts(caller);
        match from.node() {
            Node::Stored(seen) => {
                let copied = Copied::of(seen, options);
                self.copy_stored(caller, source, target, &copied)
            }
            Node::View(view) => {
                let text = text_of(*view, caller)?;
                let is_new = self.walk(caller, target, Last::Followed)?.is_missing();
                self.write_all(caller, target, &text, None)?;
                if is_new {
                    self.chmod(caller, target, facts.mode & 0o777 & !caller.umask)?;
                }
                Ok(())
            }
        }
    }

    fn copy_stored(
        &mut self,
        caller: &Caller<'_>,
        source: &[u8],
        target: &[u8],
        copied: &Copied,
    ) -> Result<(), Errno> {
        match self.writable(caller, target)? {
            Writable::Existing { path, .. } if path == source => Err(Errno::Invalid),
            Writable::Existing { path, attributes } => {
                self.tree.copy_content(at(source), at(&path), caller.now)?;
                self.tree.set_attributes(at(&path), |old| {
                    *old = attributes;
                    copied.apply_to(old, caller);
                })?;
                self.tell(WatchKind::Changed, &path);
                Ok(())
            }
            Writable::New { path, attributes } => {
                self.tree.copy(at(source), at(&path), caller.now)?;
                let set = self.tree.set_attributes(at(&path), |new| {
                    *new = Attributes { mode: copied.mode & !caller.umask, ..attributes };
                    copied.apply_to(new, caller);
                });
                if let Err(error) = set {
                    // Nothing may stay that still has the owner of the source.
                    self.tree.remove(at(&path), caller.now)?;
                    return Err(error.into());
                }
                self.tell(WatchKind::Created, &path);
                Ok(())
            }
            Writable::Device(Device::Null) => Ok(()),
            Writable::Device(_) => Err(Errno::NotSupported),
        }
    }
}

/// What a copy has from its source.
struct Copied {
    mode: u16,
    media_type: Option<MediaType>,
    preserved: Option<Preserved>,
}

struct Preserved {
    mode: u16,
    modified: Instant,
    uid: u32,
    gid: u32,
}

impl Copied {
    fn of(seen: &Seen<'_>, options: CopyOptions) -> Self {
        let Attributes { mode, uid, gid, modified, media_type } = seen.attributes().clone();
        let preserved = options.preserves.then_some(Preserved { mode, modified, uid, gid });
        Self { mode: mode & 0o777, media_type, preserved }
    }

    fn apply_to(&self, attributes: &mut Attributes, caller: &Caller<'_>) {
        attributes.media_type.clone_from(&self.media_type);
        if let Some(preserved) = &self.preserved {
            preserved.apply_to(attributes, caller);
        }
    }
}

impl Preserved {
    /// Root gives a copy everything, others what they may give to what is theirs.
    fn apply_to(&self, attributes: &mut Attributes, caller: &Caller<'_>) {
        if caller.who.is_root() {
            (attributes.uid, attributes.gid, attributes.mode) = (self.uid, self.gid, self.mode);
        } else if attributes.uid == caller.who.uid {
            attributes.mode = without_set_ids(self.mode);
        } else {
            return;
        }
        attributes.modified = self.modified;
    }
}

fn text_of(view: ViewNode, caller: &Caller<'_>) -> Result<Vec<u8>, Errno> {
    let text = view.text(caller)?;
    if text.len() > VIEW_BYTES_MAX { Err(Errno::TooBig) } else { Ok(text) }
}
