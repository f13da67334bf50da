//! Links: how one blob refers to others, in a way that collection understands.
//!
//! A *linked* blob begins with a table of the blobs that it refers to; what follows is its own affair. Trees, volumes
//! and snapshots are made of linked blobs, and a collector follows the tables without knowing what they mean.
//!
//! ```text
//!  0         8       12             12 + 32·count
//!  | magic   | count | ids …        | body …
//! ```
//!
//! The magic is `89 49 4c 4c 49 4e 4b 01` (`\x89ILLINK\x01`), the count a little-endian `u32`. A blob that has the magic but no whole table
//! links to nothing. A blob of somebody else's that looks like this keeps alive what it seems to name; if that is not
//! there, a collection from a pin that leads to it fails and takes nothing, as it does when a part of a tree is lost.

use thiserror::Error;

use crate::BlobId;

/// What every linked blob begins with.
pub const MAGIC: [u8; 8] = *b"\x89ILLINK\x01";

const COUNT_BYTES: usize = 4;
const ID_BYTES: usize = 32;

/// A blob taken apart into its links and its own content.
///
/// ```
/// use ironloom_blob::BlobId;
/// use ironloom_blob::link::Linked;
///
/// let child = BlobId::of(b"child");
/// let content = Linked::encode(&[child], b"a parent of one");
/// let parent = Linked::parse(&content).unwrap();
/// assert!(parent.links().eq([child]));
/// assert_eq!(parent.body(), b"a parent of one");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Linked<'a> {
    table: &'a [[u8; ID_BYTES]],
    body: &'a [u8],
}

impl<'a> Linked<'a> {
    /// The content of a blob that refers to `links`, in this order, and carries `body`.
    ///
    /// # Panics
    ///
    /// If there are more than 2³² links.
    #[must_use]
    pub fn encode(links: &[BlobId], body: &[u8]) -> Vec<u8> {
        let count = u32::try_from(links.len()).expect("a blob of 2^32 links is over a hundred gigabytes");
        let mut content = Vec::with_capacity(MAGIC.len() + COUNT_BYTES + ID_BYTES * links.len() + body.len());
        content.extend_from_slice(&MAGIC);
        content.extend_from_slice(&count.to_le_bytes());
        links.iter().for_each(|link| content.extend_from_slice(link.as_bytes()));
        content.extend_from_slice(body);
        content
    }

    /// Takes a linked blob apart.
    ///
    /// # Errors
    ///
    /// If the content is not that of a linked blob.
    pub fn parse(content: &'a [u8]) -> Result<Self, NotLinked> {
        let rest = content.strip_prefix(&MAGIC).ok_or(NotLinked::Magic)?;
        let (count, rest) = rest.split_first_chunk::<COUNT_BYTES>().ok_or(NotLinked::Cut)?;
        let count = u32::from_le_bytes(*count) as usize;
        let bytes = count.checked_mul(ID_BYTES).ok_or(NotLinked::Cut)?;
        let (table, body) = rest.split_at_checked(bytes).ok_or(NotLinked::Cut)?;
        Ok(Self { table: table.as_chunks().0, body })
    }

    /// The blobs that it refers to.
    #[must_use]
    pub fn links(&self) -> impl ExactSizeIterator<Item = BlobId> + 'a {
        self.table.iter().map(|bytes| BlobId::from_bytes(*bytes))
    }

    /// The link at this place in the table.
    #[must_use]
    pub fn link(&self, index: usize) -> Option<BlobId> {
        self.table.get(index).map(|bytes| BlobId::from_bytes(*bytes))
    }

    /// What it carries besides.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.body
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

    proptest! {
        #[test]
        fn what_is_encoded_is_parsed(links in prop::collection::vec(any::<[u8; 32]>(), 0..9), body: Vec<u8>) {
            let links: Vec<BlobId> = links.into_iter().map(BlobId::from_bytes).collect();
            let content = Linked::encode(&links, &body);
            let parsed = Linked::parse(&content).unwrap();
            prop_assert!(parsed.links().eq(links.iter().copied()));
            prop_assert_eq!(parsed.link(links.len()), None);
            prop_assert_eq!(parsed.body(), &body);
            prop_assert!(is_linked(&content));
        }

        #[test]
        fn arbitrary_tables_are_refused_or_whole(rest: Vec<u8>) {
            let content = [&MAGIC[..], &rest].concat();
            if let Ok(parsed) = Linked::parse(&content) {
                prop_assert_eq!(12 + 32 * parsed.links().len() + parsed.body().len(), content.len());
            }
        }
    }
}
