//! Pages that come and go: the protocol's wishes carried out on memory.

use std::collections::BTreeSet;
use std::sync::Weak;
use std::sync::atomic::Ordering;

use ironloom_core::{Duration, Instant};

use super::aside::Aside;
use super::mail::Mail;
use super::streams::Streams;
use super::{Host, Share};
use crate::cluster::{Epoch, HostId, HostSet};
use crate::coherence::{Coherence, Content, Held, Message, Output, Page, Released, Tell, Want};
use crate::computer::ComputerError;
use crate::memory::{Access, Memory, MemoryError, Pager, Revision};
use crate::{PAGE_BYTES, PageNumber};

/// Where pages are asked for and given away.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) coherence: Coherence,
    /// Pages that are given away as soon as nobody here uses them.
    releasing: Vec<Release>,
    /// The page that was missed last, and which will be next.
    missed: Option<Page>,
    streams: Streams,
    /// What is to be sent when all is done that is to be done now.
    mail: Mail,
    /// Pages that have come and for which there is no frame yet.
    pub(super) arrivals: Vec<Arrival>,
    /// Pages that no host has room for.
    pub(super) asides: Vec<Aside>,
    /// Where the search for pages that are not used goes on.
    pub(super) hand: PageNumber,
}

#[derive(Debug)]
struct Release {
    page: Page,
    keep: Held,
    tell: Option<Tell>,
    /// What must be settled first; `None` as long as the page itself has still to arrive.
    withdrawn: Option<Option<Revision>>,
}

/// A page on the doorstep.
#[derive(Debug)]
pub(super) struct Arrival {
    page: Page,
    held: Held,
    content: Content,
    since: Instant,
}

impl Arrival {
    /// Which page waits, and since when.
    pub(super) const fn waits(&self) -> (Page, Instant) {
        (self.page, self.since)
    }
}

impl Desk {
    pub(super) fn new(share: &Share, memory: &Memory) -> Self {
        let first = memory.base().get() / PAGE_BYTES;
        let loaded = |page: Page| !memory.is_dormant(PageNumber::new(first + u64::from(page.get())));
        let (here, owner) = (share.here, share.devices);
        if !share.hosts.contains(here) {
            memory.leave(|_| false);
            let alone = HostSet::EMPTY.with(here); // until it is a member
            let coherence =
                Coherence::join(share.coherence.clone(), Instant::ZERO, here, alone, Epoch::default());
            return Self::with(coherence, memory);
        }
        let coherence =
            Coherence::new(share.coherence.clone(), here, share.hosts, share.epoch, owner, loaded);
        let held: Vec<bool> =
            (0..share.coherence.pages).map(|page| coherence.held(Page::new(page)) != Held::Nothing).collect();
        memory.leave(|page| held[(page.get() - first) as usize]);
        Self::with(coherence, memory)
    }

    fn with(coherence: Coherence, memory: &Memory) -> Self {
        let hand = PageNumber::new(memory.base().get() / PAGE_BYTES);
        Self {
            coherence,
            releasing: Vec::new(),
            missed: None,
            streams: Streams::default(),
            mail: Mail::default(),
            arrivals: Vec::new(),
            asides: Vec::new(),
            hand,
        }
    }

    fn is_arriving(&self, page: Page) -> bool {
        self.arrivals.iter().any(|arrival| arrival.page == page)
    }

    /// What is under way, for who looks at a computer that stands still.
    pub(super) fn summary(&self) -> String {
        let (coherence, releasing) = (&self.coherence, &self.releasing);
        format!(
            "quiet {}, heard {}, settled {}, drained {}, releasing {releasing:?}",
            coherence.is_quiet(),
            coherence.is_heard(),
            coherence.is_settled(),
            coherence.is_drained(),
        )
    }
}

/// The way from memory to the host that gets its pages. It does not keep the host, which keeps the memory.
#[derive(Debug)]
pub(super) struct Door(pub(super) Weak<Host>);

