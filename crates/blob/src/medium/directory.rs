//! [`Directory`]: a medium in the host's file system.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{Medium, MediumFile};

/// A directory of the host.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
}

/// A file of a [`Directory`].
#[derive(Debug)]
pub struct DirectoryFile(File);

impl Directory {
    /// The directory at this path, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// If it can be neither made nor opened.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().to_owned();
        let parents = parents_to_sync(&path);
        fs::create_dir_all(&path)?;
        for parent in parents {
            File::open(parent)?.sync_all()?;
        }
        Ok(Self { path })
    }
}

/// The directories that get a new entry when `path` is made. The nearest one always counts: whoever made the last
/// entry may have been killed before it was durable.
fn parents_to_sync(path: &Path) -> Vec<PathBuf> {
    let mut parents = Vec::new();
    for parent in path.ancestors().skip(1) {
        // The parent of a relative path of one name is the working directory.
        let is_here = parent.as_os_str().is_empty();
        parents.push(if is_here { PathBuf::from(".") } else { parent.to_owned() });
        if is_here || parent.is_dir() {
            break;
        }
    }
    parents
}

impl fmt::Display for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

impl Medium for Directory {
    type File = DirectoryFile;

    fn create(&self, name: &str) -> io::Result<DirectoryFile> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        options.open(self.path.join(name)).map(DirectoryFile)
    }

    fn open(&self, name: &str) -> io::Result<DirectoryFile> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        options.open(self.path.join(name)).map(DirectoryFile)
    }

    fn lock(&self, name: &str) -> io::Result<Option<DirectoryFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(self.path.join(name))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(DirectoryFile(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            // A name that is no text is none of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn rename(&self, source: &str, target: &str) -> io::Result<()> {
        fs::rename(self.path.join(source), self.path.join(target))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

impl MediumFile for DirectoryFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store in a directory whose name a power failure takes is a store that is lost.
    #[test]
    fn every_directory_that_gets_a_new_entry_is_synced() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path();
        let paths = |paths: &[PathBuf]| paths.to_vec();
        let deep = base.join("a/b/c");
        assert_eq!(parents_to_sync(&deep), paths(&[base.join("a/b"), base.join("a"), base.to_owned()]));
        Directory::open(&deep).unwrap();
        assert_eq!(parents_to_sync(&deep), paths(&[base.join("a/b")]));
        assert_eq!(parents_to_sync(Path::new("no-such-store")), paths(&[PathBuf::from(".")]));
        let relative = parents_to_sync(Path::new("no-such-directory/store"));
        assert_eq!(relative, paths(&[PathBuf::from("no-such-directory"), PathBuf::from(".")]));
        assert!(parents_to_sync(Path::new("/")).is_empty());
    }
}
