//! How nodes of directories and roots are written: linked blobs, whose bodies are described in `docs/blob.md`.
//!
//! ```text
//! body of a node   | version | kind | level | count u16 | items …
//! item of a leaf   | name short | flags | mode u16 | uid number | gid number | modified u64 | media type short? | …
//!   of a file      … | length number | content, if that is short
//!   of a link      … | length number | target
//!   of a directory … | entries number | bytes number | height number
//! item of a branch | last name short | entries number | bytes number | height number
//! ```
//!
//! Links are used by items in their order, so an item need only say whether it has one. The one blob of a file's bytes is
//! a leaf, which nobody looks into; leaves too are used in order.

use std::sync::Arc;

use ironloom_core::Instant;

use super::codec::{Reader, put_number, put_short};
use super::content::{Content, FILE_BYTES_MAX, INLINE_BYTES_MAX, PIECE_BYTES};
use super::directory::Directory;
use super::entry::{Attributes, Body, Entry, MediaType};
use super::node::{Child, Item, Items, Link, Node};
use super::path::PATH_BYTES_MAX;
use super::totals::Totals;
use super::{Name, NodeError};
use crate::BlobId;
use crate::link::{Linked, Role};

/// The format that is written, and the only one that is read.
pub const VERSION: u8 = 1;

/// How many bytes a node may have, with its links.
pub const NODE_BYTES_MAX: usize = 64 * 1_024;

pub(super) const KIND_ROOT: u8 = 0;
pub(super) const KIND_DIRECTORY: u8 = 1;
pub(super) const KIND_CONTENT: u8 = 2;

/// The highest level of a node. Below it fit a thousand million entries if every node ends as soon as one can, and 10¹⁵
/// with the 80 items that a node usually has.
///
/// A change goes down all levels of all directories on its way, on the stack, so there are no more than are needed.
pub(super) const LEVELS_MAX: u8 = 7;

/// How many levels of directories are ever read.
pub(super) const HEIGHT_MAX: u64 = 256;

const FLAG_KIND: u8 = 0b0011;
const FLAG_MEDIA_TYPE: u8 = 0b0100;
const FLAG_LINK: u8 = 0b1000;
const FILE: u8 = 0;
const DIRECTORY: u8 = 1;
const SYMLINK: u8 = 2;

/// A node being written: its items and what they link to.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    count: u16,
    links: Vec<BlobId>,
    leaves: Vec<BlobId>,
    items: Vec<u8>,
}

impl Encoder {
    /// How many bytes the items written so far will take.
    pub(super) const fn bytes(&self) -> usize {
        self.items.len() + (self.links.len() + self.leaves.len()) * size_of::<BlobId>()
    }

    /// Adds an entry. All that it holds must be stored.
    pub(super) fn put_item(&mut self, item: &Item) {
        put_short(item.name.as_bytes(), &mut self.items);
        self.put_entry(&item.entry);
        self.count += 1;
    }

    /// Adds a child, which must be stored.
    pub(super) fn put_child(&mut self, child: &Child) {
        put_short(child.last.as_bytes(), &mut self.items);
        self.put_totals(child.link.totals());
        self.links.push(child.link.id().expect("children are stored first"));
        self.count += 1;
    }

    fn put_entry(&mut self, entry: &Entry) {
        let (kind, link, table) = match &entry.body {
            Body::File(content) if content.is_leaf() => (FILE, content.link(), &mut self.leaves),
            Body::File(content) => (FILE, content.link(), &mut self.links),
            Body::Directory(directory) => (DIRECTORY, directory.link(), &mut self.links),
            Body::Symlink(_) => (SYMLINK, None, &mut self.links),
        };
        table.extend(link);
        let attributes = &entry.attributes;
        let media_type = attributes.media_type.as_ref();
        let flags = kind
            | if media_type.is_some() { FLAG_MEDIA_TYPE } else { 0 }
            | if link.is_some() { FLAG_LINK } else { 0 };
        self.items.push(flags);
        self.items.extend_from_slice(&attributes.mode.to_le_bytes());
        put_number(attributes.uid.into(), &mut self.items);
        put_number(attributes.gid.into(), &mut self.items);
        self.items.extend_from_slice(&attributes.modified.as_nanos().to_le_bytes());
        if let Some(media_type) = media_type {
            put_short(media_type.as_str().as_bytes(), &mut self.items);
        }
        self.put_body(&entry.body);
    }

