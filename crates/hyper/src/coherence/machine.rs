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
use super::link::Link;
use super::message::{Body, Message};
use super::requests::Requests;
use super::talk::links;
use super::{CoherenceConfig, Held, Output, Page, Version, Want};
use crate::cluster::{Epoch, HostId, HostSet};

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
    /// The hosts that have room for more pages, as far as is known; whose homes have none let these take what is given back.
    pub(super) roomy: HostSet,
    pub(super) drain: Option<Drain>,
    /// Whether nothing new is started.
    pub(super) quiesced: bool,
    /// The membership begins: who has still to report.
    pub(super) settling: Option<Settling>,
    /// Messages of a membership that has not begun here.
    pub(super) early: VecDeque<(HostId, Message)>,
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
            roomy: HostSet::EMPTY,
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

    /// Whether a page is here or was, and its bytes as they were then are kept.
    ///
    /// # Panics
    ///
    /// If there is no such page.
    #[must_use]
    pub fn is_kept(&self, page: Page) -> bool {
        self.copies[page.index()].kept().is_some()
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

    /// Whether nothing is under way here for now: nothing was asked for that has not come, and nothing is given back.
    ///
    /// If this is so on all hosts, and nobody asks for anything, each page that anybody holds is at its holders.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.settling.is_none()
            && self.inbox.is_empty()
            && self.giving.is_empty()
            && self.requests.is_idle()
            && self.duties.is_idle()
            && self.directory.is_idle()
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

    /// Whether a page is zero and nobody has it, as far as its home, which is here, knows.
    pub(super) fn is_dormant(&self, page: Page) -> bool {
        self.directory.entries.get(page).standing == Standing::Dormant
    }
}
