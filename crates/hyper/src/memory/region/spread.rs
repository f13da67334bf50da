//! What a region knows of pages that other hosts hold.
//!
//! A page that was received or told is *known*: other hosts have, or had, the same bytes. When it is written for the first
//! time after that, the bytes that it had are kept beside it as its *base*, so that what changed can be told by lines.
//! The page itself stays where it is: if it moved with its first write, each store-conditional that is the first write
//! to a page would fail, and two hosts that try in turns might try for ever.

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::Revision;
use super::super::bits::Bits;
use super::super::raw::{Frame, HostPage, PAGE, Words};
use super::super::revocation::Revocation;
use super::super::spread::{Told, Unsound, Use};
use super::super::words;
use super::{Context, Refusal, Region, own, take};
use crate::coherence::{Content, Held, LINE_BYTES, PageBytes, Tell};
use ironloom_blob::BlobId;

/// Which pages of a region other hosts hold, and what is needed to tell them what changed.
#[derive(Debug, Clone, Default)]
pub(in crate::memory) struct Spread {
    /// Pages that are not held here. What their frames hold is what they once were.
    away: Bits,
    /// Pages that may only be read, because others read them too.
    shared: Bits,
    /// Pages whose bytes are those that were received or told last.
    known: Bits,
    /// What pages held when they were known last and that were written since.
    bases: BTreeMap<u16, PageBytes>,
    /// Pages whose pointers were taken back to see whether anybody asks for them again, and nobody has.
    idle: Bits,
}

impl Region {
    /// How a page is held.
    #[inline]
    pub(in crate::memory) fn held(&self, page: usize) -> Held {
        match &self.spread {
            Some(spread) if spread.away.has(page) => Held::Nothing,
            Some(spread) if spread.shared.has(page) => Held::Read,
            _ => Held::Write,
        }
    }

    /// Whether any page is not held here.
    pub(in crate::memory) fn lacks_any(&self) -> bool {
        self.spread.as_ref().is_some_and(|spread| !spread.away.is_empty())
    }

    /// The same region for who stores what is held here: the bases stay. From now on its frames are shared, and nobody
    /// was granted any.
    pub(in crate::memory) fn share_held(&mut self) -> Self {
        let spread = self.spread.take();
        let mut shared = self.share();
        shared.spread =
            spread.as_ref().map(|spread| Box::new(Spread { away: spread.away, ..Spread::default() }));
        self.spread = spread;
        shared
    }

    /// Becomes one that has zeroes where other hosts hold the pages, and nothing to do with them. It was read.
    pub(in crate::memory) fn drop_away(&mut self) {
        let Some(spread) = self.spread.take() else { return };
        for page in spread.away.iter() {
            self.absent.remove(page);
            self.written.insert(page);
            if self.frame(page).is_some() {
                own(&mut self.table).frames[page] = None;
            }
        }
    }

    /// Leaves a page to other hosts before anybody here has used it.
    pub(in crate::memory) fn leave(&mut self, page: usize) {
        self.spread.get_or_insert_default().away.insert(page);
    }

    /// Keeps what a known page holds, because it is about to be written.
    #[inline]
    pub(super) fn keep_base(&mut self, page: usize) {
        let Some(spread) = &mut self.spread else { return };
        if !spread.known.has(page) {
            return;
        }
        spread.known.remove(page);
        // Zeroes that take no room are told as a whole later; to keep them would only cost room.
        if let Some(frame) = self.table.as_ref().and_then(|table| table.frames[page].as_ref()) {
            spread.bases.insert(page as u16, bytes_of(Some(frame)));
        }
    }

    /// What a page held when it was known last is of no use any more: it is told as a whole.
    pub(super) fn lose_base(&mut self, page: usize) {
        if let Some(spread) = &mut self.spread {
            spread.known.remove(page);
            spread.bases.remove(&(page as u16));
        }
    }

    /// Takes a page from readers until only `keep` is left; what has to be settled until that is so.
    pub(in crate::memory) fn withdraw(
        &mut self,
        page: usize,
        keep: Held,
        ctx: Context<'_>,
    ) -> Option<Revision> {
        let host = self.frame(page).map_or_else(HostPage::zero, Frame::host);
        let spread = self.spread.get_or_insert_default();
        match keep {
            Held::Write => return None,
            Held::Read => {
                spread.shared.insert(page);
                if !self.writable.has(page) {
                    return None;
                }
            }
            Held::Nothing => {
                spread.away.insert(page);
                spread.shared.remove(page);
                if !self.lent.has(page) {
                    return None;
                }
                self.lent.remove(page);
            }
        }
        self.writable.remove(page);
        let revocation = if keep == Held::Read { Revocation::Writes(host) } else { Revocation::Gone(host) };
        Some(ctx.revocations.push(revocation, None))
    }