    fn put_body(&mut self, body: &Body) {
        match body {
            Body::File(content) => {
                put_number(content.len(), &mut self.items);
                self.items.extend_from_slice(content.inline());
            }
            Body::Directory(directory) => self.put_totals(directory.totals()),
            Body::Symlink(target) => {
                put_number(target.len() as u64, &mut self.items);
                self.items.extend_from_slice(target);
            }
        }
    }

    fn put_totals(&mut self, totals: Totals) {
        put_number(totals.entries, &mut self.items);
        put_number(totals.bytes, &mut self.items);
        put_number(totals.height.into(), &mut self.items);
    }

    /// The blob, of a leaf for level 0 and of a branch for others.
    pub(super) fn finish(self, level: u8) -> Vec<u8> {
        let mut body = Vec::with_capacity(5 + self.items.len());
        body.extend_from_slice(&[VERSION, KIND_DIRECTORY, level]);
        body.extend_from_slice(&self.count.to_le_bytes());
        body.extend_from_slice(&self.items);
        Linked::encode_with(&self.links, &self.leaves, &body)
    }
}

/// The blob of a tree: its root's entry, without a name.
pub(super) fn encode_root(root: &Entry) -> Vec<u8> {
    let mut encoder = Encoder::default();
    encoder.put_entry(root);
    let mut body = vec![VERSION, KIND_ROOT, 0];
    body.extend_from_slice(&encoder.items);
    Linked::encode_with(&encoder.links, &encoder.leaves, &body)
}

/// Reads the blob of a tree.
pub(super) fn decode_root(bytes: &[u8]) -> Result<Entry, NodeError> {
    let mut decoder = Decoder::new(bytes, KIND_ROOT)?;
    let entry = decoder.entry()?;
    if entry.as_directory().is_none() || decoder.level != 0 {
        return Err(NodeError::Kind { found: KIND_ROOT });
    }
    decoder.finish()?;
    Ok(entry)
}

/// Reads a node of a directory.
pub(super) fn decode_node(bytes: &[u8]) -> Result<Node, NodeError> {
    let mut decoder = Decoder::new(bytes, KIND_DIRECTORY)?;
    let level = decoder.level;
    let count: usize = decoder.reader.u16()?.into();
    if count == 0 {
        return Err(NodeError::Count { found: 0 });
    }
    if level > LEVELS_MAX {
        return Err(NodeError::Level { found: level });
    }
    // Every item takes several bytes, so this cannot reserve much more than there is to read.
    let capacity = count.min(bytes.len() / 4);
    let items = if level == 0 {
        let mut items: Vec<Item> = Vec::with_capacity(capacity);
        for _ in 0..count {
            let name = decoder.name(items.last().map(|item| &item.name))?;
            let entry = decoder.entry()?;
            items.push(Item { name, entry });
        }
        Items::Leaf(items)
    } else {
        let mut children: Vec<Child> = Vec::with_capacity(capacity);
        for _ in 0..count {
            children.push(decoder.child(children.last().map(|child| &child.last))?);
        }
        Items::Branch(level, children)
    };
    decoder.finish()?;
    Ok(Node::new(items))
}

/// Which kind of node these bytes are, if they are one.
pub(super) fn kind(bytes: &[u8]) -> Result<u8, NodeError> {
    if bytes.len() > NODE_BYTES_MAX {
        return Err(NodeError::Length { length: bytes.len() });
    }
    let mut reader = Reader::new(Linked::parse(bytes)?.body());
    match reader.byte()? {
        VERSION => reader.byte(),
        found => Err(NodeError::Version { found }),
    }
}

