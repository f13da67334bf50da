//! [`Coherence`]: the protocol of one host, as a state machine.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use ironloom_core::Instant;

use super::counters::Counters;
use super::directory::Directory;
use super::drain::Drain;
use super::duties::Duties;
use super::entry::{Copied, Entry, Standing};
use super::epoch::Settling;
use super::homes::Homes;
use super::link::{Link, Untimely};
use super::message::{Body, Message};
use super::requests::{Granted, Requests};
use super::{CoherenceConfig, Content, Held, Output, Page, Refused, Version, Want};
use crate::cluster::{Epoch, HostId, HostSet};

/// How many messages of a membership that has not begun here are set aside.
const EARLY_MAX: usize = 1_024;

/// One host's part in keeping the pages of a machine coherent.
///
/// It is the home of some pages and says there who may have them, and it has copies of some and says what harts here may
/// do. It is told the time, what harts want, what other hosts say and when access was taken away. After each call
/// [`poll`](Self::poll) is to be drained.
///
/// ```
/// use ironloom_core::Instant;
/// use ironloom_hyper::cluster::{Epoch, HostId, HostSet};
/// use ironloom_hyper::coherence::{Coherence, CoherenceConfig, Held, Output, Page, Want};
///
/// let here = HostId::new(0).unwrap();
/// let hosts = HostSet::EMPTY.with(here);
/// let mut coherence =
///     Coherence::new(CoherenceConfig::new(16), here, hosts, Epoch::default(), here, |_| false);
/// assert!(!coherence.want(Instant::ZERO, Page::new(3), Want::Read));
/// // Nobody ever had it, so it is granted here, as zeroes.
/// assert!(matches!(coherence.poll(), Some(Output::Install { held: Held::Write, .. })));
/// assert!(coherence.want(Instant::ZERO, Page::new(3), Want::Write));
/// ```
#[derive(Debug, Clone)]
pub struct Coherence {
    pub(super) config: CoherenceConfig,
    pub(super) here: HostId,
    pub(super) hosts: HostSet,
    pub(super) epoch: Epoch,
    pub(super) homes: Homes,
    pub(super) links: BTreeMap<HostId, Link>,
    /// What this host says to itself.
    pub(super) inbox: VecDeque<Arc<Body>>,
    pub(super) outputs: VecDeque<Output>,
    pub(super) directory: Directory,
    /// What there is here of each page.
    pub(super) copies: Box<[Copied]>,
    /// How many pages are held here.
    held: u32,
    pub(super) requests: Requests,
    pub(super) duties: Duties,
    /// The pages that are to be given back, while they are held.
    pub(super) giving: BTreeSet<Page>,
    pub(super) drain: Option<Drain>,
    /// Whether nothing new is started.
    pub(super) quiesced: bool,
    /// The membership begins: who has still to report.
    pub(super) settling: Option<Settling>,
    /// Messages of a membership that has not begun here.
    early: VecDeque<(HostId, Message)>,
    pub(super) counters: Counters,
}

impl Coherence {
    /// The protocol of the host `here`, in a machine that begins.
    ///
    /// `owner` has the `loaded` pages, to be written; all others are zero, and nobody has them. All hosts are told the same.
    ///
    /// # Panics
    ///
    /// If the configuration is not sound, or `here` or `owner` is not among the hosts.
    #[must_use]
    pub fn new(
        config: CoherenceConfig,
        here: HostId,
        hosts: HostSet,
        epoch: Epoch,
        owner: HostId,
        loaded: impl Fn(Page) -> bool,
    ) -> Self {
        assert!(hosts.contains(owner), "{owner} owns pages, so it is among the hosts");
        let mut new = Self::empty(config, here, hosts, epoch);
        for page in (0..new.config.pages).map(Page::new).filter(|page| loaded(*page)) {
            if new.homes.of(page) == here {
                *new.directory.entries.get_mut(page) = Entry::default().granted(owner, Held::Write);
            }
            if owner == here {
                new.copies[page.index()].keep(Version::FIRST);
                new.set_held(page, Held::Write);
            }
        }
        new
    }

    /// The protocol of a host that joins a running machine, at the beginning of an epoch in which no host died.
    ///
    /// `hosts` are those of the new epoch. It serves others once all of them have begun it.
    ///
    /// # Panics
    ///
    /// If the configuration is not sound, or `here` is not among the hosts.
    #[must_use]
    pub fn join(config: CoherenceConfig, now: Instant, here: HostId, hosts: HostSet, epoch: Epoch) -> Self {
        let mut new = Self::empty(config, here, hosts, epoch);
        new.settle(now);
        new
    }

