//! How the parts of an export are written.
//!
//! Each is a linked blob with this body:
//!
//! ```text
//! 0      4        5      6
//! | tag  | format | kind | content …
//!
//! kind       refers to              content
//! 0 chunk    its large values       entries, ascending by resource
//! n index    chunks, or indexes     nothing
//!            of level n − 1
//! ff root    the chunk or index     a borsh table: [`Manifest`]
//!            above all; none for
//!            an empty state
//!
//! entry      resource 32 · version u64 LE · flags u8 · length u32 LE · the value, if it is here
//! flags      0 the value is here, 1 it is the next of the leaves
//! ```
//!
//! Chunks and indexes are links. A large value is a blob of its bytes and a leaf of its chunk, so that one which looks
//! like a table of links keeps nothing alive. Whatever can be read is written back as the same bytes.

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_blob::BlobId;
use ironloom_blob::link::{Linked, Role};

use super::error::Malformed;
use super::{CHILDREN_MAX, INLINE_BYTES_MAX, LEVELS_MAX};
use crate::layout::Header;
use crate::{BatchId, ResourceId, Root};

pub(super) const TAG: [u8; 4] = *b"STEX";
const FORMAT: u8 = 2;
const HEAD_BYTES: usize = TAG.len() + 2;

/// Where a body says of which kind its part is.
pub(super) const KIND_AT: usize = HEAD_BYTES - 1;

/// The kind of chunks; those of indexes are their levels.
pub(super) const CHUNK: u8 = 0;
const ROOT: u8 = 0xff;

const HERE: u8 = 0;
const LINKED: u8 = 1;

/// What the root of an export says.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Manifest {
    /// The state is the one after this batch.
    pub(super) batch: BatchId,
    /// What is known of the batch; nothing of genesis.
    pub(super) header: Option<Header>,
    /// The state's root, if the exporter knew it.
    pub(super) root: Option<Root>,
    /// How many resources there are.
    pub(super) resources: u64,
    /// How many bytes their values have.
    pub(super) value_bytes: u64,
    /// The level of what is above all: 0 if it is a chunk, or if there is nothing.
    pub(super) level: u8,
}

/// The last batch that can be imported: ids must be left to go on with.
const BATCH_MAX: u64 = 1 << 62;

impl Manifest {
    /// The blob of the root.
    pub(super) fn encode(&self, top: Option<BlobId>) -> Vec<u8> {
        let mut body = head(ROOT);
        self.serialize(&mut body).expect("a vector takes everything");
        Linked::encode(top.as_slice(), &body)
    }

    /// Reads the blob of a root.
    pub(super) fn parse(content: &[u8]) -> Result<(Self, Option<BlobId>), Malformed> {
        let linked = Linked::parse(content)?;
        let table = body(&linked, ROOT)?;
        let manifest =
            Self::try_from_slice(table).map_err(|error| Malformed::Manifest { reason: error.to_string() })?;
        let mut links = only(&linked, Role::Link)?;
        let (found, used) = (links.len(), usize::from(manifest.resources > 0));
        if found != used {
            return Err(Malformed::Links { found, used });
        }
        match manifest.contradiction() {
            None => Ok((manifest, links.next())),
            Some(reason) => Err(Malformed::Manifest { reason: reason.to_owned() }),
        }
    }

    fn contradiction(&self) -> Option<&'static str> {
        let is_genesis = self.batch == BatchId::GENESIS;
        let cases = [
            (self.batch.number() > BATCH_MAX, "the batch is beyond all that can be"),
            (is_genesis != self.header.is_none(), "genesis has a header, or another batch has none"),
            (is_genesis && self.resources > 0, "there are resources at genesis"),
            (self.header.as_ref().is_some_and(|header| header.parent >= self.batch), "the parent is younger"),
            (self.level > LEVELS_MAX, "there are too many levels"),
            (self.resources == 0 && self.level > 0, "there are levels above nothing"),
            (self.resources == 0 && self.value_bytes > 0, "there are values without resources"),
            (
                self.root.is_some_and(|root| (root == Root::EMPTY) != (self.resources == 0)),
                "the root is not one of so many resources",
            ),
        ];
        cases.iter().find(|(holds, _)| *holds).map(|(_, reason)| *reason)
    }
}

/// A resource in a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) resource: ResourceId,
    pub(super) version: BatchId,
    pub(super) value: Place<'a>,
}

/// Where the value of an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place<'a> {
    Here(&'a [u8]),
    Blob { id: BlobId, bytes: u32 },
}

/// A chunk that is being written.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    values: Vec<BlobId>,
    entries: Vec<u8>,
}