impl Pager for Door {
    fn bring(&self, page: PageNumber, access: Access) -> Result<(), MemoryError> {
        let host = self.0.upgrade().ok_or(MemoryError::Lost { page })?;
        let mut held = host.want(page, access) || host.linger(page, access);
        host.yard.news.wait_until(|| {
            held = held || host.want(page, access);
            held || host.ended().is_some() || host.has_failed()
        });
        // A device that still waits when the computer ends gets nothing more.
        if held { Ok(()) } else { Err(MemoryError::Lost { page }) }
    }

    fn expect(&self, pages: &[PageNumber]) {
        let Some(host) = self.0.upgrade().filter(|_| !pages.is_empty()) else { return };
        let now = host.clock.now();
        let pages: Vec<Page> = pages.iter().map(|page| host.page(*page)).collect();
        let mut desk = host.desk.lock();
        desk.coherence.want_ahead(now, &pages, Want::Write);
        host.drive(&mut desk, now);
    }

    fn make_room(&self, page: PageNumber) -> Result<(), MemoryError> {
        let host = self.0.upgrade().ok_or(MemoryError::Lost { page })?;
        let wait = host.wait_for_room(page);
        let mut has_room = false;
        host.yard.news.wait_until(|| {
            has_room = host.has_room();
            has_room || wait.is_over() || host.ended().is_some() || host.has_failed()
        });
        if has_room { Ok(()) } else { Err(host.full(page)) }
    }
}

impl Host {
    pub(super) fn page(&self, page: PageNumber) -> Page {
        let first = self.memory.base().get() / PAGE_BYTES;
        Page::new(u32::try_from(page.get() - first).expect("a page of this memory"))
    }

    pub(super) fn number(&self, page: Page) -> PageNumber {
        PageNumber::new(self.memory.base().get() / PAGE_BYTES + u64::from(page.get()))
    }

    /// Asks for a page, unless it is here, which it says. Who waits asks again and again, for what came may be gone.
    pub(in crate::computer) fn want(&self, page: PageNumber, access: Access) -> bool {
        let want = if access == Access::Write { Want::Write } else { Want::Read };
        let now = self.clock.now();
        let mut desk = self.desk.lock();
        let number = self.page(page);
        let held = desk.coherence.want(now, number, want) && !desk.is_arriving(number);
        if !held && desk.missed.replace(number) != Some(number) {
            self.want_next(&mut desk, now, number, want);
        }
        self.drive(&mut desk, now);
        // One that is just given away is held as far as the protocol knows; who wants it is told when it is gone.
        self.is_held(page, access)
    }

    /// Asks for the pages that will be missed after this one, if that can be told.
    ///
    /// Not for those that were here and were taken away: hosts that use the same few pages one after another would take
    /// them from each other before anybody has used them.
    fn want_next(&self, desk: &mut Desk, now: Instant, missed: Page, want: Want) {
        let pages = self.share.coherence.pages;
        let next = desk.streams.missed(missed.get()).filter(|page| *page < pages).map(Page::new);
        let next: Vec<Page> = next.filter(|page| !desk.coherence.is_kept(*page)).collect();
        if !next.is_empty() && !self.is_short() {
            desk.coherence.want_ahead(now, &next, want);
        }
    }

    /// Waits a moment for a page that was asked for, because to sleep and be woken takes about as long as a page does;
    /// whether it has come.
    ///
    /// Not for one that was here and was taken away: where hosts take pages from each other, whoever sleeps until he is woken
    /// lets the other get something done.
    pub(in crate::computer) fn linger(&self, page: PageNumber, access: Access) -> bool {
        /// About what a page takes between two processes of one computer.
        const MOMENT: Duration = Duration::from_micros(100);
        if self.was_taken_away(page) {
            return false;
        }
        let until = self.clock.now().saturating_add(MOMENT);
        loop {
            if self.is_held(page, access) {
                return true;
            }
            if self.clock.now() >= until {
                return false;
            }
            std::thread::yield_now();
        }
    }

    fn was_taken_away(&self, page: PageNumber) -> bool {
        let (desk, page) = (self.desk.lock(), self.page(page));
        desk.coherence.held(page) == Held::Nothing && desk.coherence.is_kept(page)
    }