    fn empty(config: CoherenceConfig, here: HostId, hosts: HostSet, epoch: Epoch) -> Self {
        config.check();
        assert!(hosts.contains(here), "{here} is among the hosts");
        Self {
            homes: Homes::new(&config, hosts),
            links: links(here, hosts),
            directory: Directory::new(config.pages, config.grain_pages, config.migratory),
            copies: vec![Copied::default(); config.pages as usize].into(),
            config,
            here,
            hosts,
            epoch,
            inbox: VecDeque::new(),
            outputs: VecDeque::new(),
            held: 0,
            requests: Requests::default(),
            duties: Duties::default(),
            giving: BTreeSet::new(),
            drain: None,
            quiesced: false,
            settling: None,
            early: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// A hart here wants a page. If it may be used so already this returns `true`, and nothing happens.
    ///
    /// Else it is asked for, if it was not before, and [`Output::Install`] tells when it is there: perhaps for reading
    /// only, if it was asked for so before, and then again for writing.
    ///
    /// # Panics
    ///
    /// If there is no such page.
    #[inline]
    pub fn want(&mut self, now: Instant, page: Page, want: Want) -> bool {
        if self.held(page).allows(want) {
            return true;
        }
        self.ask(now, page, want, false);
        self.settle_inbox(now);
        false
    }

    /// Takes a message of another host, whose name is known to be true.
    ///
    /// # Errors
    ///
    /// Why it was refused. It was counted, and nothing else came of it.
    pub fn receive(&mut self, now: Instant, from: HostId, message: Message) -> Result<(), Refused> {
        let taken = self.take(now, from, message);
        match taken {
            Ok(()) => self.counters.messages += 1,
            Err(Refused::Repeated) => self.counters.repeated += 1,
            Err(_) => self.counters.refusals += 1,
        }
        self.settle_inbox(now);
        self.acknowledge(now, from);
        taken
    }

    fn take(&mut self, now: Instant, from: HostId, message: Message) -> Result<(), Refused> {
        if message.epoch < self.epoch {
            return Err(Refused::OldEpoch);
        }
        if message.epoch > self.epoch {
            if self.early.len() >= EARLY_MAX {
                return Err(Refused::TooEarly);
            }
            self.early.push_back((from, message));
            return Ok(());
        }
        let Message { sequence, heard, body, .. } = message;
        let (retry, epoch) = (self.config.retry, self.epoch);
        let link = self.links.get_mut(&from).ok_or(Refused::Stranger(from))?;
        let acknowledged = link.acknowledged();
        let outputs = &mut self.outputs;
        link.hear(now, retry, heard, |(sequence, body)| {
            outputs.push_back(send(from, epoch, sequence, acknowledged, body));
        })
        .map_err(refused)?;
        if sequence == 0 {
            return Ok(());
        }
        if link.take_in_order(now, retry, sequence) {
            return self.dispatch(now, from, body);
        }
        link.take(now, retry, sequence, body).map_err(refused)?;
        let mut outcome = Ok(());
        while let Some(body) = self.links.get_mut(&from).and_then(Link::due) {
            outcome = outcome.and(self.dispatch(now, from, body));
        }
        outcome
    }

    /// What a message says is done.
    fn dispatch(&mut self, now: Instant, from: HostId, body: Arc<Body>) -> Result<(), Refused> {
        if let Some(page) = page_beyond(&body, self.config.pages) {
            return Err(Refused::NoSuchPage(page));
        }
        match &*body {
            Body::Report { pages } => return self.on_report(from, pages),
            Body::Settled => return self.on_settled(now, from),
            _ => {}
        }
        if let Some(settling) = &mut self.settling {
            return settling.park(from, body);
        }
        let body = Arc::try_unwrap(body).unwrap_or_else(|shared| (*shared).clone());
        match body {
            Body::Want { page, want, has } => self.on_want(now, from, page, want, has),
            Body::WantAhead { want, pages } => {
                let asked = pages.into_iter().map(|(page, has)| self.on_want(now, from, page, want, has));
                asked.fold(Ok(()), Result::and)
            }
            Body::Give { page } => self.on_give(now, from, page),
            Body::Take { page } => self.on_take(now, from, page),
            Body::Forward { page, to, held, has, acknowledgements } => {
                self.on_forward(now, from, page, to, held, has, acknowledgements)
            }
            Body::Invalidate { page, to } => self.on_invalidate(now, from, page, to),
            Body::Grant { page, held, version, acknowledgements, changed, content } => {
                let granted = Granted { from, held, version, changed, acknowledgements, content };
                self.on_grant(now, page, granted)
            }
            Body::Acknowledge { page } => self.on_acknowledge(now, from, page),
            Body::Confirm { page, version, changed } => self.on_confirm(now, from, page, version, changed),
            Body::Lost { page } => self.on_lost(now, from, page),
            Body::Heard | Body::Report { .. } | Body::Settled => Err(Refused::OutOfState),
        }
    }

    /// Does what this host said to itself, until it says no more.
    pub(super) fn settle_inbox(&mut self, now: Instant) {
        loop {
            while let Some(body) = self.inbox.pop_front() {
                if self.dispatch(now, self.here, body).is_err() {
                    // Only if another host has lied before.
                    self.counters.refusals += 1;
                }
            }
            if !self.drain_on(now) {
                return;
            }
        }
    }

    /// Says something to a host, perhaps to this one.
    pub(super) fn say(&mut self, now: Instant, to: HostId, body: Body) {
        let body = Arc::new(body);
        if to == self.here {
            self.inbox.push_back(body);
            return;
        }
        let Some(link) = self.links.get_mut(&to) else {
            // Only if another host has lied about who is among the hosts.
            self.counters.refusals += 1;
            return;
        };
        if let Some((sequence, body)) = link.say(now, self.config.retry, body) {
            let heard = link.acknowledge();
            self.outputs.push_back(send(to, self.epoch, sequence, heard, body));
        }
    }

    pub(super) fn has_said_to_itself(&self) -> bool {
        !self.inbox.is_empty()
    }

    /// Sends an acknowledgement by itself if it should not wait.
    fn acknowledge(&mut self, now: Instant, to: HostId) {
        if let Some(link) = self.links.get_mut(&to)
            && link.owes(now)
        {
            let heard = link.acknowledge();
            self.outputs.push_back(send(to, self.epoch, 0, heard, Arc::new(Body::Heard)));
        }
    }

    /// When [`wake`](Self::wake) should be called, if nothing else is before.
    #[must_use]
    pub fn next_event(&self) -> Option<Instant> {
        self.links.values().filter_map(Link::next_event).chain(self.duties.next_event()).min()
    }

    /// Does what is due by now.
    pub fn wake(&mut self, now: Instant) {
        let (retry, epoch, outputs) = (self.config.retry, self.epoch, &mut self.outputs);
        for (to, link) in &mut self.links {
            let heard = link.acknowledged();
            let again = link.wake(now, retry, |(sequence, body)| {
                outputs.push_back(send(*to, epoch, sequence, heard, body));
            });
            self.counters.retries += u64::from(again);
            if link.owes(now) {
                let heard = link.acknowledge();
                outputs.push_back(send(*to, epoch, 0, heard, Arc::new(Body::Heard)));
            }
        }
        self.wake_duties(now);
        self.settle_inbox(now);
    }

    /// What must happen next. To be called until it returns `None`, after each other call.
    #[inline]
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// What harts here may do with a page.
    ///
    /// # Panics
    ///
    /// If there is no such page.
    #[inline]
    #[must_use]
    pub fn held(&self, page: Page) -> Held {
        self.copies[page.index()].held()
    }

    /// How many pages are held here.
    #[must_use]
    pub const fn held_pages(&self) -> u32 {
        self.held
    }

    pub(super) fn set_held(&mut self, page: Page, held: Held) {
        let copied = &mut self.copies[page.index()];
        let (before, after) = (copied.held() != Held::Nothing, held != Held::Nothing);
        copied.set_held(held);
        self.held = self.held + u32::from(after) - u32::from(before);
        if !after {
            self.giving.remove(&page);
        }
    }

    /// Which host keeps the entry of a page.
    ///
    /// # Panics
    ///
    /// If there is no such page.
    #[must_use]
    pub fn home(&self, page: Page) -> HostId {
        self.homes.of(page)
    }

    /// The hosts of the machine.
    #[must_use]
    pub const fn hosts(&self) -> HostSet {
        self.hosts
    }

    /// The membership that holds now.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Memory is short: the bytes that are kept of a page that is not held go.
    ///
    /// Returns `false`, and nothing changes, if the page is held or was asked for, so that they may be needed.
    ///
    /// # Panics
    ///
    /// If there is no such page.
    pub fn forget(&mut self, page: Page) -> bool {
        let free = self.held(page) == Held::Nothing && !self.requests.is_asked(page);
        if free {
            self.copies[page.index()].forget();
        }
        free
    }

    /// Starts nothing more: what harts want waits. What others began goes on.
    pub const fn quiesce(&mut self) {
        self.quiesced = true;
    }

    /// Starts what waited.
    pub fn resume(&mut self, now: Instant) {
        self.quiesced = false;
        self.ask_waiting(now);
        self.settle_inbox(now);
    }

    /// Whether nothing is under way here.
    ///
    /// The machine is quiet if all hosts were quiesced, then all were quiet twice in a row, and
    /// [`Counters::messages`] of each was the same both times.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.quiesced
            && self.settling.is_none()
            && self.inbox.is_empty()
            && self.requests.is_idle()
            && self.duties.is_idle()
            && self.directory.is_idle()
    }

    /// Whether all that was said here has reached whom it was said to.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.links.values().all(Link::is_heard)
    }

