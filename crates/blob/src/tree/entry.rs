//! What a directory holds under a name.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ironloom_core::Instant;
use thiserror::Error;

use super::TreeError;
use super::content::Content;
use super::directory::Directory;
use super::totals::Totals;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Bytes.
    File,
    /// Entries under names.
    Directory,
    /// A path that stands for another.
    Symlink,
}

/// What is known of an entry besides its content.
///
/// The tree keeps these and never judges by them: permissions are the business of whoever has users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// The twelve permission bits.
    pub mode: u16,
    /// Whose it is.
    pub uid: u32,
    /// Whose group's it is.
    pub gid: u32,
    /// When it was last changed. A tree reads no clock: whoever changes it says when.
    pub modified: Instant,
    /// What a file's bytes are, if anybody said.
    pub media_type: Option<MediaType>,
}

impl Attributes {
    /// Permission bits; more there are not.
    pub const MODE_MAX: u16 = 0o7777;

    /// Attributes of user and group 0, without a media type.
    #[must_use]
    pub const fn new(mode: u16, modified: Instant) -> Self {
        Self { mode, uid: 0, gid: 0, modified, media_type: None }
    }

    pub(super) fn check(&self) -> Result<(), TreeError> {
        if self.mode > Self::MODE_MAX {
            return Err(TreeError::Mode { mode: self.mode });
        }
        Ok(())
    }
}

/// The name of a format, like `text/html`: up to 127 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaType(Arc<str>);

impl MediaType {
    /// Characters of a media type.
    pub const BYTES_MAX: usize = 127;

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MediaType {
    type Err = MediaTypeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let length_fits = (1..=Self::BYTES_MAX).contains(&text.len());
        if length_fits && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            Ok(Self(text.into()))
        } else {
            Err(MediaTypeError { text: text.to_owned() })
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A text is not a [`MediaType`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not a media type: use 1 to 127 visible ASCII characters")]
pub struct MediaTypeError {
    /// The text.
    pub text: String,
}

/// What can be said of an entry without reading its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: Kind,
    /// Bytes of a file or of a link's target; of a directory, the bytes of everything in it, at any depth.
    pub size: u64,
    /// Of a directory, how many entries are in it, at any depth; otherwise 0.
    pub entries: u64,
    /// The rest.
    pub attributes: Attributes,
}

/// One entry. A clone shares everything with the original until one of them is written.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) attributes: Attributes,
    pub(super) body: Body,
}

#[derive(Debug, Clone)]
pub(super) enum Body {
    File(Content),
    Directory(Directory),
    Symlink(Arc<[u8]>),
}

impl Entry {
    pub(super) const fn directory(attributes: Attributes) -> Self {
        Self { attributes, body: Body::Directory(Directory::EMPTY) }
    }

    pub(super) const fn kind(&self) -> Kind {
        match self.body {
            Body::File(_) => Kind::File,
            Body::Directory(_) => Kind::Directory,
            Body::Symlink(_) => Kind::Symlink,
        }
    }

    pub(super) const fn as_directory(&self) -> Option<&Directory> {
        match &self.body {
            Body::Directory(directory) => Some(directory),
            _ => None,
        }
    }

    pub(super) const fn as_file(&self) -> Option<&Content> {
        match &self.body {
            Body::File(content) => Some(content),
            _ => None,
        }
    }

    /// What it adds to the totals of the directory that it is in.
    pub(super) fn totals(&self) -> Totals {
        match &self.body {
            Body::File(content) => Totals::of_leaf(content.len(), content.dirty_bytes()),
            Body::Symlink(target) => Totals::of_leaf(target.len() as u64, 0),
            Body::Directory(directory) => directory.totals().as_entry(),
        }
    }

    /// How many bytes of it are in the node of its directory, beside what every entry has.
    pub(super) fn held_bytes(&self) -> u64 {
        let media_type = self.attributes.media_type.as_ref().map_or(0, |text| text.as_str().len());
        let body = match &self.body {
            Body::File(content) => content.inline().len(),
            Body::Symlink(target) => target.len(),
            Body::Directory(_) => 0,
        };
        (media_type + body) as u64
    }

    pub(super) fn stat(&self) -> Stat {
        let totals = self.totals();
        Stat {
            kind: self.kind(),
            size: totals.bytes,
            entries: totals.entries - 1,
            attributes: self.attributes.clone(),
        }
    }
}
