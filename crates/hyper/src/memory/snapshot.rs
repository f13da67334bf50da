//! Storing a memory: only what was written since it was last stored is read, hashed and put.
//!
//! A region knows which of its pages were written and what it was stored as. So a snapshot composes the node of each
//! region that changed from its old names and some new ones, then the nodes above, then the root. Nothing is given up
//! before the root is stored: if the store fails, the next attempt puts everything again.

use std::sync::Arc;

use ironloom_blob::{BlobError, BlobId, BlobStore, Durability};

use super::bits::Bits;
use super::image::{self, Extent, Node, SLOTS};
use super::raw::{PAGE, Words};
use super::region::{Origin, PAGES, Region};
use super::restore::load_page;
use super::revocation::Revocation;
use super::{Memory, MemoryError, words};

/// How many pages are put at once.
const BATCH: usize = 64;

/// The names of the nodes above the regions and below the root, level by level.
pub(super) type Inner = Vec<Vec<Option<BlobId>>>;

/// What the names in the regions stand for.
#[derive(Debug, Clone, Default)]
pub(super) struct Stored {
    /// The store that has them.
    pub(super) store: Option<Arc<dyn BlobStore>>,
    pub(super) inner: Inner,
}

/// Where blobs go that an image is made of.
#[derive(Debug, Clone, Copy)]
enum Sink<'a> {
    Store(&'a dyn BlobStore),
    /// They are only named.
    Names,
}

/// What became of a region.
#[derive(Debug)]
struct Change {
    /// `None` if it is all zeroes.
    node: Option<(BlobId, Arc<Node>)>,
    /// Pages that were written and are zeroes.
    zeroes: Bits,
}

/// An image that is composed, and what is to be noted when it is stored.
#[derive(Debug)]
struct Composed {
    root: BlobId,
    inner: Inner,
    changes: Vec<(usize, Change)>,
}

impl Memory {
    /// Stores the memory and returns the name of its image. Only what was written since the last time is read and put.
    ///
    /// The name follows from place, length and content alone. What is absent stays absent. All pointers are revoked; no
    /// reader may write while this runs. The memory stands on the image from now on: its owner keeps that pinned until
    /// the next one.
    ///
    /// # Errors
    ///
    /// If the store fails, or what is absent must be copied from another store and that fails, or other hosts hold a page.
    pub fn snapshot(&self, store: &Arc<dyn BlobStore>) -> Result<BlobId, MemoryError> {
        if self.lacks_any() {
            return Err(MemoryError::Lacking);
        }
        let mut stored = self.stored.lock();
        self.revoke_everything();
        let known = stored.store.as_ref().is_some_and(|known| Arc::ptr_eq(known, store));
        let source = if known { None } else { Some(&*stored) };
        let inner = if known { &*stored.inner } else { &[] };
        let composed = self.compose(Sink::Store(&**store), inner, source)?;
        for (place, change) in composed.changes {
            self.note(place, change);
        }
        *stored = Stored { store: Some(Arc::clone(store)), inner: composed.inner };
        Ok(composed.root)
    }

    /// The name that a snapshot would have now, without storing anything.
    ///
    /// # Errors
    ///
    /// If a region of the image must be read and that fails, or other hosts hold a page.
    pub fn digest(&self) -> Result<BlobId, MemoryError> {
        if self.lacks_any() {
            return Err(MemoryError::Lacking);
        }
        let stored = self.stored.lock();
        Ok(self.compose(Sink::Names, &stored.inner, None)?.root)
    }

    /// Composes the image of this memory. If what is stored is in another store, everything is put.
    fn compose(
        &self,
        sink: Sink<'_>,
        inner: &[Vec<Option<BlobId>>],
        source: Option<&Stored>,
    ) -> Result<Composed, MemoryError> {
        let (mut names, mut changes) = (Vec::with_capacity(self.regions.len()), Vec::new());
        let mut buffer = Buffer::default();
        for (place, region) in self.regions.iter().enumerate() {
            let region = region.lock();
            let name = match region.as_deref() {
                None => None,
                Some(region) if source.is_none() && region.written.is_empty() => region.origin.name(),
                Some(region) => {
                    let change = self.compose_region(place, region, sink, source, &mut buffer)?;
                    let name = change.node.as_ref().map(|(name, _)| *name);
                    changes.push((place, change));
                    name
                }
            };
            names.push(name);
        }
        let extent = self.extent();
        let changed: Vec<usize> = changes.iter().map(|(place, _)| *place).collect();
        let (inner, children) = ascend(sink, extent, names, &changed, inner)?;
        let root = sink.put_one(&image::encode_root(extent, &children))?;
        Ok(Composed { root, inner, changes })
    }

