//! [`Region`]: 2 MiB of a memory, with what is known of each of its pages.
//!
//! The frames and versions of a region are in a table that forks share until one of them changes it. Then it copies the
//! table, which makes each frame in it shared, and a shared frame is copied before it is written. What differs from
//! fork to fork from the start, namely who was granted what, lies beside the table as sets of pages.

mod aside;
mod given;
mod settle;
mod spread;

use std::sync::Arc;

use super::bits::Bits;
use super::grant::Access;
use super::image::Node;
use super::raw::{Frame, Fresh, HostPage, PAGE, Pin, Pool};
use super::revocation::{Replaced, Revocation, Revocations};
use super::words;
use super::{Grant, Revision};
use crate::coherence::Held;
use ironloom_blob::BlobId;
use spread::Spread;

/// How many pages a region has.
pub(super) const PAGES: usize = 512;

/// The bytes of a region.
pub(super) const REGION_BYTES: u64 = (PAGES * PAGE) as u64;

/// Some pages of a memory that lie together.
#[derive(Debug, Clone, Default)]
pub(super) struct Region {
    /// `None` as long as no page has a frame or a version.
    table: Option<Arc<Table>>,
    /// What was stored of the region last, or what it was restored from.
    pub(super) origin: Origin,
    /// Pages whose content is in the origin only.
    pub(super) absent: Bits,
    /// Pages that differ from the origin, perhaps.
    pub(super) written: Bits,
    /// Pages whose frame nobody else refers to, as far as is known without looking.
    owned: Bits,
    /// Pages that instructions were fetched from since they were written last.
    code: Bits,
    /// Pages that some reader may have a pointer to.
    lent: Bits,
    /// Pages that some reader may have a pointer to by which it writes.
    writable: Bits,
    /// What other hosts hold, once any does.
    spread: Option<Box<Spread>>,
}

/// What a region was when it was last stored.
#[derive(Debug, Clone, Default)]
pub(super) enum Origin {
    /// All zeroes, or never stored.
    #[default]
    None,
    /// A node that was not read yet, so nothing is known of any page.
    Unread(BlobId),
    /// A node, and the names of its pages.
    Node(BlobId, Arc<Node>),
}

impl Origin {
    /// The name of the node, if there is one.
    pub(super) const fn name(&self) -> Option<BlobId> {
        match self {
            Self::None => None,
            Self::Unread(id) | Self::Node(id, _) => Some(*id),
        }
    }
}

#[derive(Debug, Clone)]
struct Table {
    frames: [Option<Frame>; PAGES],
    versions: [u32; PAGES],
}

/// Where a region finds what it needs besides itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) pool: &'a Pool,
    pub(super) revocations: &'a Revocations,
}

/// Why a region could not grant a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its content is in the origin.
    Absent,
    /// There is no frame for it.
    Full,
}

impl Region {
    /// A region that is known by its name only.
    pub(super) fn unread(id: BlobId) -> Self {
        Self { origin: Origin::Unread(id), ..Self::default() }
    }

    /// Whether nothing is known of this page until something is read.
    #[inline]
    pub(super) fn is_absent(&self, page: usize) -> bool {
        matches!(self.origin, Origin::Unread(_)) || self.absent.has(page)
    }

    /// Whether a page can be used so without asking anybody.
    #[inline]
    pub(super) fn is_here(&self, page: usize, held: Held) -> bool {
        !self.is_absent(page) && self.held(page) >= held
    }

    /// The frame of a page, if it has one.
    #[inline]
    pub(super) fn frame(&self, page: usize) -> Option<&Frame> {
        self.table.as_ref()?.frames[page].as_ref()
    }

    /// The version of a page.
    pub(super) fn version(&self, page: usize) -> u32 {
        self.table.as_ref().map_or(0, |table| table.versions[page])
    }

    /// Grants a page to a reader, which may keep the pointer.
    #[inline]
    pub(super) fn grant(&mut self, page: usize, access: Access, ctx: Context<'_>) -> Result<Grant, Refusal> {
        if !self.is_here(page, Held::Read) {
            return Err(Refusal::Absent);
        }
        self.touch(page);
        let revoked = match access {
            Access::Read => None,
            Access::Write => {
                let revoked = self.make_writable(page, ctx)?;
                self.writable.insert(page);
                revoked
            }
            Access::Fetch => self.make_code(page, ctx),
        };
        self.lent.insert(page);
        let host = self.frame(page).map_or_else(HostPage::zero, Frame::host);
        Ok(Grant { host, writable: self.writable.has(page), version: self.version(page), revoked })
    }

    /// Pins the page for a device that reads it, or writes it too.
    ///
    /// Where there is no frame it gets zeroes of its own to read, so that a device that writes nevertheless harms nobody.
    pub(super) fn pin(&mut self, page: usize, writes: bool, ctx: Context<'_>) -> Result<Pin, Refusal> {
        if writes {
            self.make_writable(page, ctx)?;
        } else if !self.is_here(page, Held::Read) {
            return Err(Refusal::Absent);
        }
        match self.frame(page) {
            Some(frame) => Ok(frame.pin()),
            None => Ok(zeroes(ctx)?.pin()),
        }
    }

