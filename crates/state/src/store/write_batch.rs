//! [`WriteBatch`]: changes to a store that are made together.

use super::Space;

/// An ordered list of changes, in two allocations however many there are.
///
/// ```
/// use ironloom_state::{Space, Write, WriteBatch};
///
/// const NOTES: Space = Space::new("example.notes");
///
/// let mut changes = WriteBatch::new();
/// changes.put(NOTES, b"key", b"value");
/// changes.remove(NOTES, b"other");
/// assert_eq!(changes.len(), 2);
/// assert_eq!(changes.iter().next(), Some(Write::Put { space: NOTES, key: b"key", value: b"value" }));
/// ```
#[derive(Debug, Clone, Default)]
pub struct WriteBatch {
    changes: Vec<Change>,
    /// Each change's key, and its value behind it.
    bytes: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Change {
    space: Space,
    start: usize,
    key_bytes: u32,
    /// `None` removes the key.
    value_bytes: Option<u32>,
}

/// One change of a [`WriteBatch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write<'a> {
    /// The key has this value from now on.
    Put {
        /// Where.
        space: Space,
        /// Under which key.
        key: &'a [u8],
        /// What.
        value: &'a [u8],
    },
    /// The key is gone from now on, if it was there.
    Remove {
        /// Where.
        space: Space,
        /// Which key.
        key: &'a [u8],
    },
}

impl<'a> Write<'a> {
    /// Where it is made.
    #[must_use]
    pub const fn space(&self) -> Space {
        match self {
            Self::Put { space, .. } | Self::Remove { space, .. } => *space,
        }
    }

    /// Which key it changes.
    #[must_use]
    pub const fn key(&self) -> &'a [u8] {
        match self {
            Self::Put { key, .. } | Self::Remove { key, .. } => key,
        }
    }
}

impl WriteBatch {
    /// No changes yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a value under a key.
    ///
    /// # Panics
    ///
    /// If the key or the value has 2³² bytes or more.
    pub fn put(&mut self, space: Space, key: &[u8], value: &[u8]) {
        self.put_parts(space, key, &[value]);
    }

    /// Puts a value under a key that is made of parts, which saves putting them together first.
    ///
    /// # Panics
    ///
    /// If the key or the value has 2³² bytes or more.
    pub fn put_parts(&mut self, space: Space, key: &[u8], value: &[&[u8]]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let value_start = self.bytes.len();
        value.iter().for_each(|part| self.bytes.extend_from_slice(part));
        let value_bytes = Some(length(self.bytes.len() - value_start));
        self.changes.push(Change { space, start, key_bytes: length(key.len()), value_bytes });
    }

    /// Removes a key.
    ///
    /// # Panics
    ///
    /// If the key has 2³² bytes or more.
    pub fn remove(&mut self, space: Space, key: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        self.changes.push(Change { space, start, key_bytes: length(key.len()), value_bytes: None });
    }

    /// Adds all changes of another batch behind these.
    pub fn append(&mut self, other: &Self) {
        let offset = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.changes
            .extend(other.changes.iter().map(|change| Change { start: offset + change.start, ..*change }));
    }

    /// The changes in order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Write<'_>> {
        self.changes.iter().map(|change| {
            let (key, rest) = self.bytes[change.start..].split_at(change.key_bytes as usize);
            match change.value_bytes {
                Some(bytes) => Write::Put { space: change.space, key, value: &rest[..bytes as usize] },
                None => Write::Remove { space: change.space, key },
            }
        })
    }

    /// How many changes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// How many bytes the keys and values have.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets the changes and keeps the room.
    pub fn clear(&mut self) {
        self.changes.clear();
        self.bytes.clear();
    }
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a key or value of a store is shorter than 4 GiB")
}
