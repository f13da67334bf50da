//! Links: how one blob refers to others, in a way that collection understands.
//!
//! A *linked* blob begins with a table of the blobs that it refers to; what follows is its own affair. Trees, volumes
//! and snapshots are made of linked blobs, and a collector follows the tables without knowing what they mean.
//!
//! A *link* leads to a blob that may be linked itself. A *leaf* is a blob that is just its bytes, as those of a file or
//! of a page of memory: it is kept as well, but nobody looks for a table in it. Whoever writes the file may write what
//! looks like one, and it must lead nowhere. So what comes from strangers is a leaf.
//!
//! ```text
//!  0       8       12       16        16 + 32·links    16 + 32·(links + leaves)
//!  | magic | links | leaves | links … | leaves …       | body …
//! ```
//!
//! The magic is `89 49 4c 4c 49 4e 4b 02` (`\x89ILLINK\x02`), the counts are little-endian `u32`s. A blob that has the
//! magic but no whole table refers to nothing.

use std::ops::Range;

use thiserror::Error;

use crate::BlobId;

/// What every linked blob begins with.
pub const MAGIC: [u8; 8] = *b"\x89ILLINK\x02";

/// How much of a linked blob says how long its table is.
pub(crate) const HEADER_BYTES: usize = 16;

/// How long a name in a table is.
pub(crate) const ID_BYTES: usize = 32;

/// What a blob is to one that refers to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// It may be linked itself, and what it refers to is kept with it.
    Link,
    /// It is its bytes, whatever they look like.
    Leaf,
}

/// A blob taken apart into what it refers to and its own content.
///
/// ```
/// use ironloom_blob::BlobId;
/// use ironloom_blob::link::Linked;
///
/// let (child, picture) = (BlobId::of(b"child"), BlobId::of(b"picture"));
/// let content = Linked::encode_with(&[child], &[picture], b"a parent of one");
/// let parent = Linked::parse(&content).unwrap();
/// assert!(parent.links().eq([child]));
/// assert!(parent.leaves().eq([picture]));
/// assert_eq!(parent.body(), b"a parent of one");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Linked<'a> {
    links: &'a [[u8; ID_BYTES]],
    leaves: &'a [[u8; ID_BYTES]],
    body: &'a [u8],
}

impl<'a> Linked<'a> {
    /// The content of a blob that has these links, in this order, and carries `body`.
    ///
    /// # Panics
    ///
    /// If there are more than 2³² links.
    #[must_use]
    pub fn encode(links: &[BlobId], body: &[u8]) -> Vec<u8> {
        Self::encode_with(links, &[], body)
    }

    /// The content of a blob that has these links and leaves, in this order, and carries `body`.
    ///
    /// # Panics
    ///
    /// If there are more than 2³² of either.
    #[must_use]
    pub fn encode_with(links: &[BlobId], leaves: &[BlobId], body: &[u8]) -> Vec<u8> {
        let table_bytes = ID_BYTES * (links.len() + leaves.len());
        let mut content = Vec::with_capacity(HEADER_BYTES + table_bytes + body.len());
        content.extend_from_slice(&MAGIC);
        for ids in [links, leaves] {
            let count = u32::try_from(ids.len()).expect("a blob of 2^32 links is over a hundred gigabytes");
            content.extend_from_slice(&count.to_le_bytes());
        }
        links.iter().chain(leaves).for_each(|id| content.extend_from_slice(id.as_bytes()));
        content.extend_from_slice(body);
        content
    }

    /// The content of a blob all of whose references, in this order, are of one kind, and that carries `body`.
    ///
    /// # Panics
    ///
    /// If there are more than 2³².
    #[must_use]
    pub fn encode_only(role: Role, ids: &[BlobId], body: &[u8]) -> Vec<u8> {
        match role {
            Role::Link => Self::encode_with(ids, &[], body),
            Role::Leaf => Self::encode_with(&[], ids, body),
        }
    }

    /// Takes a linked blob apart.
    ///
    /// # Errors
    ///
    /// If the content is not that of a linked blob.
    pub fn parse(content: &'a [u8]) -> Result<Self, NotLinked> {
        let table = Table::parse(content)?;
        let end = usize::try_from(table.leaves().end).map_err(|_| NotLinked::Cut)?;
        let (whole, body) = content.split_at_checked(end).ok_or(NotLinked::Cut)?;
        let (ids, _) = whole[HEADER_BYTES..].as_chunks();
        let (links, leaves) = ids.split_at(table.links as usize);
        Ok(Self { links, leaves, body })
    }