    fn compose_region(
        &self,
        place: usize,
        region: &Region,
        sink: Sink<'_>,
        source: Option<&Stored>,
        buffer: &mut Buffer,
    ) -> Result<Change, MemoryError> {
        let old = match &region.origin {
            Origin::None => Arc::default(),
            Origin::Node(_, node) => Arc::clone(node),
            Origin::Unread(id) => match source {
                Some(Stored { store: Some(store), .. }) => Arc::new(self.load_region(&**store, *id, place)?),
                _ => unreachable!("what was not read was not written, and is in this store"),
            },
        };
        let (mut names, mut zeroes) = (old.to_slots(), Bits::default());
        let unread = matches!(region.origin, Origin::Unread(_));
        let read = if source.is_some() { Bits::ALL } else { region.written };
        for page in read.iter() {
            if unread || region.absent.has(page) {
                if let (Some(Stored { store: Some(store), .. }), Some(name)) = (source, names[page]) {
                    buffer.push(page, &load_page(&**store, name)?);
                }
            } else {
                names[page] = None;
                if let Some(frame) = region.frame(page)
                    && !buffer.copy(page, frame.words())
                {
                    zeroes.insert(page);
                }
            }
            buffer.flush(sink, &mut names, BATCH)?;
        }
        buffer.flush(sink, &mut names, 1)?;
        let node = Node::new(names.iter().enumerate().filter_map(|(page, name)| Some((page, (*name)?))));
        let node = if node.is_empty() {
            None
        } else {
            Some((sink.put_one(&image::encode_node(0, &node))?, Arc::new(node)))
        };
        Ok(Change { node, zeroes })
    }

    /// Notes what a region was stored as.
    fn note(&self, place: usize, change: Change) {
        let mut region = self.regions[place].lock();
        let region = region.as_deref_mut().expect("a region that was composed exists");
        let absent = match (&region.origin, &change.node) {
            (Origin::Unread(_), Some((_, node))) => node.occupied(),
            _ => region.absent,
        };
        region.absent = absent;
        region.written.clear();
        region.drop_frames(change.zeroes, self.ctx());
        region.origin = change.node.map_or(Origin::None, |(id, node)| Origin::Node(id, node));
    }

    /// Takes back all pointers.
    pub(super) fn revoke_everything(&self) {
        for region in &self.regions {
            if let Some(region) = region.lock().as_deref_mut() {
                region.forget_readers();
            }
        }
        self.revocations.push(Revocation::Everything, None);
    }

    pub(super) const fn extent(&self) -> Extent {
        Extent { base: self.base().get(), bytes: self.bytes() }
    }
}

/// The names of the nodes between the regions and the root, and the children of the root.
fn ascend(
    sink: Sink<'_>,
    extent: Extent,
    mut names: Vec<Option<BlobId>>,
    changed: &[usize],
    old: &[Vec<Option<BlobId>>],
) -> Result<(Inner, Node), BlobError> {
    let mut changed = changed.to_vec();
    let mut inner = Inner::new();
    for (level, width) in extent.widths().into_iter().enumerate().skip(1) {
        changed.iter_mut().for_each(|place| *place /= SLOTS);
        changed.dedup();
        let mut parents = old.get(level - 1).cloned().unwrap_or_else(|| vec![None; width]);
        for parent in &changed {
            let first = parent * SLOTS;
            let node = gather(&names[first..names.len().min(first + SLOTS)]);
            parents[*parent] = if node.is_empty() {
                None
            } else {
                Some(sink.put_one(&image::encode_node(level as u8, &node))?)
            };
        }
        inner.push(parents.clone());
        names = parents;
    }
    Ok((inner, gather(&names)))
}

/// A node of the children that there are.
fn gather(names: &[Option<BlobId>]) -> Node {
    Node::new(names.iter().enumerate().filter_map(|(slot, name)| Some((slot, (*name)?))))
}

impl Sink<'_> {
    fn put(self, contents: &[&[u8]]) -> Result<Vec<BlobId>, BlobError> {
        match self {
            Self::Store(store) => store.put_many(contents, Durability::Buffered),
            Self::Names => Ok(contents.iter().map(|content| BlobId::of(content)).collect()),
        }
    }

    fn put_one(self, content: &[u8]) -> Result<BlobId, BlobError> {
        match self {
            Self::Store(store) => store.put(content, Durability::Buffered),
            Self::Names => Ok(BlobId::of(content)),
        }
    }
}

/// Pages that are about to be put.
#[derive(Debug)]
struct Buffer {
    pages: Vec<usize>,
    bytes: Box<[[u8; PAGE]]>,
}

impl Default for Buffer {
    fn default() -> Self {
        Self { pages: Vec::with_capacity(BATCH), bytes: vec![[0; PAGE]; BATCH].into() }
    }
}

impl Buffer {
    fn push(&mut self, page: usize, content: &[u8; PAGE]) {
        self.bytes[self.pages.len()] = *content;
        self.pages.push(page);
    }

    /// Adds a page unless it is all zeroes; says whether it did.
    fn copy(&mut self, page: usize, source: &Words) -> bool {
        let any = words::copy_out(source, &mut self.bytes[self.pages.len()]);
        if any {
            self.pages.push(page);
        }
        any
    }

    /// Puts what waits and notes the names, if so many wait.
    fn flush(
        &mut self,
        sink: Sink<'_>,
        names: &mut [Option<BlobId>; PAGES],
        least: usize,
    ) -> Result<(), BlobError> {
        if self.pages.len() < least {
            return Ok(());
        }
        let contents: Vec<&[u8]> = self.bytes[..self.pages.len()].iter().map(|page| &page[..]).collect();
        let ids = sink.put(&contents);
        let pages = std::mem::take(&mut self.pages);
        for (page, id) in pages.iter().zip(ids?) {
            names[*page] = Some(id);
        }
        Ok(())
    }
}
