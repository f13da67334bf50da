//! Moving, copying and linking.

use ironloom_core::Instant;

use super::directory::{Directory, Verdict};
use super::entry::{Entry, Kind};
use super::files::file;
use super::resolve::Resolved;
use super::{At, Name, Tree, TreeError, TreePath};

impl Tree {
    /// Moves an entry to another name, as POSIX has it: a file may replace a file or symbolic link, a directory an empty
    /// directory. What has two names of one entry is as it was.
    ///
    /// # Errors
    ///
    /// If there is no such entry, the target cannot be replaced by it, or is within it, or a limit stands in the way.
    pub fn rename<'a, 'b>(
        &mut self,
        source: impl Into<At<'a>>,
        target: impl Into<At<'b>>,
        now: Instant,
    ) -> Result<(), TreeError> {
        let (source, target) = (source.into().no_follow(), target.into().no_follow());
        let from = self.resolve_existing(&source)?;
        let to = self.resolve(&target)?;
        for (resolved, at) in [(&from, &source), (&to, &target)] {
            if resolved.is_root() || resolved.has_dots {
                return Err(TreeError::Unnamed { path: at.shown() });
            }
            resolved.refuse_link(at)?;
        }
        let (source_names, target_names) = (from.names(), to.names());
        if source_names == target_names {
            return Ok(());
        }
        let entry = from.entry().clone();
        check_replaceable(&entry, &to, &target, &source_names)?;
        self.check_depth(&entry, &target_names)?;
        self.admit_dirty(0)?;
        let replaced = self.open_entries(&target_names)?;
        // Only what needs nothing of the store comes after the first change: the way to the source is open by then, and
        // putting an entry elsewhere does not close it.
        self.change_named(&source_names, None, &mut |_| Ok(Verdict::Keep))?;
        self.put_named(&target_names, now, entry)?;
        self.change_named(&source_names, Some(now), &mut |_| Ok(Verdict::Remove))?;
        self.keep_open(replaced);
        self.move_handles(&source_names, &target_names);
        Ok(())
    }

    /// Copies an entry with all that is in it, at the price of one. The target must not exist.
    ///
    /// # Errors
    ///
    /// If there is no such entry, the target exists, or a limit stands in the way.
    pub fn copy<'a, 'b>(
        &mut self,
        source: impl Into<At<'a>>,
        target: impl Into<At<'b>>,
        now: Instant,
    ) -> Result<(), TreeError> {
        let (source, target) = (source.into(), target.into().no_follow());
        let entry = self.look(&source, |entry| Ok(entry.clone()))?;
        self.place_copy(entry, &target, now)
    }

    /// Gives a file or symbolic link another name.
    ///
    /// An entry of a tree is a value in its directory and has no identity of its own. So both names have the same
    /// content and share it, but they are two files: writing one does not change the other.
    ///
    /// # Errors
    ///
    /// If there is no such entry or it is a directory, the target exists, or a limit stands in the way.
    pub fn link<'a, 'b>(
        &mut self,
        source: impl Into<At<'a>>,
        target: impl Into<At<'b>>,
        now: Instant,
    ) -> Result<(), TreeError> {
        let (source, target) = (source.into().no_follow(), target.into().no_follow());
        let entry = self.look(&source, |entry| Ok(entry.clone()))?;
        if entry.kind() == Kind::Directory {
            return Err(TreeError::IsADirectory { path: source.shown() });
        }
        self.place_copy(entry, &target, now)
    }

    /// Gives an existing file the content of another, at the price of one; the rest of what is known of it stays.
    ///
    /// # Errors
    ///
    /// If one of both is not there or no file, or a limit stands in the way.
    pub fn copy_content<'a, 'b>(
        &mut self,
        source: impl Into<At<'a>>,
        target: impl Into<At<'b>>,
        now: Instant,
    ) -> Result<(), TreeError> {
        let (source, target) = (source.into(), target.into());
        let content = self.look(&source, |entry| file(entry, &source).cloned())?;
        self.admit_resize(&target, content.len(), content.dirty_bytes())?;
        self.change_file(
            &target,
            now,
            &mut |old, _| {
                *old = content.clone();
                Ok(())
            },
            None,
        )
    }

    fn place_copy(&mut self, entry: Entry, target: &At<'_>, now: Instant) -> Result<(), TreeError> {
        let to = self.resolve(target)?;
        if !to.is_missing() || to.is_behind_link {
            return Err(TreeError::Exists { path: target.shown() });
        }
        if to.has_slash && entry.kind() != Kind::Directory {
            return Err(TreeError::NotADirectory { path: target.shown() });
        }
        let names = self.admit_at(&to, &entry)?;
        self.put_named(&names, now, entry)
    }
}

/// Whether the entry may take the place of what is there, or is not there.
fn check_replaceable(
    entry: &Entry,
    to: &Resolved<'_>,
    target: &At<'_>,
    source_names: &[Name],
) -> Result<(), TreeError> {
    let is_directory = entry.kind() == Kind::Directory;
    let path = || target.shown();
    if is_directory && to.names().starts_with(source_names) {
        return Err(TreeError::Inside { source_path: TreePath::of(source_names), target: path() });
    }
    if to.is_missing() {
        return match to.has_slash && !is_directory {
            true => Err(TreeError::NotADirectory { path: path() }),
            false => Ok(()),
        };
    }
    match (is_directory, to.entry().as_directory()) {
        (true, None) => Err(TreeError::NotADirectory { path: path() }),
        (false, Some(_)) => Err(TreeError::IsADirectory { path: path() }),
        (true, Some(directory)) if !Directory::is_empty(directory) => {
            Err(TreeError::NotEmpty { path: path() })
        }
        _ => Ok(()),
    }
}
