//! Reading and writing files.

use ironloom_core::Instant;

use super::content::{Content, FILE_BYTES_MAX, INLINE_BYTES_MAX, PIECE_BYTES};
use super::entry::{Body, Entry};
use super::totals::Totals;
use super::{At, Attributes, Tree, TreeError};

impl Tree {
    /// Makes an empty file, and only ever at this very name: a symbolic link of that name is not followed.
    ///
    /// # Errors
    ///
    /// If the name is taken, a directory above it is missing, or a limit stands in the way.
    pub fn create<'a>(&mut self, at: impl Into<At<'a>>, attributes: Attributes) -> Result<(), TreeError> {
        let body = Body::File(Content::of_inline(b""));
        self.make(&at.into().no_follow(), Entry { attributes, body })
    }

    /// Makes a file with this content, or gives an existing one this content and these attributes.
    ///
    /// # Errors
    ///
    /// If a directory has the name, a directory above it is missing, or a limit stands in the way.
    pub fn put<'a>(
        &mut self,
        at: impl Into<At<'a>>,
        bytes: &[u8],
        attributes: Attributes,
    ) -> Result<(), TreeError> {
        let at = at.into();
        if self.orphan_of(&at)?.is_some() || !self.resolve(&at)?.is_missing() {
            self.look(&at, |entry| file(entry, &at).map(drop))?;
            attributes.check()?;
            self.admit_resize(&at, bytes.len() as u64, bytes.len() as u64)?;
            return self.change_file(
                &at,
                attributes.modified,
                &mut |content, tree| {
                    content.resize(0, tree)?;
                    content.write(0, bytes, tree)
                },
                Some(&attributes),
            );
        }
        self.admit_dirty(bytes.len() as u64)?;
        let mut content = Content::of_inline(b"");
        content.write(0, bytes, &self.shared)?;
        let body = Body::File(content);
        self.make(&at, Entry { attributes, body })
    }

    /// Fills `out` from this offset on and returns how many bytes that were: fewer only at the end of the file.
    ///
    /// # Errors
    ///
    /// If there is no such file, or the store fails.
    pub fn read<'a>(&self, at: impl Into<At<'a>>, offset: u64, out: &mut [u8]) -> Result<usize, TreeError> {
        let at = at.into();
        self.look(&at, |entry| file(entry, &at)?.read(offset, out, &self.shared))
    }

    /// The whole content of a file of no more than `read_bytes_max`.
    ///
    /// # Errors
    ///
    /// If there is no such file, it is longer, or the store fails.
    pub fn read_all<'a>(&self, at: impl Into<At<'a>>) -> Result<Vec<u8>, TreeError> {
        let at = at.into();
        self.look(&at, |entry| {
            let content = file(entry, &at)?;
            let read_bytes_max = self.shared.config.read_bytes_max;
            if content.len() > read_bytes_max {
                return Err(TreeError::ReadLength { length: content.len(), read_bytes_max });
            }
            let mut bytes = vec![0; content.len() as usize];
            content.read(0, &mut bytes, &self.shared)?;
            Ok(bytes)
        })
    }

    /// Writes bytes at an offset. What lies between the end of the file and the offset becomes zeros.
    ///
    /// # Errors
    ///
    /// If there is no such file, a limit stands in the way, or the store fails.
    pub fn write<'a>(
        &mut self,
        at: impl Into<At<'a>>,
        offset: u64,
        bytes: &[u8],
        now: Instant,
    ) -> Result<(), TreeError> {
        let at = at.into();
        let end = u128::from(offset) + bytes.len() as u128;
        if end > u128::from(FILE_BYTES_MAX) {
            return Err(TreeError::FileLength { length: end });
        }
        let length = self.look(&at, |entry| Ok(file(entry, &at)?.len()))?;
        if bytes.is_empty() {
            return Ok(());
        }
        // What is written is in memory afterwards, with the rest of the pieces at both ends.
        let most = bytes.len() as u64 + 2 * PIECE_BYTES.min(length.max(end as u64));
        let dirty = if length.max(end as u64) <= INLINE_BYTES_MAX as u64 { 0 } else { most };
        self.admit_resize(&at, length.max(end as u64), dirty)?;
        self.change_file(&at, now, &mut |content, tree| content.write(offset, bytes, tree), None)
    }

    /// Writes bytes at the end, and returns the offset at which they are.
    ///
    /// # Errors
    ///
    /// If there is no such file, a limit stands in the way, or the store fails.
    pub fn append<'a>(
        &mut self,
        at: impl Into<At<'a>>,
        bytes: &[u8],
        now: Instant,
    ) -> Result<u64, TreeError> {
        let at = at.into();
        let length = self.look(&at, |entry| Ok(file(entry, &at)?.len()))?;
        self.write(at, length, bytes, now)?;
        Ok(length)
    }

    /// Cuts a file off at this length, or extends it to that with zeros, which take no space.
    ///
    /// # Errors
    ///
    /// If there is no such file, a limit stands in the way, or the store fails.
    pub fn truncate<'a>(
        &mut self,
        at: impl Into<At<'a>>,
        length: u64,
        now: Instant,
    ) -> Result<(), TreeError> {
        let at = at.into();
        if length > FILE_BYTES_MAX {
            return Err(TreeError::FileLength { length: length.into() });
        }
        self.admit_resize(&at, length, 0)?;
        self.change_file(&at, now, &mut |content, tree| content.resize(length, tree), None)
    }

    /// Whether a file may have this length, with so many bytes more in memory.
    pub(super) fn admit_resize(&self, at: &At<'_>, length: u64, dirty: u64) -> Result<(), TreeError> {
        let found = self.look(at, |entry| Ok(file(entry, at)?.len()))?;
        self.admit_quota(Totals { bytes: length.saturating_sub(found), ..Totals::default() })?;
        match self.orphan_of(at)? {
            Some(_) => self.admit_orphans(dirty),
            None => self.admit_dirty(dirty),
        }
    }

    pub(super) fn change_file(
        &mut self,
        at: &At<'_>,
        now: Instant,
        change: &mut dyn FnMut(&mut Content, &super::Shared) -> Result<(), TreeError>,
        attributes: Option<&Attributes>,
    ) -> Result<(), TreeError> {
        let shared = std::sync::Arc::clone(&self.shared);
        self.change(at, &mut |entry| {
            let Body::File(content) = &mut entry.body else {
                return Err(TreeError::IsADirectory { path: at.shown() });
            };
            change(content, &shared)?;
            match attributes {
                Some(attributes) => entry.attributes = attributes.clone(),
                None => entry.attributes.modified = now,
            }
            Ok(())
        })
    }
}

/// The content of an entry that must be a file.
pub(super) fn file<'e>(entry: &'e Entry, at: &At<'_>) -> Result<&'e Content, TreeError> {
    entry.as_file().ok_or_else(|| match entry.body {
        Body::Symlink(_) => TreeError::NotFound { path: at.shown() },
        _ => TreeError::IsADirectory { path: at.shown() },
    })
}
