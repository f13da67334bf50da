//! Pages that harts of several hosts write by turns, each its own lines: used where they are instead of going round.
//!
//! A page is *falsely shared* if hosts write different lines of it in turns; if they write the same line they share what is
//! in it, and the page has to go to who writes. Which it is is seen by who loses a page and gets it back: the lines that
//! were written here until it left, and those that differ when it comes again. So [`Turns`] is a table of this host, made
//! of what passes through its hands anyway, and the home knows nothing of it.
//!
//! What a hart then wants of such a page while another host holds it, a single load, store or atomic operation, is done
//! by that host ([`Operation`]): the letter goes to the page's home, which does it, or sends it on to the one holder.
//! Whoever may not write the page at that instant answers that it did nothing, and the page is fetched.

use std::sync::Arc;

use ironloom_core::metrics::Counter;
use ironloom_core::{Duration, Instant};
use parking_lot::Mutex;

use super::Host;
use super::message::{Operation, Text, Ticket};
use crate::PageNumber;
use crate::cluster::HostId;
use crate::coherence::{Content, Page};
use crate::hart::Reservations;
use crate::memory::Act;

/// When harts use a falsely shared page where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteConfig {
    /// After how many turns in which other lines were written elsewhere than here the page is taken to be falsely shared.
    /// If none are needed, every page that leaves is: a test of operations, and of nothing else.
    pub turns: u8,
    /// A page that comes back later than this was not taken in turns.
    pub within: Duration,
    /// After so many operations the page is fetched, and has to be found falsely shared once more.
    pub operations: u32,
    /// How many operations may follow each other closely. If there are more, the page is worth having here, and twice as
    /// many turns are needed from then on.
    pub burst_max: u8,
    /// How much of a hart's time is between operations that do not follow each other closely.
    pub gap: Duration,
    /// How many pages are watched at a time.
    pub pages_max: usize,
}

impl Default for RemoteConfig {
    fn default() -> Self {
        Self {
            turns: 4,
            within: Duration::from_millis(20),
            operations: 1_024,
            burst_max: 8,
            gap: Duration::from_micros(20),
            pages_max: 1_024,
        }
    }
}

/// What was done with pages that other hosts hold, and here for other hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RemoteCounters {
    /// How often a page was found to be falsely shared.
    pub found: u64,
    /// Operations of harts here that were done elsewhere.
    pub done: u64,
    /// Operations of harts here that nobody did: then the page was fetched.
    pub refused: u64,
    /// Operations of harts elsewhere that were done here.
    pub served: u64,
    /// How often a page was fetched because operations followed each other closely.
    pub bursts: u64,
}

/// What this host knows of such pages, and who reserved what in those that are here.
#[derive(Debug)]
pub(super) struct Remote {
    turns: Option<Mutex<Turns>>,
    reservations: Mutex<Option<Arc<Reservations>>>,
    done: Counter,
    refused: Counter,
    served: Counter,
}

impl Remote {
    pub(super) fn new(config: Option<&RemoteConfig>) -> Self {
        Self {
            turns: config.map(|config| Mutex::new(Turns::new(*config))),
            reservations: Mutex::default(),
            done: Counter::new(),
            refused: Counter::new(),
            served: Counter::new(),
        }
    }
}

impl Host {
    /// What was done with pages where they are, since this host began.
    #[must_use]
    pub fn remote_counters(&self) -> RemoteCounters {
        let Remote { turns, done, refused, served, .. } = &self.remote;
        let (found, bursts) = turns.as_ref().map_or((0, 0), |turns| {
            let turns = turns.lock();
            (turns.found, turns.bursts)
        });
        RemoteCounters { found, bursts, done: done.value(), refused: refused.value(), served: served.value() }
    }

    /// Where harts that run here keep their reservations.
    pub(in crate::computer) fn reserve_in(&self, reservations: Option<Arc<Reservations>>) {
        *self.remote.reservations.lock() = reservations;
    }