    /// What happened so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// The bytes of everything that is kept for each page: at most 24 a page.
    #[must_use]
    pub fn directory_bytes(&self) -> usize {
        self.directory.entries.bytes() + size_of_val(&*self.copies) + self.homes.bytes()
    }

    /// Whom this host has granted a page for the time being, for tests and pictures: `None` if its home is elsewhere.
    ///
    /// # Panics
    ///
    /// If there is no such page.
    #[must_use]
    pub fn holders(&self, page: Page) -> Option<HostSet> {
        (self.home(page) == self.here).then(|| self.directory.entries.get(page).holders())
    }

    /// Speaks to other hosts from now on, and to nobody else.
    pub(super) fn relink(&mut self, hosts: HostSet) {
        self.links = links(self.here, hosts);
        self.inbox.clear();
    }

    /// What came before its membership began here is taken now.
    pub(super) fn take_early(&mut self, now: Instant) {
        for (from, message) in std::mem::take(&mut self.early) {
            if self.receive(now, from, message).is_ok() {
                // It was counted when it came, too.
                self.counters.messages -= 1;
            }
        }
    }

    pub(super) fn dispatch_parked(&mut self, now: Instant, parked: VecDeque<(HostId, Arc<Body>)>) {
        for (from, body) in parked {
            if self.dispatch(now, from, body).is_err() {
                self.counters.refusals += 1;
            }
        }
    }

