//! What happens to pages when hosts join, leave or die.
//!
//! In a new epoch some pages have a new home, which learns from those who have them. Nobody is served by anybody until
//! all have reported, so that no home takes a page for one that nobody has.
//!
//! If nobody died, everything was quiet, and homes that stay know what they knew. If somebody died, transactions were
//! cut off, and homes start from nothing: a page that nobody reports is lost, unless it was never granted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use ironloom_core::Instant;

use super::entry::{Entry, Standing};
use super::homes::Homes;
use super::message::{Body, REPORT_MAX};
use super::{Coherence, Held, Output, Page, Refused, Version};
use crate::cluster::{Epoch, HostId, HostSet};

/// How many messages wait at most until all have reported.
const PARKED_MAX: usize = 65_536;

/// An epoch has begun here, but not everywhere.
#[derive(Debug, Clone, Hash)]
pub(super) struct Settling {
    /// Who has not reported everything.
    missing: HostSet,
    /// What was said meanwhile.
    parked: VecDeque<(HostId, Arc<Body>)>,
}

impl Settling {
    pub(super) fn park(&mut self, from: HostId, body: Arc<Body>) -> Result<(), Refused> {
        if self.parked.len() >= PARKED_MAX {
            return Err(Refused::TooMany);
        }
        self.parked.push_back((from, body));
        Ok(())
    }
}

impl Coherence {
    /// Other hosts make up the machine from now on. Everything is quiet, and hosts that are no longer among them have
    /// been drained. Every host is told the same, also one that leaves; one that joins is made by [`join`](Self::join).
    ///
    /// # Panics
    ///
    /// If the epoch is not a later one, or something is under way here.
    pub fn begin_epoch(&mut self, now: Instant, epoch: Epoch, hosts: HostSet) {
        assert!(self.is_quiet(), "a machine is quiet when its hosts change");
        self.begin(now, epoch, hosts, HostSet::EMPTY);
    }

    /// Some hosts died; the others make up the machine from now on, each of which is told the same. No host joins at the
    /// same time, and each host begins each epoch, one after another.
    ///
    /// What only the dead had is lost, and so is what was on its way between two others just now: to keep that, let some
    /// time go by after the death before this is called. What harts here wait for is asked for again.
    ///
    /// # Panics
    ///
    /// If the epoch is not a later one, this host is dead, or nobody is.
    pub fn begin_epoch_without(&mut self, now: Instant, epoch: Epoch, dead: HostSet) {
        assert!(!dead.is_empty() && !dead.contains(self.here), "who lives buries the dead");
        let alive = HostSet::from_bits(self.hosts.bits() & !dead.bits());
        self.begin(now, epoch, alive, dead);
    }

    fn begin(&mut self, now: Instant, epoch: Epoch, hosts: HostSet, dead: HostSet) {
        assert!(epoch > self.epoch, "epochs follow one another");
        self.epoch = epoch;
        self.hosts = hosts;
        let stays = hosts.contains(self.here);
        self.relink(if stays { hosts } else { HostSet::EMPTY });
        self.settling = None;
        if !stays {
            return;
        }
        let wanted = self.restart(now);
        self.duties.void();
        self.giving.clear();
        self.directory.abort();
        let before = std::mem::replace(&mut self.homes, Homes::new(&self.config, hosts));
        if dead.is_empty() {
            self.keep_entries();
        } else {
            self.drop_entries(&before, dead);
        }
        self.report(now, &before, !dead.is_empty());
        self.settle(now);
        for (page, want, ahead) in wanted {
            if !self.held(page).allows(want) {
                self.ask(now, page, want, ahead);
            }
        }
        self.take_early(now);
        self.settle_inbox(now);
    }

    /// What was asked for, to be asked for again. A page that was granted, but is still read elsewhere, may be read here.
    fn restart(&mut self, now: Instant) -> Vec<(Page, super::Want, bool)> {
        let asked = self.requests.restart();
        asked
            .into_iter()
            .map(|(page, want, ahead, grant)| {
                if let Some(granted) = grant {
                    self.install(now, page, Held::Read, granted.version, granted.content, !ahead);
                }
                (page, want, ahead)
            })
            .collect()
    }

