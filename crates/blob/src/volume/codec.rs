//! The tree as bytes: each node a [linked](crate::link) blob, with its children in the order of their slots: as leaves
//! if they are extents, and as links if they are nodes.
//!
//! ```text
//! body of a root                               body of any other node
//!  0       8      16     17       24      56    0       8       9        16      48
//!  | magic | size | bits | zeroes | slots |     | magic | level | zeroes | slots |
//! ```
//!
//! The size is a little-endian `u64`, `bits` the logarithm of the length of the extents, `slots` a bit for each slot in
//! use, the first in the lowest bit of the first byte. The level of the root follows from size and length.

use super::VolumeError;
use super::geometry::{Geometry, SIZE_MAX, SLOT_BITS};
use super::node::{Child, Node, SLOTS};
use crate::BlobId;
use crate::link::{HEADER_BYTES, ID_BYTES, Linked, Role};

const ROOT_MAGIC: [u8; 8] = *b"ILVOLUM\x01";
const NODE_MAGIC: [u8; 8] = *b"ILVNODE\x01";
const SLOTS_BYTES: usize = SLOTS / 8;

/// How long the blob of a node, or of a root, can be.
pub(super) const BLOB_BYTES_MAX: u64 =
    HEADER_BYTES as u64 + (ID_BYTES * SLOTS) as u64 + 24 + SLOTS_BYTES as u64;

/// The root of a tree, and what is to be known of the volume.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) size: u64,
    pub(super) geometry: Geometry,
    pub(super) node: Node,
}

/// The blob of a root whose children are all stored.
pub(super) fn encode_root(size: u64, geometry: Geometry, node: &Node) -> Vec<u8> {
    assert_eq!(node.level() + 1, geometry.height(size), "the tree is as high as its size asks");
    let mut body = ROOT_MAGIC.to_vec();
    body.extend_from_slice(&size.to_le_bytes());
    body.extend_from_slice(&[geometry.extent_bits(), 0, 0, 0, 0, 0, 0, 0]);
    encode(node, body)
}

/// The blob of a node whose children are all stored.
pub(super) fn encode_node(node: &Node) -> Vec<u8> {
    assert!(!node.is_empty(), "empty nodes are left out");
    let mut body = NODE_MAGIC.to_vec();
    body.extend_from_slice(&[node.level(), 0, 0, 0, 0, 0, 0, 0]);
    encode(node, body)
}

fn encode(node: &Node, mut body: Vec<u8>) -> Vec<u8> {
    for word in node.occupied() {
        body.extend_from_slice(&word.to_le_bytes());
    }
    let children: Vec<BlobId> = node
        .children()
        .map(|(_, child)| match child {
            Child::Stored(id) => *id,
            Child::Node(_) | Child::Extent(_) => unreachable!("what is encoded was written out below"),
        })
        .collect();
    Linked::encode_only(role(node.level()), &children, &body)
}

/// Reads the blob of a root.
pub(super) fn decode_root(id: BlobId, content: &[u8]) -> Result<Root, VolumeError> {
    let (fields, linked) = split(id, content, ROOT_MAGIC)?;
    let ([size, bits], slots) = fields.split_first_chunk().ok_or_else(|| cut(id))?;
    let size = u64::from_le_bytes(*size);
    if size > SIZE_MAX {
        return Err(VolumeError::corrupt(id, format!("its size is {size}, the limit {SIZE_MAX}")));
    }
    let bits = only_first(id, *bits)?;
    let geometry = Geometry::new(bits)
        .ok_or_else(|| VolumeError::corrupt(id, format!("its extents have 2^{bits} bytes")))?;
    let level = geometry.height(size) - 1;
    let node = decode(id, level, slots, &linked)?;
    let last = geometry.extents(size).saturating_sub(1) >> (SLOT_BITS * u32::from(level));
    let beyond = node.children().find(|(slot, _)| *slot as u64 > last || size == 0);
    if let Some((slot, _)) = beyond {
        return Err(VolumeError::corrupt(id, format!("slot {slot} lies behind its end")));
    }
    Ok(Root { size, geometry, node })
}

/// Reads the blob of a node that must have this level.
pub(super) fn decode_node(id: BlobId, level: u8, content: &[u8]) -> Result<Node, VolumeError> {
    let (fields, linked) = split(id, content, NODE_MAGIC)?;
    let ([found], slots) = fields.split_first_chunk().ok_or_else(|| cut(id))?;
    let found = only_first(id, *found)?;
    if found != level {
        return Err(VolumeError::corrupt(id, format!("its level is {found}, that of its place is {level}")));
    }
    let node = decode(id, level, slots, &linked)?;
    if node.is_empty() {
        return Err(VolumeError::corrupt(id, "it is a node without children"));
    }
    Ok(node)
}

/// The body behind the magic, in words of eight bytes, and the links.
fn split(id: BlobId, content: &[u8], magic: [u8; 8]) -> Result<(&[[u8; 8]], Linked<'_>), VolumeError> {
    let linked = Linked::parse(content).map_err(|error| VolumeError::corrupt(id, error.to_string()))?;
    let body = linked.body();
    let fields = body.strip_prefix(&magic).ok_or_else(|| {
        VolumeError::corrupt(id, format!("it does not say {:?}", magic.escape_ascii().to_string()))
    })?;
    match fields.as_chunks() {
        (words, []) => Ok((words, linked)),
        _ => Err(cut(id)),
    }
}

fn decode(id: BlobId, level: u8, slots: &[[u8; 8]], linked: &Linked<'_>) -> Result<Node, VolumeError> {
    let slots: &[[u8; 8]; SLOTS / 64] = slots.try_into().map_err(|_| cut(id))?;
    let occupied = slots.map(u64::from_le_bytes);
    let expected = occupied.iter().map(|bits| bits.count_ones() as usize).sum::<usize>();
    match linked.only(role(level)) {
        Some(children) if children.len() == expected => Ok(Node::of_children(level, occupied, children)),
        _ => {
            let (links, leaves) = (linked.links().len(), linked.leaves().len());
            let reason = format!("it has {links} links and {leaves} leaves for {expected} slots");
            Err(VolumeError::corrupt(id, reason))
        }
    }
}

/// What the children of a node of this level are to it: extents below the lowest, nodes below any other.
const fn role(level: u8) -> Role {
    if level == 0 { Role::Leaf } else { Role::Link }
}

/// The first byte of a word whose others must be zero, so that nothing has two encodings.
fn only_first(id: BlobId, word: [u8; 8]) -> Result<u8, VolumeError> {
    match word {
        [first, 0, 0, 0, 0, 0, 0, 0] => Ok(first),
        _ => Err(VolumeError::corrupt(id, "bytes that must be zero are not")),
    }
}

fn cut(id: BlobId) -> VolumeError {
    VolumeError::corrupt(id, "its body has a wrong length")
}
