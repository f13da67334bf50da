//! What a directory must look like before the engine is let at it.
//!
//! The engine trusts its directory further than is good: without the keyspace in which it keeps the names of the
//! others it deletes those; it panics, and then aborts the process, over folders that it did not make; and without its
//! version marker it begins anew among the old files. A store whose making was cut short it never opens again, and one
//! whose journal was torn not always. All that is found here first, while nobody else can have the store open.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;

use super::{StoreError, journal};

const LOCK: &str = "lock";
const MARKER: &str = "version";
const KEYSPACES: &str = "keyspaces";
const FIRST_JOURNAL: &str = "0.jnl";
/// The keyspace that names the others.
const NAMES: &str = "keyspaces/0/current";

/// Looks at a directory, removes what is left of a store that was never finished and of a commit that was never whole,
/// and says if the engine may open it.
pub(super) fn prepare(path: &Path) -> Result<(), StoreError> {
    let unreadable = |reason| Err(StoreError::Unreadable { path: path.to_owned(), reason });
    let looked = match lock(path) {
        Ok(None) => return Ok(()),
        // The engine takes the lock again; who comes between has found a store that is in order.
        Ok(Some(_lock)) => look(path),
        Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(error),
    };
    match looked {
        Ok(None) => Ok(()),
        Ok(Some(reason)) => unreadable(reason),
        Err(error) if error.kind() == ErrorKind::NotADirectory => unreadable("it is no directory".to_owned()),
        Err(error) => Err(StoreError::engine("look at its directory", error)),
    }
}

/// Locks a directory; there is none to lock where nothing is.
fn lock(path: &Path) -> Result<Option<File>, TryLockError> {
    match OpenOptions::new().write(true).create(true).truncate(false).open(path.join(LOCK)) {
        Ok(file) => file.try_lock().map(|()| Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(TryLockError::Error(error)),
    }
}

/// What is wrong with a directory, if anything is.
fn look(path: &Path) -> io::Result<Option<String>> {
    let journals = match list_journals(path)? {
        Ok(journals) => journals,
        Err(reason) => return Ok(Some(reason)),
    };
    let spaces = match count_keyspaces(path)? {
        Ok(spaces) => spaces,
        Err(reason) => return Ok(Some(reason)),
    };
    let has_marker = length(&path.join(MARKER))?.is_some_and(|bytes| bytes > 0);
    if !has_marker {
        return clear_unfinished(path, &journals, spaces);
    }
    if spaces > 0 && length(&path.join(NAMES))?.is_none() {
        return Ok(Some(format!("`{NAMES}` is missing, which names its {spaces} spaces")));
    }
    let Some((last, sealed)) = journals.split_last() else {
        return Ok((spaces > 0).then(|| "its journals are missing".to_owned()));
    };
    for number in sealed {
        // It was synced before the next one was begun.
        let name = journal_name(*number);
        if !journal::is_whole(&path.join(&name))? {
            return Ok(Some(format!("`{name}` is damaged")));
        }
    }
    journal::cut_torn_tail(&path.join(journal_name(*last)))?;
    Ok(None)
}

fn journal_name(number: u64) -> String {
    format!("{number}.jnl")
}

/// The numbers of the journals in order, or what looks like one and is none.
fn list_journals(path: &Path) -> io::Result<Result<Vec<u64>, String>> {
    let mut journals = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| name.to_ascii_lowercase().ends_with(".jnl")) else {
            continue;
        };
        let number = name.strip_suffix(".jnl").and_then(|number| number.parse::<u64>().ok());
        match number {
            Some(number)
                if number < u64::MAX && journal_name(number) == name && entry.file_type()?.is_file() =>
            {
                journals.push(number);
            }
            _ => return Ok(Err(format!("`{name}` is no journal"))),
        }
    }
    journals.sort_unstable();
    Ok(Ok(journals))
}

/// How many keyspaces there are beside the one that names them, or which one cannot be one.
fn count_keyspaces(path: &Path) -> io::Result<Result<usize, String>> {
    let entries = match fs::read_dir(path.join(KEYSPACES)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Ok(0)),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            return Ok(Err(format!("`{KEYSPACES}` is no directory")));
        }
        Err(error) => return Err(error),
    };
    let mut count = 0;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.parse::<u64>().ok());
        match number {
            Some(number) if number < u64::MAX && entry.file_type()?.is_dir() => {
                count += usize::from(number > 0);
            }
            _ => return Ok(Err(format!("`{KEYSPACES}/{}` is no keyspace", name.display()))),
        }
    }
    Ok(Ok(count))
}

/// Without a marker there was never a commit, if what is there is what the engine makes before it.
fn clear_unfinished(path: &Path, journals: &[u64], spaces: usize) -> io::Result<Option<String>> {
    let first = path.join(FIRST_JOURNAL);
    let is_unfinished = match length(&first)? {
        Some(_) => journals == [0] && spaces == 0 && journal::is_blank(File::open(&first)?)?,
        None => journals.is_empty() && spaces == 0,
    };
    if !is_unfinished {
        return Ok(Some(format!("`{MARKER}` is missing or empty, but there are journals or spaces")));
    }
    for file in [first, path.join(MARKER)] {
        match fs::remove_file(file) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(None)
}

fn length(path: &Path) -> io::Result<Option<u64>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}
