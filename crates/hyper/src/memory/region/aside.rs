//! Pages that are put aside: see [`Memory::put_aside`](super::super::Memory::put_aside).

use std::sync::Arc;

use ironloom_blob::BlobId;

use super::super::Revision;
use super::super::image::{self, Node};
use super::super::revocation::Revocation;
use super::{Context, Origin, Region, own};
use crate::coherence::Held;

impl Region {
    /// Takes back the pointers to a page; what has to be settled until that is so, if anybody had any.
    pub(in crate::memory) fn recall(&mut self, page: usize, ctx: Context<'_>) -> Option<Revision> {
        if !self.lent.has(page) {
            return None;
        }
        let host = self.frame(page)?.host();
        self.lent.remove(page);
        self.writable.remove(page);
        Some(ctx.revocations.push(Revocation::Gone(host), None))
    }

    /// Whether a page has a frame, and nobody has used it since it was looked at and recalled.
    pub(in crate::memory) fn is_unused(&self, page: usize) -> bool {
        let is_here = self.is_here(page, Held::Read) && self.frame(page).is_some();
        is_here && self.is_idle(page) && !self.lent.has(page) && !self.is_pinned(page)
    }

    /// Frees the frame of a page that was stored under a name, or is zero, if nobody has used it since; whether that is so.
    pub(in crate::memory) fn put_aside(&mut self, page: usize, name: Option<BlobId>) -> bool {
        if !self.is_unused(page) {
            return false;
        }
        self.forget_base(page);
        self.keep_in_store(page, name);
        true
    }

    /// A page is in the store under a name, or is zero, and takes no frame.
    pub(super) fn keep_in_store(&mut self, page: usize, name: Option<BlobId>) {
        if self.frame(page).is_some() {
            own(&mut self.table).frames[page] = None;
        }
        self.owned.remove(page);
        self.written.insert(page); // so the node that is made here is stored before anybody goes by its name
        if let Some(name) = name {
            self.absent.insert(page);
            self.origin = self.origin_with(page, name);
        }
    }

    /// The name of a page that is in the store only, if names are known.
    pub(in crate::memory) fn name_if_absent(&self, page: usize) -> Option<BlobId> {
        match &self.origin {
            Origin::Node(_, node) if self.absent.has(page) => node.child(page),
            _ => None,
        }
    }

    fn origin_with(&self, page: usize, name: BlobId) -> Origin {
        let old = match &self.origin {
            Origin::Node(_, node) => node.to_slots(),
            // Nothing is known of pages of one that was not read, so none of them is here to be put aside.
            Origin::None | Origin::Unread(_) => Arc::<Node>::default().to_slots(),
        };
        let others = old.into_iter().enumerate().filter(|(slot, _)| *slot != page);
        let all = others.chain([(page, Some(name))]).filter_map(|(slot, name)| Some((slot, name?)));
        let mut all: Vec<(usize, BlobId)> = all.collect();
        all.sort_unstable_by_key(|(slot, _)| *slot);
        let node = Node::new(all);
        Origin::Node(BlobId::of(&image::encode_node(0, &node)), Arc::new(node))
    }
}