    /// Makes a page one that can be written in place, and counts it as written.
    #[inline]
    pub(super) fn make_writable(
        &mut self,
        page: usize,
        ctx: Context<'_>,
    ) -> Result<Option<Revision>, Refusal> {
        if !self.is_here(page, Held::Write) {
            return Err(Refusal::Absent);
        }
        self.keep_base(page);
        if self.owned.has(page) && !self.code.has(page) {
            self.written.insert(page);
            return Ok(None);
        }
        self.take_over(page, ctx)
    }

    #[cold]
    fn take_over(&mut self, page: usize, ctx: Context<'_>) -> Result<Option<Revision>, Refusal> {
        // What may fail comes first, so that nothing has changed if it does.
        let (lent, code) = (self.lent.has(page), self.code.has(page));
        let table = own(&mut self.table);
        let (old, replaced) = match &table.frames[page] {
            Some(frame) if frame.is_exclusive() => (frame.host(), None),
            Some(frame) => {
                let fresh = take(ctx)?;
                words::copy(frame.words(), fresh.frame.words());
                (frame.host(), table.frames[page].replace(fresh.frame))
            }
            None => {
                table.frames[page] = Some(zeroes(ctx)?);
                (HostPage::zero(), None)
            }
        };
        if code {
            table.versions[page] = ctx.pool.next_version();
        }
        let moved = table.frames[page].as_ref().is_some_and(|frame| frame.host() != old);
        self.owned.insert(page);
        self.written.insert(page);
        self.code.remove(page);
        if !lent || !(moved || code) {
            return Ok(None);
        }
        self.lent.remove(page);
        self.writable.remove(page);
        let revision = ctx.revocations.push(Revocation::Page(old), replaced.map(Replaced::Frame));
        // Where the frame stays, older pointers to it lead to the same bytes, and instructions are stale until a fence.
        Ok(moved.then_some(revision))
    }

    /// Makes a page one that nobody writes to unless he asks again, under a version that nothing else has had.
    fn make_code(&mut self, page: usize, ctx: Context<'_>) -> Option<Revision> {
        if self.code.has(page) {
            return None;
        }
        self.code.insert(page);
        own(&mut self.table).versions[page] = ctx.pool.next_version();
        if !self.writable.has(page) {
            return None;
        }
        self.writable.remove(page);
        let host = self.frame(page).map(Frame::host)?;
        Some(ctx.revocations.push(Revocation::Writes(host), None))
    }

    /// Puts the content of an absent page where it belongs.
    pub(super) fn bring_in(
        &mut self,
        page: usize,
        content: &[u8; PAGE],
        ctx: Context<'_>,
    ) -> Result<(), Refusal> {
        if !self.absent.has(page) {
            return Ok(());
        }
        let fresh = take(ctx)?;
        words::write(fresh.frame.words(), 0, content);
        own(&mut self.table).frames[page] = Some(fresh.frame);
        self.absent.remove(page);
        Ok(())
    }

    /// Makes pages dormant that turned out to be zeroes.
    pub(super) fn drop_frames(&mut self, pages: Bits, ctx: Context<'_>) {
        for page in pages.iter() {
            let Some(frame) = own(&mut self.table).frames[page].take() else { continue };
            self.owned.remove(page);
            if self.lent.has(page) {
                self.lent.remove(page);
                self.writable.remove(page);
                ctx.revocations.push(Revocation::Page(frame.host()), Some(Replaced::Frame(frame)));
            }
        }
    }

    /// Forgets who was granted what, because everything was revoked.
    pub(super) const fn forget_readers(&mut self) {
        self.lent.clear();
        self.writable.clear();
    }

    /// The same region for somebody else. From now on its frames are shared, and nobody was granted any.
    pub(super) fn share(&mut self) -> Self {
        self.forget_readers();
        self.owned.clear();
        self.clone()
    }
}

/// The table, as one that nobody else refers to.
fn own(table: &mut Option<Arc<Table>>) -> &mut Table {
    let table = table
        .get_or_insert_with(|| Arc::new(Table { frames: [const { None }; PAGES], versions: [0; PAGES] }));
    Arc::make_mut(table)
}

/// A frame of zeroes.
fn zeroes(ctx: Context<'_>) -> Result<Frame, Refusal> {
    let fresh = take(ctx)?;
    if !fresh.clean {
        words::clear(fresh.frame.words());
    }
    Ok(fresh.frame)
}

fn take(ctx: Context<'_>) -> Result<Fresh, Refusal> {
    if let Some(fresh) = ctx.pool.take() {
        return Ok(fresh);
    }
    ctx.revocations.reclaim();
    ctx.pool.take().ok_or(Refusal::Full)
}
