//! Going through a directory, page by page, and through all that is below it.

use std::sync::Arc;

use super::directory::{Cursor, Directory, Found};
use super::entry::Entry;
use super::{At, Name, Shared, Stat, Tree, TreeError, TreePath};

/// An entry of a directory that was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: Name,
    /// What is known of it; a symbolic link is not followed.
    pub stat: Stat,
}

/// An entry that was met on a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walked {
    /// Its path from the root.
    pub path: TreePath,
    /// What is known of it; a symbolic link is not followed.
    pub stat: Stat,
}

impl Tree {
    /// Up to `limit` entries of a directory, by name in the order of bytes, those above `after` if that is given.
    ///
    /// To go on, give the last name of the page before. What is made or removed between two pages appears or not,
    /// according to its place; no other entry is missed or given twice.
    ///
    /// # Errors
    ///
    /// If there is no such directory, or the store fails.
    pub fn list<'a>(
        &self,
        at: impl Into<At<'a>>,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Listed>, TreeError> {
        let at = at.into();
        self.look(&at, |entry| {
            let directory = directory(entry, &at)?;
            let mut cursor = Cursor::new(directory, after, &self.shared)?;
            let mut page = Vec::with_capacity(limit.min(1_024));
            while page.len() < limit
                && let Some(found) = cursor.next(&self.shared)?
            {
                page.push(Listed { name: found.name().clone(), stat: found.stat() });
            }
            Ok(page)
        })
    }

    /// Goes through everything in a directory, at any depth, each directory before its entries.
    ///
    /// The walk is through the tree as it is now: later changes are not seen, and do not disturb it.
    ///
    /// # Errors
    ///
    /// If there is no such directory, or the store fails.
    pub fn walk<'a>(&self, at: impl Into<At<'a>>) -> Result<Walk, TreeError> {
        let at = at.into();
        let (base, top) = self.directory_at(&at)?;
        Ok(Walk {
            steps: vec![(Cursor::new(&top, None, &self.shared)?, base.len())],
            path: base,
            shared: Arc::clone(&self.shared),
        })
    }

    /// A directory with the path that those of its entries begin with.
    pub(super) fn directory_at(&self, at: &At<'_>) -> Result<(TreePath, Directory), TreeError> {
        let mut base = TreePath::default();
        if self.orphan_of(at)?.is_none() {
            let names = self.resolve_existing(at)?.names();
            names.iter().for_each(|name| base.push(name));
        }
        let top = self.look(at, |entry| directory(entry, at).cloned())?;
        Ok((base, top))
    }
}

fn directory<'e>(entry: &'e Entry, at: &At<'_>) -> Result<&'e Directory, TreeError> {
    let not_a_directory = || TreeError::NotADirectory { path: at.shown() };
    entry.as_directory().ok_or_else(not_a_directory)
}

/// Everything in a directory, in order; see [`Tree::walk`]. It ends after the first error.
#[derive(Debug)]
pub struct Walk {
    /// The directories that the walk is in, each with the length of its path.
    steps: Vec<(Cursor, usize)>,
    path: TreePath,
    shared: Arc<Shared>,
}

impl Walk {
    /// The next entry as it is in the tree, and its path.
    pub(super) fn next_found(&mut self) -> Result<Option<(TreePath, Found)>, TreeError> {
        while let Some((cursor, length)) = self.steps.last_mut() {
            self.path.truncate(*length);
            let Some(found) = cursor.next(&self.shared)? else {
                self.steps.pop();
                continue;
            };
            self.path.push(found.name());
            if let Some(directory) = found.as_directory() {
                let below = Cursor::new(directory, None, &self.shared)?;
                self.steps.push((below, self.path.len()));
            }
            return Ok(Some((self.path.clone(), found)));
        }
        Ok(None)
    }

    pub(super) fn stop(&mut self) {
        self.steps.clear();
    }
}

impl Iterator for Walk {
    type Item = Result<Walked, TreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_found();
        if next.is_err() {
            self.stop();
        }
        let walked = next.map(|next| next.map(|(path, found)| Walked { path, stat: found.stat() }));
        walked.transpose()
    }
}
