//! The image of a memory as blobs: a tree of nodes over the pages that are not all zeroes.
//!
//! Each node is a [linked](ironloom_blob::link) blob with up to 512 children in the order of their slots. A node of
//! level 0 has the pages of a region of 2 MiB as its leaves, one of a higher level has links to nodes of the level
//! below. A page is a blob of its 4,096 bytes.
//!
//! ```text
//! body of the root                             body of any other node
//!  0       8      16      24      88            0       8       9        16      80
//!  | magic | base | bytes | slots |             | magic | level | zeroes | slots |
//! ```
//!
//! Numbers are little-endian; `slots` has a bit for each slot in use, the first in the lowest bit of the first byte. The
//! root's level follows from the length. Nothing is stored for zeroes, and no node is empty but the root of a memory
//! of zeroes, so the same content has the same name whatever was done to get there.

use ironloom_blob::BlobId;
use ironloom_blob::link::{Linked, Role};

use super::MemoryError;
use super::bits::Bits;
use super::region::{PAGES, REGION_BYTES};

const ROOT_MAGIC: [u8; 8] = *b"ILMROOT\x01";
const NODE_MAGIC: [u8; 8] = *b"ILMNODE\x01";

/// How many children a node may have, whatever its level.
pub(super) const SLOTS: usize = PAGES;

/// Some blobs by the slots that they are in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Node {
    occupied: Bits,
    children: Box<[BlobId]>,
}

impl Node {
    /// A node with these children.
    pub(super) fn new(children: impl IntoIterator<Item = (usize, BlobId)>) -> Self {
        let mut occupied = Bits::default();
        let children: Box<[BlobId]> = children
            .into_iter()
            .map(|(slot, child)| {
                occupied.insert(slot);
                child
            })
            .collect();
        assert_eq!(occupied.len(), children.len(), "no slot is taken twice");
        Self { occupied, children }
    }

    /// The child in a slot.
    pub(super) fn child(&self, slot: usize) -> Option<BlobId> {
        self.occupied.has(slot).then(|| self.children[self.occupied.rank(slot)])
    }

    /// The slots in use.
    pub(super) const fn occupied(&self) -> Bits {
        self.occupied
    }

    /// The children by slot.
    pub(super) fn to_slots(&self) -> [Option<BlobId>; SLOTS] {
        let mut slots = [None; SLOTS];
        for (slot, child) in self.occupied.iter().zip(&self.children) {
            slots[slot] = Some(*child);
        }
        slots
    }

    pub(super) fn is_empty(&self) -> bool {
        self.children.is_empty()
    }
}

/// Where a memory lies, as its root says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) base: u64,
    pub(super) bytes: u64,
}

impl Extent {
    /// How many nodes there can be on each level, from the regions up to the children of the root.
    pub(super) fn widths(self) -> Vec<usize> {
        let mut widths = vec![self.bytes.div_ceil(REGION_BYTES) as usize];
        while let Some(width) = widths.last().copied()
            && width > SLOTS
        {
            widths.push(width.div_ceil(SLOTS));
        }
        widths
    }
}

/// The blob of a root.
pub(super) fn encode_root(extent: Extent, node: &Node) -> Vec<u8> {
    let mut body = ROOT_MAGIC.to_vec();
    body.extend_from_slice(&extent.base.to_le_bytes());
    body.extend_from_slice(&extent.bytes.to_le_bytes());
    body.extend_from_slice(&node.occupied.to_bytes());
    Linked::encode_only(Role::Link, &node.children, &body)
}

/// The blob of a node of this level.
pub(super) fn encode_node(level: u8, node: &Node) -> Vec<u8> {
    assert!(!node.is_empty(), "empty nodes are left out");
    let mut body = NODE_MAGIC.to_vec();
    body.extend_from_slice(&[level, 0, 0, 0, 0, 0, 0, 0]);
    body.extend_from_slice(&node.occupied.to_bytes());
    Linked::encode_only(role(level), &node.children, &body)
}

/// Reads the blob of a root.
pub(super) fn decode_root(id: BlobId, content: &[u8]) -> Result<(Extent, Node), MemoryError> {
    let (fields, linked) = split(id, content, ROOT_MAGIC)?;
    let ([base, bytes], slots) = fields.split_first_chunk().ok_or_else(|| cut(id))?;
    let extent = Extent { base: u64::from_le_bytes(*base), bytes: u64::from_le_bytes(*bytes) };
    let children = extent.widths().pop().expect("there is a width for the regions");
    Ok((extent, decode(id, children, slots, (Role::Link, &linked))?))
}

/// Reads the blob of a node that must have this level and may have so many children.
pub(super) fn decode_node(
    id: BlobId,
    level: u8,
    children: usize,
    content: &[u8],
) -> Result<Node, MemoryError> {
    let (fields, linked) = split(id, content, NODE_MAGIC)?;
    let ([found], slots) = fields.split_first_chunk().ok_or_else(|| cut(id))?;
    if *found != u64::from(level).to_le_bytes() {
        return Err(MemoryError::corrupt(
            id,
            format!("its level is {found:?}, that of its place is {level}"),
        ));
    }
    let node = decode(id, children, slots, (role(level), &linked))?;
    if node.is_empty() {
        return Err(MemoryError::corrupt(id, "it is a node without children"));
    }
    Ok(node)
}

/// The body behind the magic, in words of eight bytes, and the links.
fn split(id: BlobId, content: &[u8], magic: [u8; 8]) -> Result<(&[[u8; 8]], Linked<'_>), MemoryError> {
    let linked = Linked::parse(content).map_err(|error| MemoryError::corrupt(id, error.to_string()))?;
    let fields = linked.body().strip_prefix(&magic).ok_or_else(|| {
        MemoryError::corrupt(id, format!("it does not say {:?}", magic.escape_ascii().to_string()))
    })?;
    match fields.as_chunks() {
        (words, []) => Ok((words, linked)),
        _ => Err(cut(id)),
    }
}

/// What the children of a node of this level are to it: pages below the lowest, nodes below any other.
const fn role(level: u8) -> Role {
    if level == 0 { Role::Leaf } else { Role::Link }
}

fn decode(
    id: BlobId,
    children_max: usize,
    slots: &[[u8; 8]],
    (role, linked): (Role, &Linked<'_>),
) -> Result<Node, MemoryError> {
    let slots = slots.as_flattened().try_into().map_err(|_| cut(id))?;
    let occupied = Bits::from_bytes(slots);
    let expected = occupied.len();
    let children = linked.only(role).filter(|children| children.len() == expected).ok_or_else(|| {
        let (links, leaves) = (linked.links().len(), linked.leaves().len());
        MemoryError::corrupt(id, format!("it has {links} links and {leaves} leaves for {expected} slots"))
    })?;
    if let Some(slot) = occupied.iter().find(|slot| *slot >= children_max) {
        return Err(MemoryError::corrupt(id, format!("slot {slot} lies behind its end")));
    }
    Ok(Node { occupied, children: children.collect() })
}

fn cut(id: BlobId) -> MemoryError {
    MemoryError::corrupt(id, "its body has a wrong length")
}