    /// Forgets the entries of pages that have another home now.
    fn keep_entries(&mut self) {
        let entries: Vec<(Page, Entry)> = self.known_entries().collect();
        for (page, mut entry) in entries {
            if self.homes.of(page) != self.here {
                self.directory.entries.clear(page);
                continue;
            }
            let left = HostSet::from_bits(entry.holders().bits() & self.hosts.bits());
            if left != entry.holders() {
                // It was not drained.
                entry.set_holders(left);
                entry.standing = if left.is_empty() { Standing::Lost } else { entry.standing };
                *self.directory.entries.get_mut(page) = entry;
            }
        }
    }

    fn known_entries(&self) -> impl Iterator<Item = (Page, Entry)> {
        let pages = self.config.pages;
        let entries = self.directory.entries.iter();
        entries.filter(move |(page, entry)| page.get() < pages && entry.standing != Standing::Dormant)
    }

    /// Takes all pages that were ever granted, or that may have been, for lost until they are reported.
    fn drop_entries(&mut self, before: &Homes, dead: HostSet) {
        for page in (0..self.config.pages).map(Page::new) {
            let unknown = dead.contains(before.of(page));
            if self.homes.of(page) == self.here && (unknown || !self.is_dormant(page)) {
                let entry = self.directory.entries.get_mut(page);
                entry.standing = Standing::Lost;
                entry.set_holders(HostSet::EMPTY);
                entry.set_reader(None);
                entry.set_tentative(false);
            }
        }
    }

    /// Tells the homes what is held here: everything, or what has a new home.
    fn report(&mut self, now: Instant, before: &Homes, everything: bool) {
        let mut by_home: BTreeMap<HostId, Vec<(Page, Held, Version)>> = BTreeMap::new();
        for (page, copied) in (0..).map(Page::new).zip(&self.copies) {
            let home = self.homes.of(page);
            if copied.held() != Held::Nothing && (everything || before.of(page) != home) {
                by_home.entry(home).or_default().push((page, copied.held(), copied.version));
            }
        }
        for (home, pages) in by_home {
            for pages in pages.chunks(REPORT_MAX) {
                let pages = pages.to_vec();
                if home == self.here {
                    self.enter(self.here, &pages).expect("what this host says of itself is true");
                } else {
                    self.say(now, home, Body::Report { pages });
                }
            }
        }
    }

    /// Tells all others that everything is reported, and waits until they say so.
    pub(super) fn settle(&mut self, now: Instant) {
        let missing = self.hosts.without(self.here);
        if missing.is_empty() {
            return;
        }
        self.settling = Some(Settling { missing, parked: VecDeque::new() });
        for host in missing.iter() {
            self.say(now, host, Body::Settled);
        }
    }

    /// Whether all hosts have begun the epoch that has begun here, and pages are served.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.settling.is_none()
    }

    pub(super) fn on_report(&mut self, from: HostId, pages: &[(Page, Held, Version)]) -> Result<(), Refused> {
        let settling = self.settling.as_ref().ok_or(Refused::OutOfState)?;
        if !settling.missing.contains(from) {
            return Err(Refused::OutOfState);
        }
        self.enter(from, pages)
    }

    /// Enters what a host holds, as far as it does not contradict what others hold.
    fn enter(&mut self, host: HostId, pages: &[(Page, Held, Version)]) -> Result<(), Refused> {
        for (page, held, version) in pages.iter().copied() {
            let entry = self.directory.entries.get(page);
            let others = !entry.holders().without(host).is_empty();
            let contradicts = others && (held == Held::Write || entry.standing == Standing::Owned);
            if contradicts || self.homes.of(page) != self.here {
                return Err(Refused::OutOfState);
            }
            let mut entry = entry.granted(host, held);
            entry.set_version(version);
            *self.directory.entries.get_mut(page) = entry;
        }
        Ok(())
    }

    pub(super) fn on_settled(&mut self, now: Instant, from: HostId) -> Result<(), Refused> {
        let settling = self.settling.as_mut().ok_or(Refused::OutOfState)?;
        if !settling.missing.contains(from) {
            return Err(Refused::OutOfState);
        }
        settling.missing = settling.missing.without(from);
        if settling.missing.is_empty() {
            let parked = std::mem::take(&mut settling.parked);
            self.settling = None;
            self.dispatch_parked(now, parked);
        }
        Ok(())
    }

    /// The bytes kept of pages that are not held are of no use any more, for instance because the machine starts again.
    pub fn forget_all(&mut self) {
        for page in (0..self.config.pages).map(Page::new) {
            if self.copies[page.index()].kept().is_some() && self.forget(page) {
                self.outputs.push_back(Output::Forget { page });
            }
        }
    }
}
