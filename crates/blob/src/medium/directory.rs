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
        fs::create_dir_all(&path)?;
        if let Some(parent) = path.parent().filter(|parent| parent.is_dir()) {
            File::open(parent)?.sync_all()?;
        }
        Ok(Self { path })
    }
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