    /// Notes what a page is that is about to leave.
    pub(super) fn note_leaving(&self, now: Instant, page: Page) {
        if let Some(turns) = &self.remote.turns {
            let lines = self.memory.lines_written(self.number(page));
            turns.lock().left(now, page, lines);
        }
    }

    /// Notes what a page is that is about to come.
    pub(super) fn note_coming(&self, now: Instant, page: Page, content: &Content) {
        if let Some(turns) = &self.remote.turns {
            let lines = self.memory.lines_unlike(self.number(page), content);
            turns.lock().came(now, page, lines);
        }
    }

    /// Whether a hart, at its time, is to use a page where it is.
    pub(in crate::computer) fn is_used_there(&self, page: PageNumber, at: Instant) -> bool {
        let Some(turns) = &self.remote.turns else { return false };
        turns.lock().operates(self.clock.now(), self.page(page), at)
    }

    /// Has an operation done by who holds the page; [`Host::answer`] is what comes of it. `None` if nobody is known to.
    pub(in crate::computer) fn operate(&self, at: Instant, operation: Operation) -> Option<u64> {
        let page = self.page(operation.address().page());
        let home = self.desk.lock().coherence.home(page);
        let is_home = home == self.share.here;
        let to = if is_home { self.holder_elsewhere(page)? } else { home };
        let ticket = self.open_question();
        self.write(self.desk_of(to), at, Text::Operate { operation, sent_on: is_home, ticket });
        Some(ticket.number)
    }

    /// Notes whether an operation was done.
    pub(in crate::computer) fn note_operation(&self, page: PageNumber, done: bool) {
        if done {
            return self.remote.done.add(1);
        }
        self.remote.refused.add(1);
        if let Some(turns) = &self.remote.turns {
            turns.lock().refused(self.page(page));
        }
    }

    /// The one other host that holds a page whose home is here.
    fn holder_elsewhere(&self, page: Page) -> Option<HostId> {
        let holders = self.desk.lock().coherence.holders(page)?;
        holders.first().filter(|holder| holders.len() == 1 && *holder != self.share.here)
    }

    /// Does what a hart elsewhere wants of memory, or sends it on to who can; what is to be written to whom.
    pub(super) fn serve(&self, operation: Operation, sent_on: bool, ticket: Ticket) -> Option<(u8, Text)> {
        let Some(page) = self.check(&operation, ticket) else {
            self.refused.add(1);
            return None;
        };
        let value = self.carry_out_here(&operation);
        if value.is_none()
            && !sent_on
            && let Some(holder) = self.holder_elsewhere(page)
        {
            return Some((self.desk_of(holder), Text::Operate { operation, sent_on: true, ticket }));
        }
        self.remote.served.add(u64::from(value.is_some()));
        Some((ticket.desk, Text::Done(ticket.number, value)))
    }

    /// The page of an operation, if a host would ask for it.
    fn check(&self, operation: &Operation, ticket: Ticket) -> Option<Page> {
        let is_sound = operation.is_sound() && self.is_desk(ticket.desk);
        let inside = self.memory.contains(operation.address(), u64::from(operation.width));
        (is_sound && inside).then(|| self.page(operation.address().page()))
    }

    /// Does an operation, if the page is here and may be written.
    ///
    /// It is one of this host's accesses, between those of its harts: they lose what they reserved there if it stores.
    fn carry_out_here(&self, operation: &Operation) -> Option<u64> {
        let Operation { act, width, .. } = *operation;
        let table = self.remote.reservations.lock().clone();
        let address = operation.address();
        self.memory.operate(address, act != Act::Load, |word| match (act, &table) {
            (Act::Load, _) => word.load(width),
            (_, Some(table)) => table.store_from_outside(word.number(), || word.change(act, width)),
            (_, None) => word.change(act, width),
        })
    }
}

/// What this host knows of pages that come and go: a table of fixed size, in which a page has one place.
#[derive(Debug)]
struct Turns {
    config: RemoteConfig,
    places: Box<[Option<Watched>]>,
    found: u64,
    bursts: u64,
}