    /// Whether a page is zero and nobody has it, as far as its home, which is here, knows.
    pub(super) fn is_dormant(&self, page: Page) -> bool {
        self.directory.entries.get(page).standing == Standing::Dormant
    }
}

fn links(here: HostId, hosts: HostSet) -> BTreeMap<HostId, Link> {
    hosts.without(here).iter().map(|host| (host, Link::new())).collect()
}

const fn send(to: HostId, epoch: Epoch, sequence: u64, heard: u64, body: Arc<Body>) -> Output {
    Output::Send { to, message: Message { epoch, sequence, heard, body } }
}

const fn refused(untimely: Untimely) -> Refused {
    match untimely {
        Untimely::Repeated => Refused::Repeated,
        Untimely::Impossible => Refused::Impossible,
    }
}

/// A page that a message tells of and that there is not.
fn page_beyond(body: &Body, pages: u32) -> Option<Page> {
    let beyond = |page: &Page| page.get() >= pages;
    match body {
        Body::Want { page, .. }
        | Body::Give { page }
        | Body::Take { page }
        | Body::Forward { page, .. }
        | Body::Invalidate { page, .. }
        | Body::Grant { page, .. }
        | Body::Acknowledge { page }
        | Body::Confirm { page, .. }
        | Body::Lost { page } => Some(*page).filter(beyond),
        Body::WantAhead { pages, .. } => pages.iter().map(|(page, _)| *page).find(beyond),
        Body::Report { pages } => pages.iter().map(|(page, ..)| *page).find(beyond),
        Body::Heard | Body::Settled => None,
    }
}

/// Whether a content can be applied here.
pub(super) fn is_usable(content: &Content, kept: Option<Version>) -> bool {
    content.is_complete() || kept.is_some()
}