    /// Whether a page is here.
    pub(in crate::computer) fn is_held(&self, page: PageNumber, access: Access) -> bool {
        self.memory.held(page) >= if access == Access::Write { Held::Write } else { Held::Read }
    }

    /// Whether this host cannot go on.
    pub(in crate::computer) fn has_failed(&self) -> bool {
        self.failed.lock().is_some()
    }

    /// Why this host cannot go on, once.
    pub(in crate::computer) fn failure(&self) -> Option<ComputerError> {
        self.failed.lock().take()
    }

    /// Deals with what another host says of a page.
    pub(super) fn receive_page(&self, from: HostId, message: Message) {
        let now = self.clock.now();
        let mut desk = self.desk.lock();
        let supply = self.supply(from, &message);
        match desk.coherence.receive(now, from, message) {
            Ok(()) => supply.into_iter().for_each(|supply| self.note_supply(supply)),
            Err(_) => self.refused.add(1),
        }
        self.drive(&mut desk, now);
    }

    /// Gives away what nobody here uses any more. Whoever forgets pointers to pages calls this.
    pub(in crate::computer) fn settle(&self) {
        if self.releasing.load(Ordering::SeqCst) {
            let now = self.clock.now();
            self.drive(&mut self.desk.lock(), now);
        }
    }

    /// Gives all pages away.
    pub(super) fn give_pages_away(&self, now: Instant) {
        let mut desk = self.desk.lock();
        desk.coherence.drain(now);
        self.drive(&mut desk, now);
    }

    /// Whether all pages were given away.
    pub(super) fn has_no_pages(&self) -> bool {
        self.desk.lock().coherence.is_drained()
    }

    /// Lets transactions end and begins none.
    pub(super) fn quiesce_pages(&self) {
        self.desk.lock().coherence.quiesce();
    }

    /// Whether no transaction is under way here, and all that was said was heard.
    pub(super) fn are_pages_quiet(&self) -> bool {
        let desk = self.desk.lock();
        let settled = desk.releasing.is_empty() && desk.arrivals.is_empty();
        desk.coherence.is_quiet() && desk.coherence.is_heard() && settled
    }

    /// Whether all pages are where they are held.
    pub(super) fn are_pages_idle(&self) -> bool {
        let desk = self.desk.lock();
        desk.coherence.is_idle() && desk.releasing.is_empty()
    }

    /// Other hosts make up the computer from now on.
    pub(super) fn begin_pages(&self, now: Instant, epoch: Epoch, hosts: HostSet) {
        let mut desk = self.desk.lock();
        if desk.coherence.epoch() == Epoch::default() {
            let config = self.share.coherence.clone();
            desk.coherence = Coherence::join(config, now, self.share.here, hosts, epoch);
        } else {
            desk.coherence.begin_epoch(now, epoch, hosts);
        }
        self.drive(&mut desk, now);
    }

    /// Whether all hosts have said what they have in this epoch.
    pub(super) fn are_pages_settled(&self) -> bool {
        self.desk.lock().coherence.is_settled()
    }

    /// Begins transactions again.
    pub(super) fn resume_pages(&self, now: Instant) {
        let mut desk = self.desk.lock();
        desk.coherence.resume(now);
        self.drive(&mut desk, now);
    }

    /// Does what is due; when something will be next.
    pub(super) fn wake_pages(&self, now: Instant) -> Option<Instant> {
        let mut desk = self.desk.lock();
        desk.coherence.wake(now);
        self.carry_out_all(&mut desk, now);
        Self::next_look(&desk, now)
    }

    fn next_look(desk: &Desk, now: Instant) -> Option<Instant> {
        /// How often it is looked whether a device is through with a page.
        const PINNED: Duration = Duration::from_millis(1);
        let pinned = (!desk.releasing.is_empty()).then(|| now.saturating_add(PINNED));
        desk.coherence.next_event().into_iter().chain(pinned).min()
    }

    /// Carries out what the protocol wants until it wants nothing more.
    fn drive(&self, desk: &mut Desk, now: Instant) {
        self.carry_out_all(desk, now);
        if let Some(event) = Self::next_look(desk, now) {
            self.sleep_no_longer_than(event, now);
        }
    }

