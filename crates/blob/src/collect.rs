//! What collections are asked for, and what they report.

/// Which unpinned blobs a collection spares.
///
/// Whoever stores a tree of blobs and pins its root last has, until then, nothing that is pinned. A blob that is put
/// again counts as put now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Spare {
    /// Those put since the collection before this one began. If collections are further apart than a tree takes to be
    /// stored and pinned, none is lost.
    #[default]
    Recent,
    /// Only those put since this collection began. For when nobody is in the midst of storing.
    Racing,
}

/// What a collection did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// How many records were kept: blobs, and the chunks and manifests of large ones.
    pub kept: u64,
    /// How many were dropped.
    pub dropped: u64,
    /// How many links of what was reached are not in the store. A [`DiskStore`](crate::DiskStore) has none: it does not
    /// know what an absent blob would keep, so its collection fails instead.
    pub missing: u64,
    /// How many bytes the medium got back.
    pub freed_bytes: u64,
}
