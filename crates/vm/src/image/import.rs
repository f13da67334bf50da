//! [`Import`]: how a directory of the host becomes files of an image.
//!
//! Only what is below the directory comes in: symbolic links are taken as they are and never followed, and what is no
//! file, directory or link is refused. Entries are taken in the order of their names, so the same directory gives the same
//! image; its times do not matter unless that is wanted.

mod content;
mod entry;
mod error;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use ironloom_blob::tree::{Attributes, TreeError};
use ironloom_blob::{Durability, Tree};

use entry::{Found, Kind};

pub use error::ImportError;

/// Whose the files of an image are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Owners {
    /// Root's, all of them.
    #[default]
    Root,
    /// Those whose they are on the host, by number.
    Kept,
}

/// What may be done with the files of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Modes {
    /// `rwxr-xr-x` for directories and programs, which their owner may run, and `rw-r--r--` for the rest; so it does not
    /// depend on who has checked the directory out.
    #[default]
    Plain,
    /// As on the host, with the bits that let a program run as its owner.
    Kept,
}

/// When the files of an image were changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Times {
    /// At the beginning of time, all of them.
    #[default]
    Zero,
    /// As on the host; times before 1970 are the beginning of time.
    Kept,
}

/// How a directory of the host becomes files of an image, and how much of it at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Import {
    /// Whose the files are.
    pub owners: Owners,
    /// What may be done with them.
    pub modes: Modes,
    /// When they were changed.
    pub times: Times,
    /// How many files, directories and links there may be.
    pub entries_max: u64,
    /// How many bytes there may be in all files together.
    pub bytes_max: u64,
    /// How many levels of directories there may be.
    pub depth_max: usize,
}

impl Default for Import {
    fn default() -> Self {
        Self {
            owners: Owners::default(),
            modes: Modes::default(),
            times: Times::default(),
            entries_max: 100_000,
            bytes_max: 1 << 30,
            depth_max: 64,
        }
    }
}

/// How many bytes are taken between two commits, which move them from memory to the store.
const COMMIT_BYTES: u64 = 32 << 20;

/// Takes what is below a directory into a tree, below `at`.
pub(super) fn import(tree: &mut Tree, at: &[u8], path: &Path, how: &Import) -> Result<(), ImportError> {
    let mut at = at.to_vec();
    while at.last() == Some(&b'/') {
        at.pop();
    }
    let run = Running { tree, how, entries: 0, bytes: 0, committed: 0 };
    run.take(at, path)
}

/// An import under way.
struct Running<'a> {
    tree: &'a mut Tree,
    how: &'a Import,
    entries: u64,
    bytes: u64,
    /// How many of the bytes are not in memory any more.
    committed: u64,
}

/// A directory that is being taken, with those of its entries that were not taken yet, the first name last.
struct Level {
    path: PathBuf,
    left: Vec<Found>,
    /// How long the path in the image is.
    at: usize,
    /// What the directory has in the end; its entries change when it was changed.
    attributes: Option<Attributes>,
}