/// A node being read.
pub(super) struct Decoder<'a> {
    linked: Linked<'a>,
    links_used: usize,
    leaves_used: usize,
    pub(super) reader: Reader<'a>,
    pub(super) level: u8,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(bytes: &'a [u8], expected: u8) -> Result<Self, NodeError> {
        let found = kind(bytes)?;
        if found != expected {
            return Err(NodeError::Kind { found });
        }
        let linked = Linked::parse(bytes)?;
        let mut reader = Reader::new(linked.body());
        reader.take(2)?;
        let level = reader.byte()?;
        Ok(Self { linked, links_used: 0, leaves_used: 0, reader, level })
    }

    fn next(&mut self, role: Role) -> Result<BlobId, NodeError> {
        let used = match role {
            Role::Link => &mut self.links_used,
            Role::Leaf => &mut self.leaves_used,
        };
        let id = self.linked.get(role, *used).ok_or(NodeError::Links)?;
        *used += 1;
        Ok(id)
    }

    pub(super) fn finish(self) -> Result<(), NodeError> {
        let (links, leaves) = (self.linked.links().len(), self.linked.leaves().len());
        if (self.links_used, self.leaves_used) != (links, leaves) {
            return Err(NodeError::Links);
        }
        self.reader.finish()
    }

    fn name(&mut self, previous: Option<&Name>) -> Result<Name, NodeError> {
        let bytes = self.reader.short()?;
        if previous.is_some_and(|previous| previous.as_bytes() >= bytes) {
            return Err(NodeError::Order);
        }
        Name::new(bytes).map_err(|_| NodeError::Name)
    }

    fn child(&mut self, previous: Option<&Name>) -> Result<Child, NodeError> {
        let last = self.name(previous)?;
        let totals = self.totals()?;
        let link = Link::stored(self.next(Role::Link)?, totals);
        Ok(Child { last, link })
    }

    fn totals(&mut self) -> Result<Totals, NodeError> {
        let totals = Totals {
            entries: self.reader.number()?,
            bytes: self.reader.number()?,
            height: match self.reader.number()? {
                height @ ..=HEIGHT_MAX => height as u16,
                _ => return Err(NodeError::Number),
            },
            dirty: 0,
        };
        if (totals.entries == 0) != (totals.height == 0) || (totals.entries == 0 && totals.bytes > 0) {
            return Err(NodeError::Totals);
        }
        Ok(totals)
    }

    fn entry(&mut self) -> Result<Entry, NodeError> {
        let flags = self.reader.byte()?;
        if flags & !(FLAG_KIND | FLAG_MEDIA_TYPE | FLAG_LINK) != 0 {
            return Err(NodeError::Flags { flags });
        }
        let attributes = Attributes {
            mode: self.reader.u16()?,
            uid: self.reader.number_u32()?,
            gid: self.reader.number_u32()?,
            modified: Instant::from_nanos(self.reader.u64()?),
            media_type: (flags & FLAG_MEDIA_TYPE != 0).then(|| self.media_type()).transpose()?,
        };
        attributes.check().map_err(|_| NodeError::Attribute)?;
        let has_link = flags & FLAG_LINK != 0;
        let body = match flags & FLAG_KIND {
            FILE => self.file(has_link, flags)?,
            DIRECTORY => self.directory(has_link, flags)?,
            SYMLINK if !has_link => self.symlink()?,
            _ => return Err(NodeError::Flags { flags }),
        };
        Ok(Entry { attributes, body })
    }

    fn media_type(&mut self) -> Result<MediaType, NodeError> {
        let text = str::from_utf8(self.reader.short()?).map_err(|_| NodeError::Attribute)?;
        text.parse().map_err(|_| NodeError::Attribute)
    }

    fn file(&mut self, has_link: bool, flags: u8) -> Result<Body, NodeError> {
        let length = self.reader.number()?;
        if length > FILE_BYTES_MAX {
            return Err(NodeError::Number);
        }
        let content = if length > INLINE_BYTES_MAX as u64 {
            let role = if length > PIECE_BYTES { Role::Link } else { Role::Leaf };
            Content::stored(length, has_link.then(|| self.next(role)).transpose()?)
        } else if has_link {
            return Err(NodeError::Flags { flags });
        } else {
            Content::of_inline(self.reader.take(length as usize)?)
        };
        Ok(Body::File(content))
    }

    fn directory(&mut self, has_link: bool, flags: u8) -> Result<Body, NodeError> {
        let totals = self.totals()?;
        if has_link != (totals.entries > 0) {
            return Err(NodeError::Flags { flags });
        }
        let id = has_link.then(|| self.next(Role::Link)).transpose()?;
        Ok(Body::Directory(id.map_or(Directory::EMPTY, |id| Directory::stored(id, totals))))
    }

    fn symlink(&mut self) -> Result<Body, NodeError> {
        let length = self.reader.number()?;
        if length == 0 || length >= PATH_BYTES_MAX as u64 {
            return Err(NodeError::Attribute);
        }
        let target = self.reader.take(length as usize)?;
        if target.contains(&0) {
            return Err(NodeError::Attribute);
        }
        Ok(Body::Symlink(Arc::from(target)))
    }
}
