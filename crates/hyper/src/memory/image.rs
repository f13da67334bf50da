//! The image of a memory as blobs: which pages it has, and what they are called.

use ironloom_blob::BlobId;

use super::bits::Bits;

/// The pages of a region that are not all zeroes, by the names of their contents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Node {
    occupied: Bits,
    pages: Vec<BlobId>,
}

impl Node {
    /// The content of a page; `None` if it is all zeroes.
    pub(super) fn page(&self, page: usize) -> Option<BlobId> {
        self.occupied.has(page).then(|| self.pages[self.occupied.rank(page)])
    }

    /// The pages that are not all zeroes.
    pub(super) const fn occupied(&self) -> Bits {
        self.occupied
    }
}
