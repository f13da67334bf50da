//! [`Requests`]: the pages that this host asked for, from the question until the page is here.

use std::collections::BTreeMap;

use ironloom_core::Instant;

use super::config::AHEAD_MAX;
use super::message::Body;
use super::{Coherence, Content, Held, LostReason, Output, Page, Refused, Version, Want};
use crate::cluster::HostId;

#[derive(Debug, Clone, Default, Hash)]
pub(super) struct Requests {
    asked: BTreeMap<Page, Asked>,
    /// What is wanted and was not asked for yet, and whether no hart waits for it.
    waiting: BTreeMap<Page, (Want, bool)>,
}

#[derive(Debug, Clone, Hash)]
struct Asked {
    want: Want,
    /// Reading was asked for, and meanwhile writing is wanted.
    more: bool,
    /// No hart waits for it.
    ahead: bool,
    grant: Option<Granted>,
    /// How many acknowledgements are due when the grant has come; below zero for those that came before it.
    due: i16,
}

/// What a grant says.
#[derive(Debug, Clone, Hash)]
pub(super) struct Granted {
    pub(super) from: HostId,
    pub(super) held: Held,
    pub(super) version: Version,
    pub(super) changed: bool,
    /// How many hosts acknowledge that they no longer read the page.
    pub(super) acknowledgements: u8,
    pub(super) content: Content,
}

impl Requests {
    pub(super) fn is_asked(&self, page: Page) -> bool {
        self.asked.contains_key(&page)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.asked.is_empty()
    }

    /// The pages that were asked for; nothing is under way for them any more. Grants that came are told, too.
    pub(super) fn restart(&mut self) -> Vec<(Page, Want, bool, Option<Granted>)> {
        let asked = std::mem::take(&mut self.asked).into_iter();
        asked
            .map(|(page, asked)| {
                (page, if asked.more { Want::Write } else { asked.want }, asked.ahead, asked.grant)
            })
            .collect()
    }
}

impl Coherence {
    /// Harts here are likely to want these pages soon: those that are not held are asked for, together if they have a
    /// home together. If much was asked for already, or the machine is to be quiet, nothing happens.
    ///
    /// # Panics
    ///
    /// If there is no such page.
    pub fn want_ahead(&mut self, now: Instant, pages: &[Page], want: Want) {
        let mut by_home: BTreeMap<HostId, Vec<(Page, Option<Version>)>> = BTreeMap::new();
        for page in pages.iter().copied() {
            let busy = self.requests.is_asked(page) || self.requests.waiting.contains_key(&page);
            if busy || self.held(page).allows(want) || !self.may_ask() {
                continue;
            }
            self.counters.asked_ahead += 1;
            let has = self.note(page, want, true);
            by_home.entry(self.homes.of(page)).or_default().push((page, has));
        }
        for (home, pages) in by_home {
            for pages in pages.chunks(AHEAD_MAX) {
                let body = match *pages {
                    [(page, has)] => Body::Want { page, want, has },
                    _ => Body::WantAhead { want, pages: pages.to_vec() },
                };
                self.say(now, home, body);
            }
        }
        self.settle_inbox(now);
    }

    fn may_ask(&self) -> bool {
        !self.quiesced && self.requests.asked.len() < self.config.asks_max as usize
    }

    /// Asks for a page, now or as soon as this is possible.
    pub(super) fn ask(&mut self, now: Instant, page: Page, want: Want, ahead: bool) {
        if let Some(asked) = self.requests.asked.get_mut(&page) {
            asked.more |= want > asked.want;
            asked.ahead &= ahead;
            return;
        }
        if !self.may_ask() {
            let waiting = self.requests.waiting.entry(page).or_insert((want, ahead));
            *waiting = (waiting.0.max(want), waiting.1 && ahead);
            return;
        }
        let has = self.note(page, want, ahead);
        self.say(now, self.homes.of(page), Body::Want { page, want, has });
    }

    /// Notes that a page is asked for; returns the version that is kept of it.
    fn note(&mut self, page: Page, want: Want, ahead: bool) -> Option<Version> {
        let copied = self.copies[page.index()];
        match (copied.held(), want) {
            (Held::Nothing, Want::Read) => self.counters.read_misses += 1,
            (Held::Nothing, Want::Write) => self.counters.write_misses += 1,
            _ => self.counters.upgrades += 1,
        }
        let asked = Asked { want, more: false, ahead, grant: None, due: 0 };
        self.requests.asked.insert(page, asked);
        copied.kept()
    }

