//! What is hashed, and how paths are taken apart into bits.

use crate::ResourceId;

/// Where a leaf is: 256 bits, the most significant of the first byte first.
pub(crate) type Path = [u8; 32];

/// What stands for a leaf or a subtree.
pub(crate) type Hash = [u8; 32];

/// How many bits a path has.
pub(super) const PATH_BITS: usize = 256;

/// What stands for a subtree without leaves.
pub(super) const EMPTY: Hash = [0; 32];

/// `derive_key` of "ironloom-state 2026-11-21 tree leaf" and nothing.
const LEAF_KEY: [u8; 32] = [
    0xcf, 0x47, 0x05, 0xd6, 0x85, 0x2a, 0xdf, 0x75, 0x20, 0x3e, 0x0d, 0x16, 0xef, 0x33, 0x4c, 0xed, 0xc6,
    0x62, 0x8c, 0x89, 0xa0, 0x0f, 0x2c, 0xae, 0xb3, 0xf3, 0x64, 0xf7, 0xaa, 0xb5, 0xca, 0x58,
];

/// `derive_key` of "ironloom-state 2026-11-21 tree node" and nothing.
const NODE_KEY: [u8; 32] = [
    0xe0, 0xf8, 0xd3, 0x75, 0x3d, 0xfd, 0xb5, 0x32, 0x8b, 0x7b, 0xb2, 0x3d, 0x20, 0xdc, 0xed, 0xde, 0xb3,
    0xe1, 0x63, 0xcf, 0x7a, 0x85, 0xb3, 0x37, 0x6c, 0x62, 0xd7, 0x43, 0xb0, 0x48, 0xc0, 0x1f,
];

/// Where the leaf of a resource is. Ids can be chosen, these cannot, so that nobody makes the tree deep.
pub(super) fn path(id: &ResourceId) -> Path {
    blake3::hash(id.as_bytes()).into()
}

/// What stands for a resource that has this value.
pub(super) fn leaf(id: &ResourceId, value: &[u8]) -> Hash {
    keyed(&LEAF_KEY, id.as_bytes(), blake3::hash(value).as_bytes())
}

/// What stands for two subtrees side by side.
pub(super) fn node(left: &Hash, right: &Hash) -> Hash {
    keyed(&NODE_KEY, left, right)
}

/// 64 bytes are one block: one compression.
#[inline]
fn keyed(key: &[u8; 32], first: &[u8; 32], second: &[u8; 32]) -> Hash {
    let mut block = [0; 64];
    block[..32].copy_from_slice(first);
    block[32..].copy_from_slice(second);
    blake3::keyed_hash(key, &block).into()
}

/// Whether the path goes right at this depth.
#[inline]
pub(super) fn goes_right(path: &Path, depth: usize) -> bool {
    path[depth / 8] >> (7 - depth % 8) & 1 == 1
}

/// How many bits two paths have in common before they part; [`PATH_BITS`] if they are equal.
#[inline]
pub(super) fn common_bits(one: &Path, other: &Path) -> usize {
    let words = one.chunks_exact(8).zip(other.chunks_exact(8)).enumerate();
    for (at, (one, other)) in words {
        let difference = word(one) ^ word(other);
        if difference != 0 {
            return at * 64 + difference.leading_zeros() as usize;
        }
    }
    PATH_BITS
}

#[inline]
fn word(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes.try_into().expect("a word has eight bytes"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::tree) const LEAF_CONTEXT: &str = "ironloom-state 2026-11-21 tree leaf";
    pub(in crate::tree) const NODE_CONTEXT: &str = "ironloom-state 2026-11-21 tree node";

    #[test]
    fn the_keys_are_what_they_are_said_to_be() {
        assert_eq!(LEAF_KEY, blake3::derive_key(LEAF_CONTEXT, &[]));
        assert_eq!(NODE_KEY, blake3::derive_key(NODE_CONTEXT, &[]));
    }

    #[test]
    fn paths_part_where_their_bits_do() {
        let zero = [0; 32];
        assert_eq!(common_bits(&zero, &zero), PATH_BITS);
        for depth in 0..PATH_BITS {
            let mut other = zero;
            other[depth / 8] |= 0x80 >> (depth % 8);
            assert!(goes_right(&other, depth) && !goes_right(&zero, depth));
            assert_eq!(common_bits(&zero, &other), depth);
        }
    }
}
