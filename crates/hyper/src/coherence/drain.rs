//! Giving pages back: one by one because memory is short, or all because this host leaves.
//!
//! Who gives a page asks its home to take it, and has it until that does so, like any other host that wants it. So there
//! is no way by which a page could be nowhere. The home of a page that has it cannot give it back to itself; if it leaves,
//! it asks the host that will be home without it, and if it has no room, one that is known to have some.

use ironloom_core::Instant;

use super::homes::home_among;
use super::message::Body;
use super::plan::Seen;
use super::{Coherence, Held, Page, Refused, Want};
use crate::cluster::{HostId, HostSet};

/// This host leaves.
#[derive(Debug, Clone, Default, Hash)]
pub(super) struct Drain {
    /// Where the search for what is held goes on.
    next: u32,
}

impl Coherence {
    /// Memory is short here: a page that is held is to be given back to its home.
    ///
    /// [`Output::Release`](super::Output::Release) follows when the home takes it, and afterwards its bytes may be
    /// [forgotten](Self::forget). Returns `false`, and nothing happens, if it is not held, was asked for, or has its
    /// home here, nobody else has it, and no other host [has room](Self::set_roomy).
    ///
    /// # Panics
    ///
    /// If there is no such page.
    pub fn evict(&mut self, now: Instant, page: Page) -> bool {
        if self.held(page) == Held::Nothing || self.requests.is_asked(page) || self.quiesced {
            return false;
        }
        let last = matches!(self.directory.seen(page, self.here), Seen::OwnedByAsker | Seen::SharedByAsker);
        if last && self.homes.of(page) == self.here && self.roomy.without(self.here).is_empty() {
            return false;
        }
        self.give_back(now, page);
        self.settle_inbox(now);
        true
    }

    /// These hosts have room for more pages. A home that is not among them lets one of them take what it is given back.
    ///
    /// As long as none is, all homes take what they are given.
    pub const fn set_roomy(&mut self, hosts: HostSet) {
        self.roomy = hosts;
    }

    /// How many pages are on their way back, because they were evicted or this host leaves.
    #[must_use]
    pub fn giving_pages(&self) -> usize {
        self.giving.len()
    }

    /// Who takes a page for this host, its home, which has no room for it.
    pub(super) fn shelter(&self, page: Page, giver: HostId) -> Option<HostId> {
        let others =
            HostSet::from_bits(self.roomy.bits() & self.hosts.bits()).without(self.here).without(giver);
        let needed = giver == self.here || !self.roomy.contains(self.here);
        (needed && !others.is_empty()).then(|| home_among(&self.config, page, others))
    }

    fn give_back(&mut self, now: Instant, page: Page) {
        if self.giving.insert(page) {
            self.counters.evictions += 1;
            self.say(now, self.homes.of(page), Body::Give { page });
        }
    }

    /// This host leaves: it gives back everything, a few pages at a time, also what comes yet.
    ///
    /// When it [is drained](Self::is_drained), it may be left out of the next epoch. A host that is alone cannot leave.
    pub fn drain(&mut self, now: Instant) {
        self.drain.get_or_insert_default();
        self.settle_inbox(now);
    }

    /// Whether this host leaves and has nothing any more.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.drain.is_some() && self.held_pages() == 0 && self.requests.is_idle()
    }

    /// Gives back more, if this host leaves and too little is on its way; whether this host has said something to itself.
    pub(super) fn drain_on(&mut self, now: Instant) -> bool {
        let Some(Drain { next }) = self.drain else { return false };
        if self.quiesced || self.settling.is_some() || self.hosts.len() == 1 {
            return false;
        }
        let (pages, mut cursor, mut searched) = (self.config.pages, next, 0);
        while self.giving.len() < self.config.drain_max as usize
            && self.giving.len() < self.held_pages() as usize
            && searched < pages
        {
            let page = Page::new(cursor);
            if self.held(page) != Held::Nothing && !self.requests.is_asked(page) {
                self.give_back(now, page);
            }
            cursor = (cursor + 1) % pages;
            searched += 1;
        }
        self.drain = Some(Drain { next: cursor });
        self.has_said_to_itself()
    }

    /// Who takes over from this host, if it leaves.
    pub(super) fn heir(&self, page: Page) -> Option<HostId> {
        let others = self.hosts.without(self.here);
        (self.drain.is_some() && !others.is_empty()).then(|| home_among(&self.config, page, others))
    }

    /// The home of a page leaves and asks this host to take it.
    pub(super) fn on_take(&mut self, now: Instant, from: HostId, page: Page) -> Result<(), Refused> {
        if from != self.homes.of(page) {
            return Err(Refused::OutOfState);
        }
        if self.held(page) != Held::Write {
            self.ask(now, page, Want::Write, true);
        }
        Ok(())
    }
}