    /// Whether a device uses the page.
    pub(in crate::memory) fn is_pinned(&self, page: usize) -> bool {
        self.frame(page).is_some_and(Frame::is_pinned)
    }

    /// What became of a page since it was known last, if nobody writes to it any more. It is known from now on.
    /// `aside` is what is told of it if it is in the store only.
    pub(in crate::memory) fn tell(
        &mut self,
        page: usize,
        aside: Option<Content>,
        tell: Option<Tell>,
    ) -> Told {
        let spread = self.spread.get_or_insert_default();
        let base = spread.bases.remove(&(page as u16));
        let was_known = spread.known.has(page);
        spread.known.insert(page);
        if was_known && tell != Some(Tell::Whole) {
            return Told { content: tell.map(|_| Content::Same), changed: false };
        }
        if aside.is_some() {
            return Told { content: aside.filter(|_| tell.is_some()), changed: !was_known };
        }
        let now = bytes_of(self.frame(page));
        let changed = !was_known && base.as_ref().is_none_or(|base| *base != now);
        let content = tell.map(|tell| match (tell, &base) {
            (Tell::Since, _) if !changed => Content::Same,
            (Tell::Since, Some(base)) => Content::since(base, &now),
            _ => Content::of(now),
        });
        Told { content, changed }
    }

    /// The lines of a page that were written since it was known last.
    pub(in crate::memory) fn lines_written(&self, page: usize) -> u64 {
        let Some(spread) = self.spread.as_ref().filter(|spread| !spread.known.has(page)) else { return 0 };
        let now = bytes_of(self.frame(page));
        // There is no base of a page that was zeroes and took no room.
        let base = spread.bases.get(&(page as u16)).map_or(&[0; PAGE], |base| &**base);
        lines_between(base, &now)
    }

    /// The lines by which a content differs from what is kept of a page.
    pub(in crate::memory) fn lines_unlike(&self, page: usize, content: &Content) -> u64 {
        let kept = || {
            let known = self.spread.as_ref().is_some_and(|spread| spread.known.has(page));
            self.frame(page).filter(|_| known).map(|frame| bytes_of(Some(frame)))
        };
        match content {
            // What is in the store was used by nobody for a while, so nobody writes it by turns.
            Content::Same | Content::Stored(_) => 0,
            Content::Lines(lines) => lines.mask(),
            Content::Zeroes => kept().map_or(0, |kept| lines_between(&kept, &[0; PAGE])),
            Content::Whole(bytes) => kept().map_or(0, |kept| lines_between(&kept, bytes)),
        }
    }

    /// The frame of a page that can be used in place, and without revoking anything if it is to be written; then it counts
    /// as written.
    pub(in crate::memory) fn usable(&mut self, page: usize, writes: bool) -> Option<&Frame> {
        let can_write = self.owned.has(page) && !self.code.has(page);
        if !self.is_here(page, Held::Write) || self.frame(page).is_none() || writes && !can_write {
            return None;
        }
        self.touch(page);
        if writes {
            self.keep_base(page);
            self.written.insert(page);
        }
        self.frame(page)
    }

    /// Puts a page here that was elsewhere, or lets one be written that others read.
    pub(in crate::memory) fn arrive(
        &mut self,
        page: usize,
        held: Held,
        content: &Content,
        ctx: Context<'_>,
    ) -> Result<Result<(), Unsound>, Refusal> {
        if let Err(unsound) = self.take_in(page, content, ctx)? {
            return Ok(Err(unsound));
        }
        self.hold(page, held);
        Ok(Ok(()))
    }

    /// Puts a page here that is in the store under a name.
    pub(in crate::memory) fn arrive_stored(
        &mut self,
        page: usize,
        held: Held,
        name: BlobId,
        ctx: Context<'_>,
    ) {
        self.keep_in_store(page, Some(name));
        self.lose_code(page, ctx);
        self.hold(page, held);
    }

    /// A page is held so from now on, and known.
    fn hold(&mut self, page: usize, held: Held) {
        let spread = self.spread.get_or_insert_default();
        spread.bases.remove(&(page as u16));
        spread.away.remove(page);
        spread.idle.remove(page);
        spread.known.insert(page);
        match held {
            Held::Write => spread.shared.remove(page),
            Held::Read => spread.shared.insert(page),
            Held::Nothing => spread.away.insert(page),
        }
    }

    fn take_in(
        &mut self,
        page: usize,
        content: &Content,
        ctx: Context<'_>,
    ) -> Result<Result<(), Unsound>, Refusal> {
        match content {
            Content::Same => return Ok(Ok(())),
            Content::Zeroes if self.frame(page).is_none() => return Ok(Ok(())),
            Content::Lines(lines) if !lines.is_sound() => return Ok(Err(Unsound)),
            Content::Stored(_) => return Ok(Err(Unsound)), // it does not arrive here
            _ => {}
        }
        // Nobody has a pointer to it: it was withdrawn, and that was settled, or nobody was ever granted it.
        let frame = self.place_for(page, content, ctx)?;
        fill(frame.words(), content);
        self.written.insert(page);
        self.lose_code(page, ctx);
        Ok(Ok(()))
    }

