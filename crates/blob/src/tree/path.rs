//! Names and paths: bytes, with the limits of POSIX.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use super::{Handle, TreeError};

/// How many bytes a path or the target of a symbolic link may have.
pub const PATH_BYTES_MAX: usize = 4_096;

/// The name of an entry in its directory: 1 to 255 bytes without `/` and NUL, and neither `.` nor `..`.
#[derive(Clone)]
pub struct Name(Repr);

/// Names are looked at in every step of every search, so those of usual length are where they are looked for.
#[derive(Clone)]
enum Repr {
    Short { length: u8, bytes: [u8; SHORT_BYTES_MAX] },
    Long(Arc<[u8]>),
}

const SHORT_BYTES_MAX: usize = 22;
const _: () = assert!(size_of::<Name>() == 24);

impl Name {
    /// How many bytes a name may have.
    pub const BYTES_MAX: usize = 255;

    /// The name with these bytes.
    ///
    /// # Errors
    ///
    /// If no entry can have it.
    pub fn new(bytes: &[u8]) -> Result<Self, TreeError> {
        if !Self::is_valid(bytes) {
            return Err(TreeError::Name { length: bytes.len() });
        }
        if bytes.len() > SHORT_BYTES_MAX {
            return Ok(Self(Repr::Long(bytes.into())));
        }
        let mut short = [0; SHORT_BYTES_MAX];
        short[..bytes.len()].copy_from_slice(bytes);
        Ok(Self(Repr::Short { length: bytes.len() as u8, bytes: short }))
    }

    /// The bytes of the name.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Short { length, bytes } => &bytes[..usize::from(*length)],
            Repr::Long(bytes) => bytes,
        }
    }

    pub(super) fn is_valid(bytes: &[u8]) -> bool {
        let length_fits = (1..=Self::BYTES_MAX).contains(&bytes.len());
        length_fits && bytes != b"." && bytes != b".." && !bytes.iter().any(|byte| matches!(byte, 0 | b'/'))
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(self.as_bytes()))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}

/// A path as bytes, shown to people with what is not text replaced.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TreePath(Vec<u8>);

impl TreePath {
    /// The absolute path of these names; `/` for none.
    pub(super) fn of<'a>(names: impl IntoIterator<Item = &'a Name>) -> Self {
        let mut path = Self::default();
        names.into_iter().for_each(|name| path.push(name));
        if path.0.is_empty() {
            path.0.push(b'/');
        }
        path
    }

    /// Goes one name deeper.
    pub(super) fn push(&mut self, name: &Name) {
        self.0.push(b'/');
        self.0.extend_from_slice(name.as_bytes());
    }

    /// Goes back to a length that it had before.
    pub(super) fn truncate(&mut self, length: usize) {
        self.0.truncate(length);
    }
}

impl From<&[u8]> for TreePath {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<&str> for TreePath {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl Deref for TreePath {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// What an operation works on: a path, a handle, or a path that begins at a handle's directory.
///
/// Every operation takes `impl Into<At>`, so `tree.stat("/etc/hosts")`, `tree.stat(handle)` and
/// `tree.stat((handle, "hosts"))` are all calls of the same method.
///
/// A path that begins with `/` begins at the root wherever the handle is. A path without a handle begins at the root.
/// `..` of the root is the root, in paths and in symbolic links, so nothing leads out of the tree.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    /// Where the path begins; `None` for the root.
    pub base: Option<Handle>,
    /// The path; empty for what the handle refers to.
    pub path: &'a [u8],
    /// Whether a symbolic link at the end of the path stands for what it points to.
    pub follow: bool,
}

impl At<'_> {
    /// The same, but a symbolic link at the end stands for itself.
    #[must_use]
    pub const fn no_follow(mut self) -> Self {
        self.follow = false;
        self
    }

    pub(super) fn shown(&self) -> TreePath {
        TreePath::from(self.path)
    }
}

impl<'a> From<&'a [u8]> for At<'a> {
    fn from(path: &'a [u8]) -> Self {
        Self { base: None, path, follow: true }
    }
}

impl<'a> From<&'a str> for At<'a> {
    fn from(path: &'a str) -> Self {
        path.as_bytes().into()
    }
}

impl<'a> From<&'a String> for At<'a> {
    fn from(path: &'a String) -> Self {
        path.as_bytes().into()
    }
}

impl<'a> From<&'a Name> for At<'a> {
    /// The path of this name alone, for use with a directory's handle.
    fn from(name: &'a Name) -> Self {
        name.as_bytes().into()
    }
}

impl<'a> From<&'a TreePath> for At<'a> {
    fn from(path: &'a TreePath) -> Self {
        path.0.as_slice().into()
    }
}

impl From<Handle> for At<'_> {
    fn from(handle: Handle) -> Self {
        Self { base: Some(handle), path: b"", follow: true }
    }
}

impl<'a, P: Into<At<'a>>> From<(Handle, P)> for At<'a> {
    fn from((handle, path): (Handle, P)) -> Self {
        Self { base: Some(handle), ..path.into() }
    }
}
