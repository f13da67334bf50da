//! [`Balloon`]: memory that the guest does without as long as the world wants it to.
//!
//! The guest gives pages up and takes them back, so that it has as much memory as its hosts have room for: pages in the
//! balloon are zeroes that take none. The device says how many pages are to be in it; the driver names those that it
//! puts there, and those that it takes out.
//!
//! Of the features, `MUST_TELL_HOST` is offered: a page is counted as given until the driver has said that it takes it
//! out, so a guest never uses more than is known. `DEFLATE_ON_OOM` is not: with it a guest that runs short takes pages out
//! unasked, which may be more than all hosts together have room for, and then it ends for good. Without, it has to
//! make do with what it has, as on any computer; and its kernel counts the pages out of its memory altogether, so that
//! they come and go like modules of memory.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};

use super::ring::{Chain, Ring};
use super::{Broken, Left, Turn};
use crate::board::DeviceMemory;
use crate::{PAGE_BYTES, PageNumber};

/// The bit of the feature that a driver tells before it takes pages out; the bindings do not name it.
const MUST_TELL_HOST: u64 = 1 << 0;

/// The ring of pages that are given up; the other one is that of pages that are taken back.
const INFLATE: usize = 0;

/// The most pages that one request names; Linux names 256. What is more than that stays as it is.
const REQUEST_PAGES_MAX: usize = 1_024;

/// How many bytes name a page.
const NAME_BYTES: usize = 4;

/// Where the driver says how many pages it has put into the balloon.
const SAID: u64 = 4;

/// How many pages there are for each word of a set.
const WORD_PAGES: u32 = u64::BITS;

/// How much memory a guest is to do without, and how much it does without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalloonSize {
    /// How many bytes are to be in the balloon.
    pub wanted: u64,
    /// How many bytes the guest has put there.
    pub given: u64,
}

/// A device by which a guest gives memory up.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub(in crate::board) struct Balloon {
    /// The first page of memory.
    first: u64,
    /// How many pages memory has.
    pages: u32,
    /// How many are to be given up.
    wanted: u32,
    /// How many the driver says it has given up.
    said: u32,
    /// Which were given up: a bit for each, and only words that are not zero.
    given: BTreeMap<u32, u64>,
}

impl Balloon {
    /// The balloon of a computer with so many bytes of memory.
    pub(in crate::board) fn new(memory: u64, bytes: u64) -> Self {
        Self {
            first: memory / PAGE_BYTES,
            pages: u32::try_from(bytes / PAGE_BYTES).unwrap_or(u32::MAX),
            wanted: 0,
            said: 0,
            given: BTreeMap::new(),
        }
    }

    /// Whether it is one of a computer with such memory.
    pub(in crate::board) fn is_sound(&self, memory: u64, bytes: u64) -> bool {
        let Self { first, pages, .. } = Self::new(memory, bytes);
        let last = |(word, bits): (&u32, &u64)| {
            let highest = u64::from(WORD_PAGES - 1).checked_sub(bits.leading_zeros().into())?;
            Some(u64::from(*word) * u64::from(WORD_PAGES) + highest)
        };
        (self.first, self.pages) == (first, pages)
            && self.wanted <= pages
            && self.given.iter().all(|word| last(word).is_some_and(|last| last < u64::from(pages)))
    }

    /// How large it is.
    pub(in crate::board) fn size(&self) -> BalloonSize {
        let given: u64 = self.given.values().map(|bits| u64::from(bits.count_ones())).sum();
        BalloonSize { wanted: u64::from(self.wanted) * PAGE_BYTES, given: given * PAGE_BYTES }
    }

    /// Wants so many bytes to be in it, as far as there are whole pages.
    pub(in crate::board) fn want(&mut self, bytes: u64) {
        self.wanted = u32::try_from(bytes / PAGE_BYTES).unwrap_or(u32::MAX).min(self.pages);
    }

    pub(super) const fn features() -> u64 {
        MUST_TELL_HOST
    }

    /// What it tells about itself.
    pub(super) fn about(&self) -> Vec<u8> {
        [self.wanted, self.said].map(u32::to_le_bytes).concat()
    }

    /// The driver writes what it has to tell.
    pub(super) const fn hear(&mut self, place: u64, width: u8, value: u32) {
        if place == SAID && width as usize == size_of::<u32>() {
            self.said = value;
        }
    }

    /// There is no driver any more that could take pages out: whoever comes next has them all.
    pub(super) fn reset(&mut self) {
        self.said = 0;
        self.given.clear();
    }

    pub(super) fn serve<M: DeviceMemory>(
        &mut self,
        ring: &mut Ring,
        which: usize,
        memory: &M,
        turn: &mut Turn,
    ) -> Result<Left, Broken> {
        let mut chain = Chain::default();
        while !turn.is_over() {
            if !ring.take(memory, &mut chain)? {
                return Ok(Left::Idle);
            }
            let pages = self.names(memory, &chain)?;
            if which == INFLATE {
                memory.give_up(&pages).map_err(|_| Broken)?;
            }
            for page in &pages {
                self.note(*page, which == INFLATE);
            }
            ring.push(memory, &chain, 0)?;
            turn.spend(pages.len() as u64 * PAGE_BYTES);
        }
        Ok(Left::Work)
    }

    /// The pages of memory that a request names.
    fn names<M: DeviceMemory>(&self, memory: &M, chain: &Chain) -> Result<Vec<PageNumber>, Broken> {
        let mut bytes = [0; REQUEST_PAGES_MAX * NAME_BYTES];
        let mut span = chain.readable();
        span.truncate(bytes.len() as u64);
        let named = &mut bytes[..span.len() as usize];
        span.read(memory, named)?;
        let names = named.as_chunks::<NAME_BYTES>().0.iter().map(|name| u32::from_le_bytes(*name));
        Ok(names
            .map(|name| PageNumber::new(name.into()))
            .filter(|page| self.place(*page).is_some())
            .collect())
    }

    /// Which page of memory a page is.
    fn place(&self, page: PageNumber) -> Option<u32> {
        let place = page.get().checked_sub(self.first)?;
        u32::try_from(place).ok().filter(|place| *place < self.pages)
    }

    /// Notes that a page is in the balloon, or is not.
    fn note(&mut self, page: PageNumber, is_given: bool) {
        let Some(place) = self.place(page) else { return };
        let (word, bit) = (place / WORD_PAGES, 1 << (place % WORD_PAGES));
        let bits = self.given.entry(word).or_default();
        *bits = if is_given { *bits | bit } else { *bits & !bit };
        if *bits == 0 {
            self.given.remove(&word);
        }
    }
}
