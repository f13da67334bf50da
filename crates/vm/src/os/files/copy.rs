//! [`TreeCopy`]: copies a file, or a directory with everything below it, a part at a time.
//!
//! The content of a file is shared with the copy until one of them is written, so a file costs one step whatever its
//! length.

use ironloom_blob::tree::{Attributes, MediaType, Name, Seen};
use ironloom_core::Instant;

use crate::os::views::ViewNode;
use crate::os::{Access, Errno};

use super::access::{Facts, without_set_ids};
use super::make::new_attributes;
use super::node::Node;
use super::tour::{Progress, joined};
use super::walk::{Last, Walk};
use super::write::{Writable, at};
use super::{Caller, FileKind, Files, WatchKind};

/// How many entries of a directory are looked at together.
const PAGE_ENTRIES: usize = 64;

/// The most that is read of a file that nobody stores.
const VIEW_BYTES_MAX: usize = 1 << 20;

/// How something is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CopyOptions {
    /// Directories, with what is below them; links as links.
    pub is_recursive: bool,
    /// With mode and time; root also with the owner.
    pub preserves: bool,
}

/// A copy that has begun; see [`Files::copy`].
#[derive(Debug)]
pub struct TreeCopy {
    options: CopyOptions,
    levels: Vec<Level>,
    error: Option<Errno>,
}

/// A directory that is being copied.
#[derive(Debug)]
struct Level {
    source: Vec<u8>,
    target: Vec<u8>,
    /// The last name that was copied.
    after: Option<Name>,
    /// What the copy has in the end, if it was made.
    attributes: Option<Attributes>,
}

impl Files {
    /// Begins to copy; [`TreeCopy::go`] does what is below a directory. A file is copied already.
    ///
    /// A file that is there gets the content and keeps the rest; into a directory that is there goes what is below the
    /// source.
    ///
    /// # Errors
    ///
    /// If there is no such entry, it may not be read, the target may not be written or is within the source, it is a
    /// directory and that was not said, or the disk is full.
    pub fn copy(
        &mut self,
        caller: &Caller<'_>,
        source: &[u8],
        target: &[u8],
        options: CopyOptions,
    ) -> Result<TreeCopy, Errno> {
        let last = if options.is_recursive { Last::Itself } else { Last::Followed };
        let from = self.found(caller, source, last)?;
        let is_directory = from.facts(caller).is_directory();
        if is_directory && !options.is_recursive {
            return Err(Errno::IsADirectory);
        }
        let source = from.path();
        let mut copy = TreeCopy { options, levels: Vec::new(), error: None };
        if is_directory {
            let to = self.walk(caller, target, Last::Followed)?;
            let (resolved, is_missing) = (to.path(), to.is_missing());
            if joins(&source, &resolved) {
                return Err(Errno::Invalid);
            }
            if is_missing
                && options.preserves
                && caller.who.is_root()
                && from.node().is_stored()
                && !from.is_root()
            {
                to.admit_new(caller)?;
                self.tree.copy(at(&source), at(&resolved), caller.now)?;
                self.tell(WatchKind::Created, &resolved);
                return Ok(copy);
            }
        }
        let level = self.copy_one(caller, &source, target, options)?;
        copy.levels.extend(level);
        Ok(copy)
    }

    /// Copies an entry without what is below it; for a directory, gives what is to be done.
    fn copy_one(
        &mut self,
        caller: &Caller<'_>,
        source: &[u8],
        target: &[u8],
        options: CopyOptions,
    ) -> Result<Option<Level>, Errno> {
        let from = Walk::entry(&self.tree, caller, source)?;
        match from.facts(caller).kind {
            FileKind::Directory => self.copy_directory(caller, source, target, options).map(Some),
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
    ) -> Result<Level, Errno> {
        let from = Walk::entry(&self.tree, caller, source)?;
        from.require(caller, Access::READ | Access::SEARCH)?;
        let Facts { mode, uid, gid, .. } = from.facts(caller);
        let modified = from.node().stat(caller).modified;
        let to = self.walk(caller, target, Last::Followed)?;
        let path = to.path();
        if !to.is_missing() {
            let is_directory = to.facts(caller).is_directory();
            let level = Level { source: source.to_vec(), target: path, after: None, attributes: None };
            return if is_directory { Ok(level) } else { Err(Errno::NotADirectory) };
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
        Ok(Level { source: source.to_vec(), target: path, after: None, attributes: Some(attributes) })
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
            Writable::Device(crate::os::Device::Null) => Ok(()),
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

/// Whether a path is within a directory, or is that.
fn joins(directory: &[u8], path: &[u8]) -> bool {
    let rest = path.strip_prefix(directory);
    rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/' || directory == b"/")
}

impl TreeCopy {
    /// Goes on for so many steps, about one for each entry.
    ///
    /// What comes of it in the end is the first thing that went wrong, if anything did; the rest is copied all the same.
    pub fn go(
        &mut self,
        files: &mut Files,
        caller: &Caller<'_>,
        mut steps: usize,
    ) -> Progress<Result<(), Errno>> {
        while let Some(mut level) = self.levels.pop() {
            if steps == 0 {
                self.levels.push(level);
                return Progress::More;
            }
            match level.page(files, caller, steps) {
                Ok(page) if !page.is_empty() => {
                    let below = self.copy_page(files, caller, &mut level, page, &mut steps);
                    self.levels.push(level);
                    self.levels.extend(below);
                }
                ended => {
                    steps -= 1;
                    self.note(ended.map(drop));
                    self.note(level.finish(files, self.options));
                }
            }
        }
        Progress::Done(self.error.map_or(Ok(()), Err))
    }

    /// Copies entries of a directory, up to a directory with what is below it: that is given back.
    fn copy_page(
        &mut self,
        files: &mut Files,
        caller: &Caller<'_>,
        level: &mut Level,
        page: Vec<Name>,
        steps: &mut usize,
    ) -> Option<Level> {
        for name in page {
            *steps = steps.saturating_sub(1);
            let source = joined(&level.source, &name);
            // The copy goes to the directory that was made, whatever lies on the way to it by now.
            let there = Caller { cwd: &level.target, ..*caller };
            let copied = files.copy_one(&there, &source, name.as_bytes(), self.options);
            level.after = Some(name);
            match copied {
                Ok(Some(below)) => return Some(below),
                Ok(None) => {}
                Err(error) => self.note(Err(error)),
            }
        }
        None
    }

    fn note(&mut self, done: Result<(), Errno>) {
        self.error = self.error.or(done.err());
    }
}

impl Level {
    /// The next names.
    fn page(&self, files: &Files, caller: &Caller<'_>, steps: usize) -> Result<Vec<Name>, Errno> {
        let walk = Walk::entry(&files.tree, caller, &self.source)?;
        walk.require(caller, Access::READ | Access::SEARCH)?;
        let after = self.after.as_ref().map(Name::as_bytes);
        let children = walk.node().children(caller, after, steps.clamp(1, PAGE_ENTRIES), walk.is_root())?;
        Ok(children.into_iter().map(|(name, _)| name).collect())
    }

    /// Gives the copy what it has in the end.
    fn finish(self, files: &mut Files, options: CopyOptions) -> Result<(), Errno> {
        if let Some(attributes) = self.attributes {
            files.tree.set_attributes(at(&self.target), |old| {
                let modified = if options.preserves { attributes.modified } else { old.modified };
                *old = Attributes { modified, ..attributes };
            })?;
        }
        Ok(())
    }
}