    pub(super) fn carry_out_all(&self, desk: &mut Desk, now: Instant) {
        let mut news = false;
        loop {
            while let Some(output) = desk.coherence.poll() {
                news |= self.carry_out(desk, now, output);
            }
            self.releasing.store(!desk.releasing.is_empty(), Ordering::SeqCst);
            if !self.release(desk, now) {
                break;
            }
            news = true; // for who waits to ask for it again
        }
        desk.mail.send(&*self.post);
        self.note_held(desk.coherence.held_pages());
        if news {
            self.yard.news.notify_all();
        }
    }

    /// Whether somebody may wait for what was done.
    fn carry_out(&self, desk: &mut Desk, now: Instant, output: Output) -> bool {
        match output {
            Output::Send { to, message } => {
                desk.mail.add(to, message);
                if desk.mail.is_large() {
                    desk.mail.send(&*self.post);
                }
                false
            }
            Output::Install { page, held, content } => {
                self.note_coming(now, page, &content);
                let arrival = Arrival { page, held, content, since: now };
                // What comes after a page that waits rests on it: perhaps that it may be written too.
                let waits = desk.is_arriving(page) || !self.arrive(&arrival);
                if waits {
                    desk.arrivals.push(arrival);
                    self.note_late(now);
                }
                !waits
            }
            Output::Release { page, keep, tell } => {
                let mut release = Release { page, keep, tell, withdrawn: None };
                if self.is_over(desk, &mut release) {
                    self.give(desk, now, &release);
                } else {
                    desk.releasing.push(release);
                    self.yard.ring();
                }
                false
            }
            Output::Forget { page } => {
                self.memory.forget(self.number(page));
                false
            }
            Output::Lost { page, .. } => {
                self.fail(MemoryError::Lost { page: self.number(page) }.into());
                true
            }
        }
    }

    /// Gives away what nobody here uses any more; whether there was anything.
    fn release(&self, desk: &mut Desk, now: Instant) -> bool {
        let (over, left) = std::mem::take(&mut desk.releasing)
            .into_iter()
            .map(|mut release| (self.is_over(desk, &mut release), release))
            .partition::<Vec<_>, _>(|(over, _)| *over);
        desk.releasing = left.into_iter().map(|(_, release)| release).collect();
        for (_, release) in &over {
            self.give(desk, now, release);
        }
        !over.is_empty()
    }

    /// Withdraws a page, if it is here by now; whether nobody here uses it any more.
    fn is_over(&self, desk: &Desk, release: &mut Release) -> bool {
        let number = self.number(release.page);
        if release.withdrawn.is_none() && !desk.is_arriving(release.page) {
            release.withdrawn = Some(self.memory.withdraw(number, release.keep));
        }
        let Some(revision) = release.withdrawn else { return false };
        revision.is_none_or(|revision| self.memory.is_settled(revision)) && !self.memory.is_pinned(number)
    }

    /// Puts a page where harts find it; `false` if there is no frame for it.
    fn arrive(&self, arrival: &Arrival) -> bool {
        match self.memory.arrive(self.number(arrival.page), arrival.held, &arrival.content) {
            Ok(()) => true,
            Err(MemoryError::Full { .. }) => false,
            Err(error) => {
                self.fail(error.into());
                true
            }
        }
    }

    /// Lets pages in that waited for frames; how many.
    pub(super) fn let_in(&self, desk: &mut Desk) -> usize {
        let before = desk.arrivals.len();
        let mut waiting = BTreeSet::new();
        desk.arrivals.retain(|arrival| {
            let waits = waiting.contains(&arrival.page) || !self.arrive(arrival);
            if waits {
                waiting.insert(arrival.page);
            }
            waits
        });
        before - desk.arrivals.len()
    }

    fn give(&self, desk: &mut Desk, now: Instant, release: &Release) {
        self.note_leaving(now, release.page);
        match self.memory.tell(self.number(release.page), release.tell) {
            Ok(told) => {
                let released = Released { content: told.content, changed: told.changed };
                desk.coherence.released(now, release.page, released);
                if self.is_short() {
                    self.forget(desk, release.page);
                }
            }
            Err(error) => self.fail(error.into()),
        }
    }
}