    /// A page has other bytes now: instructions that were fetched from it count no more.
    fn lose_code(&mut self, page: usize, ctx: Context<'_>) {
        if self.code.has(page) {
            self.code.remove(page);
            own(&mut self.table).versions[page] = ctx.pool.next_version();
        }
    }

    /// The frame of a page, alone its own, with what it holds if part of that stays.
    fn place_for(&mut self, page: usize, content: &Content, ctx: Context<'_>) -> Result<&Frame, Refusal> {
        let table = own(&mut self.table);
        let place = &mut table.frames[page];
        if !place.as_ref().is_some_and(Frame::is_exclusive) {
            let fresh = take(ctx)?;
            match place {
                Some(old) => words::copy(old.words(), fresh.frame.words()),
                None if !content.is_complete() && !fresh.clean => words::clear(fresh.frame.words()),
                None => {}
            }
            *place = Some(fresh.frame);
        }
        self.absent.remove(page);
        self.owned.insert(page);
        Ok(place.as_ref().expect("it was just put there"))
    }

    /// Somebody uses a page.
    #[inline]
    pub(super) fn touch(&mut self, page: usize) {
        if let Some(spread) = &mut self.spread {
            spread.idle.remove(page);
        }
    }

    /// The first of some pages that has a frame.
    pub(in crate::memory) fn first_frame(&self, mut pages: Range<usize>) -> Option<usize> {
        let table = self.table.as_ref()?;
        pages.find(|page| table.frames[*page].is_some())
    }

    /// How much a page with a frame is used. If it was used, it is looked at from now on.
    pub(in crate::memory) fn look(&mut self, page: usize, ctx: Context<'_>) -> Use {
        if self.is_pinned(page) {
            return Use::Used;
        }
        let (lent, host) = (self.lent.has(page), self.frame(page).map(Frame::host));
        let spread = self.spread.get_or_insert_default();
        if spread.away.has(page) {
            return Use::Stale;
        }
        if spread.idle.has(page) {
            return Use::Idle;
        }
        spread.idle.insert(page);
        // It counts as lent nevertheless: readers have their pointers until they hear of this.
        if let Some(host) = host.filter(|_| lent) {
            ctx.revocations.push(Revocation::Page(host), None);
        }
        Use::Used
    }

    /// Whether nobody has used a page since it was looked at.
    pub(super) fn is_idle(&self, page: usize) -> bool {
        self.spread.as_ref().is_some_and(|spread| spread.idle.has(page))
    }

    /// Gives up what a page held when it was known last: what changed is told as a whole then.
    pub(super) fn forget_base(&mut self, page: usize) {
        if let Some(spread) = &mut self.spread {
            spread.bases.remove(&(page as u16));
        }
    }

    /// Gives up what a page once was; whether there was anything.
    pub(in crate::memory) fn forget(&mut self, page: usize) -> bool {
        if self.held(page) != Held::Nothing || self.is_pinned(page) {
            return false;
        }
        let Some(spread) = &mut self.spread else { return false };
        spread.known.remove(page);
        let was_stored = self.absent.has(page);
        self.owned.remove(page);
        self.written.insert(page);
        self.absent.remove(page);
        let frame = self.table.as_mut().and_then(|table| std::sync::Arc::make_mut(table).frames[page].take());
        was_stored || frame.is_some()
    }
}

fn bytes_of(frame: Option<&Frame>) -> PageBytes {
    let Some(frame) = frame else { return PageBytes::zero() };
    let mut bytes = PageBytes::blank();
    words::copy_out(frame.words(), &mut bytes);
    bytes
}

/// The lines in which two pages differ, a bit each.
fn lines_between(one: &[u8; PAGE], other: &[u8; PAGE]) -> u64 {
    let pairs = one.as_chunks::<LINE_BYTES>().0.iter().zip(other.as_chunks::<LINE_BYTES>().0);
    pairs.enumerate().fold(0, |lines, (number, (one, other))| lines | u64::from(one != other) << number)
}

/// Makes a page what a message says of it.
fn fill(words: &Words, content: &Content) {
    match content {
        Content::Same | Content::Stored(_) => {}
        Content::Zeroes => words::clear(words),
        Content::Whole(bytes) => words::write(words, 0, &bytes[..]),
        Content::Lines(lines) => {
            for (number, line) in lines.iter() {
                words::write(words, number * line.len(), line);
            }
        }
    }
}