impl Running<'_> {
    fn take(mut self, mut at: Vec<u8>, path: &Path) -> Result<(), ImportError> {
        let found = entry::look(path.to_path_buf())?;
        if found.kind != Kind::Directory {
            return Err(ImportError::Kind { path: path.into(), kind: found.kind.name() });
        }
        let mut levels = vec![self.enter(&found, at.len(), None)?];
        while let Some(level) = levels.last_mut() {
            at.truncate(level.at);
            let Some(found) = level.left.pop() else {
                levels.pop().map_or(Ok(()), |level| self.leave(&at, level))?;
                continue;
            };
            at.push(b'/');
            at.extend_from_slice(found.name());
            match found.kind {
                Kind::Directory => {
                    if levels.len() >= self.how.depth_max {
                        let depth_max = self.how.depth_max;
                        return Err(ImportError::TooDeep { path: found.path, depth_max });
                    }
                    let attributes = self.make_directory(&at, &found)?;
                    levels.push(self.enter(&found, at.len(), Some(attributes))?);
                }
                Kind::File => self.take_file(&at, &found)?,
                Kind::Link => self.take_link(&at, found)?,
                kind => return Err(ImportError::Kind { path: found.path, kind: kind.name() }),
            }
        }
        let committed = self.tree.commit(Durability::Buffered);
        committed.map(drop).map_err(|source| ImportError::Tree { path: path.into(), source })
    }

    /// Reads a directory: all its entries, the first name last.
    fn enter(
        &mut self,
        found: &Found,
        at: usize,
        attributes: Option<Attributes>,
    ) -> Result<Level, ImportError> {
        let path = found.path.clone();
        let failed = |source| ImportError::Read { path: path.clone(), source };
        let mut left = Vec::new();
        for entry in fs::read_dir(&path).map_err(failed)? {
            self.entries += 1;
            if self.entries > self.how.entries_max {
                let entries_max = self.how.entries_max;
                return Err(ImportError::TooMany { entries_max });
            }
            left.push(entry::look(entry.map_err(failed)?.path())?);
        }
        // Whoever has put a link in the place of the directory has not led us away.
        if !entry::look(path.clone())?.is_same(found) {
            return Err(ImportError::Changed { path });
        }
        left.sort_unstable_by(|one, other| other.name().cmp(one.name()));
        Ok(Level { path, left, at, attributes })
    }

    /// Gives a directory what it has in the end.
    fn leave(&mut self, at: &[u8], level: Level) -> Result<(), ImportError> {
        let Some(attributes) = level.attributes else { return Ok(()) };
        let set = self.tree.set_attributes(place(at), |old| *old = attributes);
        set.map_err(|source| ImportError::Tree { path: level.path, source })
    }

    fn attributes(&self, found: &Found) -> Attributes {
        let mode = match (self.how.modes, found.kind) {
            (_, Kind::Link) => 0o777,
            (Modes::Kept, _) => found.mode,
            (Modes::Plain, Kind::Directory) => 0o755,
            (Modes::Plain, _) if found.mode & 0o100 != 0 => 0o755,
            (Modes::Plain, _) => 0o644,
        };
        let modified = match self.how.times {
            Times::Zero => ironloom_core::Instant::ZERO,
            Times::Kept => found.modified,
        };
        let (uid, gid) = match self.how.owners {
            Owners::Root => (0, 0),
            Owners::Kept => found.owner,
        };
        Attributes { uid, gid, ..Attributes::new(mode, modified) }
    }

    fn make_directory(&mut self, at: &[u8], found: &Found) -> Result<Attributes, ImportError> {
        let attributes = self.attributes(found);
        let there = self.tree.lstat(place(at)).map(|stat| stat.kind);
        if !matches!(there, Ok(ironloom_blob::tree::Kind::Directory)) {
            let made = self.make_room(at, there.is_ok());
            let made = made.and_then(|()| self.tree.mkdir(place(at), attributes.clone()));
            made.map_err(|source| ImportError::Tree { path: found.path.clone(), source })?;
        }
        Ok(attributes)
    }

    fn take_link(&mut self, at: &[u8], found: Found) -> Result<(), ImportError> {
        let target = entry::target(&found.path)?;
        let attributes = self.attributes(&found);
        let is_there = self.tree.lstat(place(at)).is_ok();
        let made =
            self.make_room(at, is_there).and_then(|()| self.tree.symlink(&target, place(at), attributes));
        made.map_err(|source| ImportError::Tree { path: found.path, source })
    }

    fn take_file(&mut self, at: &[u8], found: &Found) -> Result<(), ImportError> {
        let bytes_max = self.how.bytes_max;
        if found.length > bytes_max - self.bytes {
            return Err(ImportError::TooLarge { bytes_max });
        }
        let attributes = self.attributes(found);
        let modified = attributes.modified;
        let is_there = self.tree.lstat(place(at)).is_ok();
        let made = self.make_room(at, is_there).and_then(|()| self.tree.create(place(at), attributes));
        made.map_err(|source| ImportError::Tree { path: found.path.clone(), source })?;
        content::copy(found, |offset, piece| {
            self.tree.write(place(at), offset, piece, modified)?;
            self.bytes += piece.len() as u64;
            if self.bytes - self.committed >= COMMIT_BYTES {
                self.tree.commit(Durability::Buffered)?;
                self.committed = self.bytes;
            }
            Ok(())
        })
    }

    /// What is in the way is not followed, but replaced.
    fn make_room(&mut self, at: &[u8], is_there: bool) -> Result<(), TreeError> {
        if is_there { self.tree.remove_all(place(at), ironloom_core::Instant::ZERO) } else { Ok(()) }
    }
}

/// A place in the tree, by a path without links and dots.
fn place(at: &[u8]) -> ironloom_blob::tree::At<'_> {
    ironloom_blob::tree::At::from(at).no_follow()
}