    /// Asks for what waited, as much as is possible.
    pub(super) fn ask_waiting(&mut self, now: Instant) {
        while self.may_ask()
            && let Some((page, (want, ahead))) = self.requests.waiting.pop_first()
        {
            if !self.held(page).allows(want) {
                self.ask(now, page, want, ahead);
            }
        }
    }

    pub(super) fn on_grant(&mut self, now: Instant, page: Page, granted: Granted) -> Result<(), Refused> {
        let kept = self.copies[page.index()].kept();
        let asked = self.requests.asked.get_mut(&page).ok_or(Refused::OutOfState)?;
        let fits = granted.held.allows(asked.want) && (granted.content.is_complete() || kept.is_some());
        if asked.grant.is_some() || !fits {
            return Err(Refused::OutOfState);
        }
        asked.due += i16::from(granted.acknowledgements);
        asked.grant = Some(granted);
        self.complete(now, page);
        Ok(())
    }

    fn count_grant(&mut self, granted: &Granted) {
        let counters = &mut self.counters;
        if matches!(granted.content, Content::Zeroes) {
            counters.zero_filled += 1;
        }
        if granted.from == self.here {
            counters.granted_here += 1;
            return;
        }
        match &granted.content {
            Content::Same => counters.same += 1,
            Content::Zeroes => {}
            Content::Lines(_) => counters.lines += 1,
            Content::Whole(_) => counters.whole += 1,
            Content::Stored(_) => counters.stored += 1,
        }
        match granted.content.carried() {
            0 => counters.without_data += 1,
            carried => {
                counters.with_data += 1;
                counters.bytes_received += carried as u64;
            }
        }
    }

    /// An acknowledgement for a page that was asked for.
    pub(super) fn on_acknowledged(&mut self, now: Instant, page: Page) -> Result<(), Refused> {
        let hosts = self.hosts.len() as i16;
        let asked = self.requests.asked.get_mut(&page).ok_or(Refused::OutOfState)?;
        if asked.due <= -hosts {
            return Err(Refused::OutOfState);
        }
        asked.due -= 1;
        self.complete(now, page);
        Ok(())
    }

    /// If a page is granted and everybody else has acknowledged, harts here may use it.
    fn complete(&mut self, now: Instant, page: Page) {
        let Some(asked) = self.requests.asked.get(&page) else { return };
        if asked.grant.is_none() || asked.due != 0 {
            return;
        }
        let asked = self.requests.asked.remove(&page).expect("it was asked for");
        let granted = asked.grant.expect("it was granted");
        let Granted { from, held, version, changed, acknowledgements, .. } = granted;
        self.count_grant(&granted);
        // What says again what is held must not touch the base: the page may have been written since.
        if held > self.held(page) {
            self.install(now, page, held, version, granted.content, !asked.ahead);
        }
        let home = self.homes.of(page);
        if from != home || acknowledgements > 0 {
            self.say(now, home, Body::Confirm { page, version, changed });
        }
        if asked.more && held != Held::Write {
            self.ask(now, page, Want::Write, asked.ahead);
        }
        self.ask_waiting(now);
    }

    /// A page is here; if a hart waited for it, it stays for a while.
    pub(super) fn install(
        &mut self,
        now: Instant,
        page: Page,
        held: Held,
        version: Version,
        content: Content,
        waited: bool,
    ) {
        let copied = &mut self.copies[page.index()];
        copied.keep(version);
        if waited {
            copied.stamp(now);
        } else {
            copied.unstamp();
        }
        self.set_held(page, held);
        self.outputs.push_back(Output::Install { page, held, content });
    }

    pub(super) fn on_lost(&mut self, now: Instant, from: HostId, page: Page) -> Result<(), Refused> {
        if from != self.homes.of(page) || self.requests.asked.remove(&page).is_none() {
            return Err(Refused::OutOfState);
        }
        self.counters.lost += 1;
        self.outputs.push_back(Output::Lost { page, reason: LostReason::HolderGone });
        self.ask_waiting(now);
        Ok(())
    }
}