    /// The blobs that it refers to and that may be linked themselves.
    #[must_use]
    pub fn links(&self) -> impl ExactSizeIterator<Item = BlobId> + use<'a> {
        self.all(Role::Link)
    }

    /// The blobs that it refers to and that are just their bytes.
    #[must_use]
    pub fn leaves(&self) -> impl ExactSizeIterator<Item = BlobId> + use<'a> {
        self.all(Role::Leaf)
    }

    /// The blobs that it refers to, if they are all of one kind.
    #[must_use]
    pub fn only(&self, role: Role) -> Option<impl ExactSizeIterator<Item = BlobId> + use<'a>> {
        let others = match role {
            Role::Link => self.leaves,
            Role::Leaf => self.links,
        };
        others.is_empty().then(|| self.all(role))
    }

    /// The blob at this place among those of its kind.
    #[must_use]
    pub fn get(&self, role: Role, index: usize) -> Option<BlobId> {
        self.ids(role).get(index).copied().map(BlobId::from_bytes)
    }

    fn all(&self, role: Role) -> impl ExactSizeIterator<Item = BlobId> + use<'a> {
        self.ids(role).iter().copied().map(BlobId::from_bytes)
    }

    const fn ids(&self, role: Role) -> &'a [[u8; ID_BYTES]] {
        match role {
            Role::Link => self.links,
            Role::Leaf => self.leaves,
        }
    }

    /// What it carries besides.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }
}

/// Where the names in a linked blob lie, as its first [`HEADER_BYTES`] say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    links: u32,
    leaves: u32,
}

impl Table {
    pub(crate) fn parse(content: &[u8]) -> Result<Self, NotLinked> {
        let rest = content.strip_prefix(&MAGIC).ok_or(NotLinked::Magic)?;
        let (counts, _) = rest.as_chunks::<4>();
        match counts {
            [links, leaves, ..] => {
                Ok(Self { links: u32::from_le_bytes(*links), leaves: u32::from_le_bytes(*leaves) })
            }
            _ => Err(NotLinked::Cut),
        }
    }

    /// The bytes of the blob that are its links.
    pub(crate) fn links(self) -> Range<u64> {
        let start = HEADER_BYTES as u64;
        start..start + u64::from(self.links) * ID_BYTES as u64
    }

    /// The bytes of the blob that are its leaves; its body follows.
    pub(crate) fn leaves(self) -> Range<u64> {
        let start = self.links().end;
        start..start + u64::from(self.leaves) * ID_BYTES as u64
    }
}

/// Whether content begins like that of a linked blob; its first eight bytes are enough to tell.
#[must_use]
pub fn is_linked(content: &[u8]) -> bool {
    content.starts_with(&MAGIC)
}

/// Why content is not that of a linked blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotLinked {
    /// It begins otherwise.
    #[error("the blob does not begin with a table of links")]
    Magic,
    /// It ends within the table.
    #[error("the blob ends within its table of links")]
    Cut,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids() -> impl Strategy<Value = Vec<BlobId>> {
        prop::collection::vec(any::<[u8; ID_BYTES]>().prop_map(BlobId::from_bytes), 0..9)
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_parsed(links in ids(), leaves in ids(), body: Vec<u8>) {
            let content = Linked::encode_with(&links, &leaves, &body);
            let parsed = Linked::parse(&content).unwrap();
            prop_assert!(parsed.links().eq(links.iter().copied()));
            prop_assert!(parsed.leaves().eq(leaves.iter().copied()));
            for (role, ids, others) in [(Role::Link, &links, &leaves), (Role::Leaf, &leaves, &links)] {
                prop_assert_eq!(parsed.get(role, ids.len()), None);
                prop_assert!(ids.iter().enumerate().all(|(index, id)| parsed.get(role, index) == Some(*id)));
                prop_assert_eq!(parsed.only(role).is_some(), others.is_empty());
            }
            prop_assert_eq!(parsed.body(), &body);
            prop_assert!(is_linked(&content));
        }

        #[test]
        fn arbitrary_tables_are_refused_or_whole(counts: [u32; 2], few: bool, rest in prop::collection::vec(any::<u8>(), 0..200)) {
            let counts = counts.map(|count| if few { count % 4 } else { count }.to_le_bytes());
            let content = [&MAGIC[..], counts.as_flattened(), &rest].concat();
            if let Ok(parsed) = Linked::parse(&content) {
                let names = parsed.links().len() + parsed.leaves().len();
                prop_assert_eq!(HEADER_BYTES + ID_BYTES * names + parsed.body().len(), content.len());
            }
        }
    }
}
