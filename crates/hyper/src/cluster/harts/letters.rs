//! How letters reach a hart wherever it is.

use ironloom_core::Instant;

use super::destination::check_number;
use super::message::Body;
use super::record::{Held, Place, Role};
use super::timer::Timer;
use super::{HartId, Harts, Letter, Output, PostRefused, Refused};
use crate::cluster::HostId;

impl<L: Letter> Harts<L> {
    /// Posts a letter to a hart, wherever it is. It is delivered once, after those that this host posted to it before.
    ///
    /// # Errors
    ///
    /// If there is no such hart, or too many letters to it wait.
    pub fn post(&mut self, now: Instant, hart: HartId, letter: L) -> Result<(), PostRefused> {
        let (here, letters_max) = (self.here, self.config.letters_max);
        let Some(record) = self.records.get_mut(hart.index()) else {
            return Err(PostRefused::NoSuchHart { hart });
        };
        if let Role::Here { seen, .. } = &mut record.role {
            seen.insert(here, record.outbox.pass());
            self.counters.delivered += 1;
            self.outputs.push_back(Output::Deliver { hart, letter });
            return Ok(());
        }
        if record.outbox.len() >= letters_max {
            return Err(PostRefused::Full { hart, letters_max });
        }
        record.outbox.push(letter);
        self.flush(now, hart);
        self.watch(hart);
        Ok(())
    }

    /// Sends what may be sent of the letters that were not sent yet.
    fn flush(&mut self, now: Instant, hart: HartId) {
        let (here, config, timer) = (self.here, self.config, Timer::new(now, &self.config));
        let record = self.record(hart);
        if record.role.is_home() {
            return;
        }
        let Place { host, term } = record.place;
        let Some((first, letters)) = record.outbox.take_unsent(config.window) else { return };
        let insistent = record.outbox.timer.get_or_insert(timer).is_insistent(&config);
        let body = Body::Letters { sender: here, term, first, letters };
        if !insistent && host != here && self.hosts.contains(host) {
            self.send(host, hart, body);
            return;
        }
        // Whoever has the hart now will take it as if it had been asked first.
        for to in self.hosts.without(here).iter() {
            self.send(to, hart, body.clone());
        }
    }

    /// Sends the oldest letters again.
    pub(super) fn resend(&mut self, now: Instant, hart: HartId) {
        let record = self.record(hart);
        if !record.outbox.is_empty() {
            record.outbox.rewind();
            self.counters.resent += 1;
            self.flush(now, hart);
        }
    }

    pub(super) fn wake_letters(&mut self, now: Instant, hart: HartId) {
        let config = self.config;
        let record = self.record(hart);
        let frozen = record.role.is_home();
        if record.outbox.timer.as_mut().is_some_and(|timer| timer.fire(now, &config)) && !frozen {
            self.resend(now, hart);
        }
    }

    /// Does with the letters that wait here what can be done now.
    pub(super) fn settle(&mut self, hart: HartId) {
        let here = self.here;
        let record = self.record(hart);
        if let Role::Here { seen, .. } = &mut record.role {
            let own = record.outbox.take_after(seen.get(&here).copied().unwrap_or(0));
            if record.outbox.last() > 0 {
                seen.insert(here, record.outbox.last());
            }
            self.counters.delivered += own.len() as u64;
            self.outputs.extend(own.into_iter().map(|letter| Output::Deliver { hart, letter }));
        }
        for letters in std::mem::take(&mut self.record(hart).held) {
            self.route(hart, letters);
        }
    }

    pub(super) fn on_letters(&mut self, from: HostId, hart: HartId, letters: Held<L>) -> Result<(), Refused> {
        let (found, limit) = (letters.letters.len(), self.config.window);
        if !(1..=limit).contains(&found) {
            return Err(Refused::Length { found, limit });
        }
        check_number(letters.first)?;
        if letters.first == 0 {
            return Err(Refused::Number { number: 0 });
        }
        if !self.hosts.contains(letters.sender) {
            return Err(Refused::Stranger { host: letters.sender });
        }
        let own = letters.sender == self.here;
        if own && letters.first + found as u64 - 1 > self.record(hart).outbox.last() {
            return Err(Refused::OutOfState { host: from, hart });
        }
        self.route(hart, letters);
        Ok(())
    }

    /// Letters are handed to the hart, sent on to it, or kept until it is clear which.
    fn route(&mut self, hart: HartId, letters: Held<L>) {
        let (here, held_max) = (self.here, self.config.held_max);
        let record = self.record(hart);
        let place = record.place;
        match &record.role {
            Role::Here { .. } => return self.deliver(hart, letters),
            Role::Frozen { .. } | Role::Accepted { .. }
                if record.held.iter().any(|held| held.covers(&letters)) =>
            {
                self.counters.repeated += letters.letters.len() as u64;
                return;
            }
            Role::Frozen { .. } | Role::Accepted { .. } if record.held.len() < held_max => {
                record.held.push_back(letters);
                return;
            }
            Role::Frozen { .. } | Role::Accepted { .. } => {}
            Role::Away | Role::Giving { .. } | Role::Reserved { .. } => {
                if place.term > letters.term && self.hosts.contains(place.host) && letters.sender != here {
                    return self.forward(hart, place, letters);
                }
            }
        }
        self.counters.dropped += 1;
    }

    fn forward(&mut self, hart: HartId, Place { host, term }: Place, letters: Held<L>) {
        let Held { sender, first, letters, .. } = letters;
        self.counters.forwarded += 1;
        // The place itself learns of it by its own move.
        if sender != host {
            self.send(sender, hart, Body::Whereabouts { host, term });
        }
        self.send(host, hart, Body::Letters { sender, term, first, letters });
    }

    fn deliver(&mut self, hart: HartId, letters: Held<L>) {
        let Held { sender, first, letters, .. } = letters;
        let record = self.record(hart);
        let term = record.place.term;
        let seen = record.role.seen().expect("the hart lives here");
        let upto = seen.get(&sender).copied().unwrap_or(0);
        let gap = first > upto + 1;
        let known = (upto + 1).saturating_sub(first).min(letters.len() as u64);
        let fresh = if gap { 0 } else { letters.len() as u64 - known };
        let upto = upto + fresh;
        if fresh > 0 {
            seen.insert(sender, upto);
        }
        self.counters.early += u64::from(gap);
        self.counters.repeated += known;
        self.counters.delivered += fresh;
        if fresh > 0 {
            let fresh = letters.into_iter().skip(known as usize);
            self.outputs.extend(fresh.map(|letter| Output::Deliver { hart, letter }));
        }
        if sender != self.here {
            self.send(sender, hart, Body::Delivered { term, upto, gap });
        }
    }

    pub(super) fn on_delivered(
        &mut self,
        now: Instant,
        from: HostId,
        hart: HartId,
        (term, upto, gap): (u64, u64, bool),
    ) -> Result<(), Refused> {
        check_number(term)?;
        let config = self.config;
        let record = self.record(hart);
        let known = record.place.term;
        if term > known && record.role.is_home() {
            return Err(Refused::OutOfState { host: from, hart });
        }
        let Some(progress) = record.outbox.acknowledge(upto) else {
            return Err(Refused::Number { number: upto });
        };
        if progress && !record.outbox.is_empty() {
            record.outbox.timer = Some(Timer::new(now, &config));
        }
        if term > known {
            self.learn(now, hart, Place { host: from, term });
        }
        if gap && term >= known {
            self.resend(now, hart);
        } else {
            self.flush(now, hart);
        }
        Ok(())
    }
}