impl Chunk {
    /// Adds an entry; returns how many bytes it takes.
    pub(super) fn push(&mut self, entry: &Entry<'_>) -> usize {
        let before = self.byte_len();
        let (flags, length) = match entry.value {
            Place::Here(value) => (HERE, u32::try_from(value.len()).expect("what is here is short")),
            Place::Blob { bytes, .. } => (LINKED, bytes),
        };
        self.entries.extend_from_slice(entry.resource.as_bytes());
        self.entries.extend_from_slice(&entry.version.number().to_le_bytes());
        self.entries.push(flags);
        self.entries.extend_from_slice(&length.to_le_bytes());
        match entry.value {
            Place::Here(value) => self.entries.extend_from_slice(value),
            Place::Blob { id, .. } => self.values.push(id),
        }
        self.byte_len() - before
    }

    /// How many bytes its entries and leaves have.
    pub(super) fn byte_len(&self) -> usize {
        self.entries.len() + self.values.len() * 32
    }

    /// The blob; the chunk is empty again.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let body = [&head(CHUNK)[..], &self.entries].concat();
        let content = Linked::encode_only(Role::Leaf, &self.values, &body);
        self.values.clear();
        self.entries.clear();
        content
    }
}

/// Reads a chunk: `each` gets its entries, in the order in which they are written.
pub(super) fn read_chunk<E: From<Malformed>>(
    content: &[u8],
    mut each: impl FnMut(Entry<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let linked = Linked::parse(content).map_err(Malformed::from)?;
    let mut rest = body(&linked, CHUNK)?;
    if rest.is_empty() {
        return Err(Malformed::Empty.into());
    }
    let mut values = only(&linked, Role::Leaf)?;
    let found = values.len();
    while !rest.is_empty() {
        each(take_entry(&mut rest, &mut values)?)?;
    }
    match values.len() {
        0 => Ok(()),
        unused => Err(Malformed::Links { found, used: found - unused }.into()),
    }
}

fn take_entry<'a>(
    rest: &mut &'a [u8],
    values: &mut impl ExactSizeIterator<Item = BlobId>,
) -> Result<Entry<'a>, Malformed> {
    let resource = ResourceId::from_bytes(*take(rest)?);
    let version = BatchId::new(u64::from_le_bytes(*take(rest)?));
    let [flags] = *take(rest)?;
    let bytes = u32::from_le_bytes(*take(rest)?);
    let is_short = bytes as usize <= INLINE_BYTES_MAX;
    let value = match flags {
        HERE if is_short => {
            let (value, behind) = rest.split_at_checked(bytes as usize).ok_or(Malformed::Cut)?;
            *rest = behind;
            Place::Here(value)
        }
        LINKED if !is_short => Place::Blob { id: values.next().ok_or(Malformed::Cut)?, bytes },
        HERE | LINKED => return Err(Malformed::Place { resource, bytes }),
        _ => return Err(Malformed::Flags { resource, flags }),
    };
    Ok(Entry { resource, version, value })
}

/// The blob of an index of this level.
pub(super) fn encode_index(level: u8, children: &[BlobId]) -> Vec<u8> {
    Linked::encode(children, &head(level))
}

/// The children of an index of this level.
pub(super) fn parse_index(content: &[u8], level: u8) -> Result<Vec<BlobId>, Malformed> {
    let linked = Linked::parse(content)?;
    if !body(&linked, level)?.is_empty() {
        return Err(Malformed::Trailing);
    }
    let children = only(&linked, Role::Link)?;
    match children.len() {
        0 => Err(Malformed::Empty),
        found if found > CHILDREN_MAX => Err(Malformed::Links { found, used: CHILDREN_MAX }),
        _ => Ok(children.collect()),
    }
}

fn head(kind: u8) -> Vec<u8> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    head.extend_from_slice(&TAG);
    head.extend_from_slice(&[FORMAT, kind]);
    head
}

/// What a part refers to, which must all be of one kind.
fn only<'a>(
    linked: &Linked<'a>,
    role: Role,
) -> Result<impl ExactSizeIterator<Item = BlobId> + use<'a>, Malformed> {
    linked.only(role).ok_or_else(|| {
        let (links, leaves) = (linked.links().len(), linked.leaves().len());
        Malformed::Links { found: links + leaves, used: if role == Role::Link { links } else { leaves } }
    })
}

/// What follows the head of a part, which must be of this kind.
fn body<'a>(linked: &Linked<'a>, expected: u8) -> Result<&'a [u8], Malformed> {
    let rest = linked.body().strip_prefix(&TAG).ok_or(Malformed::Tag)?;
    match rest {
        [FORMAT, kind, rest @ ..] if *kind == expected => Ok(rest),
        [FORMAT, found, ..] => Err(Malformed::Kind { expected, found: *found }),
        [found, _, ..] => Err(Malformed::Format { found: *found, known: FORMAT }),
        _ => Err(Malformed::Cut),
    }
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], Malformed> {
    let (taken, behind) = rest.split_first_chunk().ok_or(Malformed::Cut)?;
    *rest = behind;
    Ok(taken)
}
