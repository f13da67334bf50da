//! How a host speaks and listens: to others over links, and to itself.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use ironloom_core::Instant;

use super::link::{Link, Untimely};
use super::message::{Body, Message};
use super::requests::Granted;
use super::{Coherence, Output, Page, Refused};
use crate::cluster::{Epoch, HostId, HostSet};

/// How many messages of a membership that has not begun here are set aside.
const EARLY_MAX: usize = 1_024;

impl Coherence {
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

    /// Whether all that was said here has reached whom it was said to.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.links.values().all(Link::is_heard)
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
}

pub(super) fn links(here: HostId, hosts: HostSet) -> BTreeMap<HostId, Link> {
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
        Body::WantAhead { pages, .. } => pages.iter().map(|(page, _)| *page).find(beyond),
        Body::Report { pages } => pages.iter().map(|(page, ..)| *page).find(beyond),
        _ => body.page().filter(beyond),
    }
}
