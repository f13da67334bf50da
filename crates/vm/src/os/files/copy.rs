//! [`TreeCopy`]: copies a file, or a directory with everything below it, a part at a time.
//!
//! The content of a file is shared with the copy until one of them is written, so a file costs one step whatever its
//! length.

use ironloom_blob::tree::{Attributes, Name};

use crate::os::Errno;

use super::tour::{Progress, page, push};
use super::walk::{Last, Walk};
use super::write::at;
use super::{Caller, Files, WatchKind};

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
    /// Where it is in the source and in the target, without links and dots.
    source: Vec<u8>,
    target: Vec<u8>,
    levels: Vec<Level>,
    error: Option<Errno>,
}

/// A directory that is being copied.
#[derive(Debug)]
struct Level {
    /// How long the paths of the directory and of its copy are.
    source: usize,
    target: usize,
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
        let (target_path, levels) = (Vec::new(), Vec::new());
        let mut copy = TreeCopy { options, source, target: target_path, levels, error: None };
        if is_directory {
            let to = self.walk(caller, target, Last::Followed)?;
            let (resolved, is_missing) = (to.path(), to.is_missing());
            if joins(&copy.source, &resolved) {
                return Err(Errno::Invalid);
            }
            let is_exact = options.preserves && caller.who.is_root();
            if is_exact && is_missing && from.node().is_stored() && !from.is_root() {
                to.admit_new(caller)?;
                self.tree.copy(at(&copy.source), at(&resolved), caller.now)?;
                self.tell(WatchKind::Created, &resolved);
                return Ok(copy);
            }
        }
        if let Some(shell) = self.copy_one(caller, &copy.source, target, options, Last::Followed)? {
            copy.target = shell.path;
            copy.enter(shell.attributes);
        }
        Ok(copy)
    }
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
        while let Some(level) = self.levels.last() {
            if steps == 0 {
                return Progress::More;
            }
            steps -= 1;
            self.source.truncate(level.source);
            self.target.truncate(level.target);
            match page(files, caller, &self.source, level.after.as_ref(), steps) {
                Ok(page) if !page.is_empty() => {
                    let names = page.into_iter().map(|(name, _)| name).collect();
                    self.copy_page(files, caller, names, &mut steps);
                }
                ended => {
                    self.note(ended.map(drop));
                    let finished = self.leave(files, caller);
                    self.note(finished);
                }
            }
        }
        Progress::Done(self.error.map_or(Ok(()), Err))
    }

    /// Copies entries of a directory, up to a directory, which comes next.
    fn copy_page(&mut self, files: &mut Files, caller: &Caller<'_>, page: Vec<Name>, steps: &mut usize) {
        let length = self.source.len();
        for name in page {
            *steps = steps.saturating_sub(1);
            push(&mut self.source, &name);
            // The copy goes to the directory that was made, whatever lies on the way to it by now.
            let there = Caller { cwd: &self.target, ..*caller };
            let copied = files.copy_one(&there, &self.source, name.as_bytes(), self.options, Last::Itself);
            if let Ok(Some(_)) = &copied {
                push(&mut self.target, &name);
            }
            if let Some(level) = self.levels.last_mut() {
                level.after = Some(name);
            }
            match copied {
                Ok(Some(shell)) => return self.enter(shell.attributes),
                Ok(None) => {}
                Err(error) => self.note(Err(error)),
            }
            self.source.truncate(length);
        }
    }

    fn enter(&mut self, attributes: Option<Attributes>) {
        let (source, target) = (self.source.len(), self.target.len());
        self.levels.push(Level { source, target, after: None, attributes });
    }

    /// Gives the copy of a directory what it has in the end, unless somebody has put something else in its place.
    fn leave(&mut self, files: &mut Files, caller: &Caller<'_>) -> Result<(), Errno> {
        let Some(attributes) = self.levels.pop().and_then(|level| level.attributes) else {
            return Ok(());
        };
        let made = Walk::entry(&files.tree, caller, &self.target)?.facts(caller);
        if !made.is_directory() || made.uid != caller.who.uid {
            return Err(Errno::NotPermitted);
        }
        files.tree.set_attributes(at(&self.target), |old| {
            let modified = if self.options.preserves { attributes.modified } else { old.modified };
            *old = Attributes { modified, ..attributes };
        })?;
        Ok(())
    }

    fn note(&mut self, done: Result<(), Errno>) {
        self.error = self.error.or(done.err());
    }
}