/// What is known of a page.
#[derive(Debug, Clone)]
struct Watched {
    page: Page,
    /// The lines that were written here until it left.
    lines: u64,
    /// When it left, or was used elsewhere last.
    since: Instant,
    /// In how many turns after one another other lines were written elsewhere than here.
    turns: u8,
    /// How many of them it takes.
    needed: u8,
    /// How it is used while it is elsewhere, if it is falsely shared.
    uses: Option<Uses>,
}

#[derive(Debug, Clone, Copy)]
struct Uses {
    left: u32,
    /// How many followed each other closely, and the hart's time of the last one.
    close: u8,
    last: Instant,
}

impl Turns {
    fn new(config: RemoteConfig) -> Self {
        let places = vec![None; config.pages_max.max(1)].into();
        Self { config, places, found: 0, bursts: 0 }
    }

    fn place(&mut self, page: Page) -> &mut Option<Watched> {
        let places = self.places.len();
        &mut self.places[page.get() as usize % places]
    }

    fn watched(&mut self, page: Page) -> Option<&mut Watched> {
        self.place(page).as_mut().filter(|watched| watched.page == page)
    }

    /// A page leaves, of which these lines were written here. A page that was not seen for longer makes room for it.
    fn left(&mut self, now: Instant, page: Page, lines: u64) {
        let config = self.config;
        if lines == 0 && config.turns > 0 {
            return;
        }
        let place = self.place(page);
        match place {
            Some(watched) if watched.page == page => (watched.lines, watched.since) = (lines, now),
            Some(other) if now.saturating_since(other.since) <= config.within => return,
            _ => {
                let needed = config.turns;
                *place = Some(Watched { page, lines, since: now, turns: 0, needed, uses: None });
            }
        }
        if config.turns == 0 {
            self.find(page);
        }
    }

    /// A page comes, of which these lines were written elsewhere since it left.
    fn came(&mut self, now: Instant, page: Page, lines: u64) {
        let config = self.config;
        let Some(watched) = self.watched(page) else { return };
        if lines == 0 || watched.lines == 0 {
            return; // somebody only read, and nothing follows from that
        }
        let falsely = watched.lines & lines == 0;
        watched.lines = 0;
        if !falsely || now.saturating_since(watched.since) > config.within {
            (watched.turns, watched.uses) = (0, None);
            return;
        }
        watched.turns = watched.turns.saturating_add(1);
        if watched.turns >= watched.needed {
            self.find(page);
        }
    }

    /// A page is falsely shared.
    fn find(&mut self, page: Page) {
        let left = self.config.operations;
        if let Some(watched) = self.watched(page).filter(|watched| watched.uses.is_none()) {
            watched.uses = Some(Uses { left, close: 0, last: Instant::ZERO });
            self.found += 1;
        }
    }

    /// Whether a hart's next operation on a page that is elsewhere is to be done there.
    fn operates(&mut self, now: Instant, page: Page, at: Instant) -> bool {
        let config = self.config;
        let Some(watched) = self.watched(page) else { return false };
        let Some(uses) = &mut watched.uses else { return false };
        // Harts' times differ by a little, so one may be before the last.
        let close = uses.close > 0 && at.saturating_since(uses.last) < config.gap;
        uses.close = if close { uses.close.saturating_add(1) } else { 1 };
        (uses.last, watched.since) = (at, now);
        if uses.close > config.burst_max {
            (watched.uses, watched.turns) = (None, 0);
            watched.needed = watched.needed.saturating_mul(2);
            self.bursts += 1;
            return false;
        }
        if uses.left == 0 {
            watched.needed = config.turns;
            watched.give_up();
            return false;
        }
        uses.left -= 1;
        true
    }

    /// Nobody did an operation.
    fn refused(&mut self, page: Page) {
        if let Some(watched) = self.watched(page) {
            watched.give_up();
        }
    }
}

impl Watched {
    /// The page is fetched; one more turn is to show that it is still falsely shared.
    fn give_up(&mut self) {
        (self.uses, self.turns) = (None, self.needed.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests;
