//! What a home does: it lets one host after another have a page.

use ironloom_core::Instant;

use super::directory::{Aim, Asking};
use super::entry::{Entry, Standing};
use super::message::Body;
use super::plan::{Plan, Request, plan};
use super::{Coherence, Content, Held, Page, Refused, Version, Want};
use crate::cluster::{HostId, HostSet};

impl Coherence {
    pub(super) fn on_want(
        &mut self,
        now: Instant,
        from: HostId,
        page: Page,
        want: Want,
        has: Option<Version>,
    ) -> Result<(), Refused> {
        let request = if want == Want::Write { Request::Write } else { Request::Read };
        self.on_request(now, page, Asking { host: from, request, has })
    }

    pub(super) fn on_give(&mut self, now: Instant, from: HostId, page: Page) -> Result<(), Refused> {
        self.on_request(now, page, Asking { host: from, request: Request::Give, has: None })
    }

    fn on_request(&mut self, now: Instant, page: Page, asking: Asking) -> Result<(), Refused> {
        if self.homes.of(page) != self.here {
            return Err(Refused::OutOfState);
        }
        if self.serve(now, page, asking) { Ok(()) } else { Err(Refused::TooMany) }
    }

    /// Does what is to be done with a request; `false` if it must wait and may not.
    fn serve(&mut self, now: Instant, page: Page, asking: Asking) -> bool {
        let Asking { host, request, has } = asking;
        match plan(self.directory.seen(page, host), request) {
            Plan::Wait => {
                self.counters.queued += 1;
                // What is wanted, and what is given back.
                return self.directory.wait(page, asking, self.config.asks_max.saturating_mul(2));
            }
            Plan::Zero => self.zero(now, page, host),
            Plan::Repeat => self.repeat(now, page, host),
            Plan::Share => self.grant(now, page, host, Held::Read, has, false),
            Plan::Move => {
                let unasked = request == Request::Read;
                self.learn(page, host, unasked);
                self.grant(now, page, host, Held::Write, has, unasked);
            }
            Plan::Fetch => self.fetch(now, page, host),
            Plan::Drop => self.drop_holder(now, page, host),
            Plan::Ignore => {}
            Plan::TellLost => self.say(now, host, Body::Lost { page }),
        }
        true
    }

    /// Grants a page that nobody ever had.
    fn zero(&mut self, now: Instant, page: Page, to: HostId) {
        let entry = self.directory.entries.get_mut(page);
        *entry = entry.granted(to, Held::Write);
        let (held, version) = (Held::Write, entry.version());
        let content = Content::Zeroes;
        self.say(now, to, Body::Grant { page, held, version, acknowledgements: 0, changed: false, content });
    }

    /// Grants what a host has.
    fn repeat(&mut self, now: Instant, page: Page, to: HostId) {
        let entry = self.directory.entries.get(page);
        let held = if entry.standing == Standing::Owned { Held::Write } else { Held::Read };
        let (version, content) = (entry.version(), Content::Same);
        self.say(now, to, Body::Grant { page, held, version, acknowledgements: 0, changed: false, content });
    }

    /// Looks at what a visitor does, before it is granted the page for writing.
    fn learn(&mut self, page: Page, visitor: HostId, unasked: bool) {
        if unasked {
            self.counters.migratory_grants += 1;
        } else {
            self.directory.entries.get_mut(page).learn(visitor);
        }
    }

