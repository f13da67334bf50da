//! Groups: the leaves by which a part of a large blob is verified without the rest.
//!
//! BLAKE3 hashes a tree. Its nodes over 16 KiB of content, the *groups*, can be computed from those bytes alone, and
//! the name of the blob from all of its groups: so a table of groups that gives the right name is right, and a part of
//! the blob whose groups are in the table is right.

use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root,
};

use crate::BlobId;

/// How many bytes a group covers; the last one may cover fewer.
pub(crate) const GROUP_BYTES: u64 = 16 << 10;

/// How many groups a blob of this length has.
pub(crate) const fn group_count(length: u64) -> u64 {
    length.div_ceil(GROUP_BYTES)
}

/// One group of a blob that has several.
pub(crate) fn group(number: u64, bytes: &[u8]) -> ChainingValue {
    debug_assert!(!bytes.is_empty() && bytes.len() as u64 <= GROUP_BYTES);
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(number * GROUP_BYTES);
    hasher.update(bytes).finalize_non_root()
}

/// The groups of a whole blob, or of a part that begins with group `first` and ends with a group or the blob.
pub(crate) fn groups(first: u64, bytes: &[u8]) -> impl Iterator<Item = ChainingValue> {
    let pieces = bytes.chunks(GROUP_BYTES as usize).enumerate();
    pieces.map(move |(index, piece)| group(first + index as u64, piece))
}

/// The name of a blob of this length with these groups; it has at least two.
pub(crate) fn root(length: u64, groups: &[ChainingValue]) -> BlobId {
    debug_assert_eq!(group_count(length), groups.len() as u64);
    let left = left_subtree_len(length);
    let (left_groups, right_groups) = groups.split_at((left / GROUP_BYTES) as usize);
    let left = subtree(left, left_groups);
    let right = subtree(length - (left_groups.len() as u64 * GROUP_BYTES), right_groups);
    merge_subtrees_root(&left, &right, Mode::Hash).into()
}

/// As deep as the length has bits.
fn subtree(length: u64, groups: &[ChainingValue]) -> ChainingValue {
    if let [group] = groups {
        return *group;
    }
    let left = left_subtree_len(length);
    let (left_groups, right_groups) = groups.split_at((left / GROUP_BYTES) as usize);
    let right = subtree(length - left, right_groups);
    merge_subtrees_non_root(&subtree(left, left_groups), &right, Mode::Hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_groups_give_the_name() {
        let content: Vec<u8> = (0..40 * GROUP_BYTES + 999).map(|at| ((at * at) >> 7) as u8).collect();
        for groups_count in [1, 2, 3, 4, 7, 8, 31, 40] {
            for tail in [1, 999, GROUP_BYTES] {
                let length = (groups_count * GROUP_BYTES + tail).min(content.len() as u64);
                let content = &content[..length as usize];
                let table: Vec<ChainingValue> = groups(0, content).collect();
                assert_eq!(root(length, &table), BlobId::of(content), "{length} bytes");
            }
        }
    }
}
