//! [`Yard`]: where letters to harts arrive, from this host's harts and from other hosts, whether or not harts run.

use ironloom_core::{EventCount, Instant};
use parking_lot::{Condvar, Mutex};

use super::mail::{Letter, Mailbox, Message};
use crate::cluster::Traveller;
use crate::computer::HartStatus;
use crate::computer::seat::Seat;

/// What harts share in a window.
#[derive(Debug)]
pub(in crate::computer) struct Round {
    pub(super) mailboxes: Vec<Mailbox>,
    /// How many harts run.
    pub(super) active: usize,
    pub(super) end: Instant,
    pub(super) over: bool,
    pub(super) quit: bool,
}

/// Where letters to harts arrive.
#[derive(Debug)]
pub(in crate::computer) struct Yard {
    pub(super) round: Mutex<Round>,
    /// Tells that a window is over.
    pub(super) over: Condvar,
    /// Tells those who wait for other hosts that something has come: a page, a letter, an answer, the end.
    pub(in crate::computer) news: EventCount,
}

impl Yard {
    pub(in crate::computer) fn new<'a>(seats: impl Iterator<Item = &'a Seat>) -> Self {
        let mailboxes = seats.map(Mailbox::new).collect();
        let round = Round { mailboxes, active: 0, end: Instant::ZERO, over: true, quit: false };
        Self { round: Mutex::new(round), over: Condvar::new(), news: EventCount::new() }
    }

    /// Says which harts live here.
    pub(in crate::computer) fn settle_in(&self, lives_here: impl Fn(usize) -> bool) {
        for (number, mailbox) in self.round.lock().mailboxes.iter_mut().enumerate() {
            mailbox.here = lives_here(number);
        }
    }

    /// Puts a message into a hart's mailbox, and wakes it.
    pub(in crate::computer) fn put(&self, number: usize, at: Instant, message: Message) {
        if let Some(mailbox) = self.round.lock().mailboxes.get_mut(number) {
            mailbox.put(Letter { at, message });
        }
        self.news.notify_all();
    }

    /// Asks a hart for something that it does before it runs again; whether it runs, so that the answer is to be waited
    /// for.
    pub(in crate::computer) fn ask(
        &self,
        number: usize,
        at: Instant,
        message: impl FnOnce(bool) -> Message,
    ) -> bool {
        let mut round = self.round.lock();
        let Some(mailbox) = round.mailboxes.get_mut(number) else { return false };
        let active = mailbox.active;
        let letter = Letter { at, message: message(active) };
        if active {
            mailbox.letters.push(letter);
            mailbox.bell.ring();
            drop(round);
            self.news.notify_all();
        } else {
            mailbox.quiet.push(letter);
        }
        active
    }

    /// Asks a hart to stop where it can, so that it can go to another host.
    pub(in crate::computer) fn ask_to_leave(&self, number: usize) {
        if let Some(mailbox) = self.round.lock().mailboxes.get_mut(number) {
            mailbox.leaving = true;
            mailbox.bell.ring();
            mailbox.wake.notify_one();
        }
        self.news.notify_all();
    }

    /// Whether a hart is to stop where it can.
    pub(super) fn is_leaving(&self, number: usize) -> bool {
        self.round.lock().mailboxes[number].leaving
    }

    /// Whether a hart is to stop now, which it is told once. It lives here no longer.
    pub(super) fn take_leaving(&self, number: usize) -> bool {
        let mailbox = &mut self.round.lock().mailboxes[number];
        let leaving = std::mem::take(&mut mailbox.leaving);
        if leaving {
            mailbox.here = false;
            mailbox.started = false;
        }
        leaving
    }

    /// Lets a hart run here that has come from another host.
    pub(in crate::computer) fn welcome(&self, number: usize, traveller: Traveller) {
        if let Some(mailbox) = self.round.lock().mailboxes.get_mut(number) {
            mailbox.here = true;
            mailbox.started = traveller.status != HartStatus::Stopped;
            mailbox.arrival = Some(Box::new(traveller));
            mailbox.wake.notify_one();
        }
        self.news.notify_all();
    }

    /// Whether a hart has come that has not run here yet.
    pub(super) fn has_arrivals(&self) -> bool {
        self.round.lock().mailboxes.iter().any(|mailbox| mailbox.arrival.is_some())
    }

    /// Makes all harts look up.
    pub(in crate::computer) fn ring(&self) {
        for mailbox in &self.round.lock().mailboxes {
            mailbox.bell.ring();
        }
        self.news.notify_all();
    }

    /// When the first of the letters that wake harts was written, if there are any.
    pub(in crate::computer) fn called(&self) -> Option<Instant> {
        let round = self.round.lock();
        let called = round.mailboxes.iter().filter(|mailbox| mailbox.started);
        called.flat_map(|mailbox| mailbox.letters.iter().map(|letter| letter.at)).min()
    }

    /// The harts that firmware has started here, a bit each.
    pub(in crate::computer) fn started(&self) -> u64 {
        let round = self.round.lock();
        let started = round.mailboxes.iter().enumerate().filter(|(_, mailbox)| mailbox.started);
        started.fold(0, |harts, (number, _)| harts | 1 << number)
    }
}