    /// Lets a holder grant the page, or grants it if no bytes need to be told, and tells all who may not keep it.
    fn grant(
        &mut self,
        now: Instant,
        page: Page,
        to: HostId,
        held: Held,
        has: Option<Version>,
        unasked: bool,
    ) {
        let entry = self.directory.entries.get(page);
        let mut after = entry.granted(to, held);
        // Who reads first what was written is watched; so is who gets more than it wanted.
        if entry.standing == Standing::Owned && held == Held::Read {
            after.set_reader(Some(to));
        }
        after.set_tentative(unasked);
        let supplier = self.supplier(&entry, to, held, has);
        let rest = if held == Held::Write { entry.holders().without(to) } else { HostSet::EMPTY };
        let rest = supplier.map_or(rest, |supplier| rest.without(supplier));
        for host in rest.iter() {
            self.say(now, host, Body::Invalidate { page, to });
        }
        let acknowledgements = rest.len() as u8;
        match (supplier, acknowledgements) {
            (None, 0) => *self.directory.entries.get_mut(page) = after,
            (Some(supplier), 0) if supplier == self.here => {
                self.directory.begin(page, to, Aim::Supply, after);
            }
            _ => self.directory.begin(page, to, Aim::Grant, after),
        }
        let body = match supplier {
            Some(_) => Body::Forward { page, to, held, has, acknowledgements },
            None => {
                let (version, content) = (entry.version(), Content::Same);
                Body::Grant { page, held, version, acknowledgements, changed: false, content }
            }
        };
        self.say(now, supplier.unwrap_or(to), body);
    }

    /// Who grants a page: this host if it has it, for that saves a message; nobody if the bytes are known to be there.
    fn supplier(&self, entry: &Entry, to: HostId, held: Held, has: Option<Version>) -> Option<HostId> {
        let others = entry.holders().without(to);
        let here_too = others.contains(self.here);
        let known = entry.standing == Standing::Shared
            && (entry.holders().contains(to) || has == Some(entry.version()));
        if known && (held == Held::Read || !here_too) {
            return None;
        }
        if here_too { Some(self.here) } else { others.first() }
    }

    /// Takes a page over from who gives it back, or has the one take it that takes over from this host.
    fn fetch(&mut self, now: Instant, page: Page, giver: HostId) {
        match self.heir(page).or_else(|| self.shelter(page, giver)) {
            Some(heir) if heir != giver => self.say(now, heir, Body::Take { page }),
            _ if giver != self.here => self.ask(now, page, Want::Write, true),
            // There is nobody to take it.
            _ => drop(self.giving.remove(&page)),
        }
    }

    /// One of several holders goes.
    fn drop_holder(&mut self, now: Instant, page: Page, giver: HostId) {
        let mut after = self.directory.entries.get(page);
        after.set_holders(after.holders().without(giver));
        after.set_reader(None);
        self.directory.begin(page, giver, Aim::Drop, after);
        self.say(now, giver, Body::Invalidate { page, to: self.here });
    }

    pub(super) fn on_acknowledge(&mut self, now: Instant, from: HostId, page: Page) -> Result<(), Refused> {
        let dropped = self.directory.under_way(page).filter(|busy| busy.aim == Aim::Drop && busy.to == from);
        if let Some(busy) = dropped {
            let version = busy.after.version();
            self.conclude(now, page, version, false);
            return Ok(());
        }
        self.on_acknowledged(now, page)
    }

    pub(super) fn on_confirm(
        &mut self,
        now: Instant,
        from: HostId,
        page: Page,
        version: Version,
        changed: bool,
    ) -> Result<(), Refused> {
        let busy = self.directory.under_way(page).ok_or(Refused::OutOfState)?;
        if busy.to != from || busy.aim != Aim::Grant {
            return Err(Refused::OutOfState);
        }
        self.conclude(now, page, version, changed);
        Ok(())
    }

    /// Ends the transaction of a page, and begins the next one.
    pub(super) fn conclude(&mut self, now: Instant, page: Page, version: Version, changed: bool) {
        let (busy, mut waiting) = self.directory.end(page).expect("what is concluded was begun");
        let before = self.directory.entries.get(page);
        let mut after = busy.after;
        after.set_version(version);
        if before.standing == Standing::Owned && !changed {
            after.set_reader(None);
            if before.is_tentative() {
                self.counters.migratory_unlearned += 1;
                after.unlearn();
            }
        }
        *self.directory.entries.get_mut(page) = after;
        while let Some(asking) = self.directory.next(&mut waiting) {
            self.serve(now, page, asking);
            if self.directory.wait_on(page, &mut waiting) {
                return;
            }
        }
    }
}
