//! What harts and devices on the [`Floor`] have to do with other hosts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ironloom_core::Instant;

use super::floor::Floor;
use super::mail::Message;
use crate::GuestAddress;
use crate::PageNumber;
use crate::computer::seat::Seat;
use crate::computer::spread::{Devices, Errand, Host, Part};
use crate::computer::{ComputerError, Pause};
use crate::memory::{Access, MemoryError, Revision};

impl Floor<'_> {
    /// Whether a hart lives on this host.
    pub(super) fn lives_here(&self, number: usize) -> bool {
        self.host.is_none_or(|host| host.is_home_of(number))
    }

    /// Whether the devices are on this host.
    pub(super) fn has_devices(&self) -> bool {
        self.host.is_none_or(Host::has_devices)
    }

    /// Lets a hart forget what was revoked, and other hosts have it.
    pub(super) fn catch_up(&self, seat: &mut Seat) {
        seat.hart.catch_up();
        if let Some(host) = self.host {
            host.settle();
        }
    }

    /// Takes a hart's hands off all pages, because it is about to wait.
    pub(super) fn park(&self, seat: &mut Seat) {
        seat.hart.park();
        if let Some(host) = self.host {
            host.settle();
        }
    }

    /// Waits for a page that a hart needs, or until the hart goes to where it is.
    pub(super) fn fetch(&self, number: usize, seat: &mut Seat, page: PageNumber, access: Access) {
        if let Some(host) = self.host
            && !host.is_held(page, access)
        {
            let fetching = host.fetch(number, page, access, || seat.hart.pages_written());
            self.park(seat);
            if fetching.is_over() || fetching.is_soon_over() {
                return fetching.end();
            }
            self.wait_for_news(number, seat, || {
                fetching.is_over() || host.has_failed() || self.yard.is_leaving(number)
            });
            fetching.end();
            return;
        }
        match self.memory.bring_in(page, access) {
            Err(MemoryError::Full { page, frames_max }) => self.lack(number, seat, page, frames_max),
            done => done.unwrap_or_else(|error| self.finish(Err(error.into()))),
        }
    }

    /// There is no frame for a page: waits until others have taken some, if there are any.
    pub(super) fn lack(&self, number: usize, seat: &mut Seat, page: PageNumber, frames_max: u64) {
        let Some(host) = self.host else {
            return self.finish(Err(MemoryError::Full { page, frames_max }.into()));
        };
        let wait = host.wait_for_room(page);
        self.wait_for_news(number, seat, || {
            wait.is_over() || host.has_failed() || self.yard.is_leaving(number)
        });
    }

    /// Waits for what comes from elsewhere, and does meanwhile what others want.
    pub(super) fn wait_for_news(&self, number: usize, seat: &mut Seat, done: impl Fn() -> bool) {
        self.park(seat);
        self.yard.news.wait_until(|| {
            self.take_mail(number, seat);
            done() || self.is_over()
        });
    }

    /// Asks the devices on another host for something; `None` if there is no such device.
    pub(super) fn ask_devices(
        &self,
        number: usize,
        seat: &mut Seat,
        host: &Host,
        errand: Errand,
    ) -> Option<u64> {
        let ticket = host.ask_devices(seat.hart.now(), errand);
        let answer = std::cell::Cell::new(None);
        self.wait_for_news(number, seat, || {
            answer.set(answer.get().or_else(|| host.answer(ticket)));
            answer.get().is_some()
        });
        answer.get().flatten()
    }

    /// Lets a hart go to another host, if it is to. It must be between two instructions.
    pub(super) fn depart(&self, number: usize, seat: &mut Seat) {
        let Some(host) = self.host else { return };
        if !self.yard.take_leaving(number) {
            return;
        }
        self.take_mail(number, seat);
        self.park(seat);
        host.frozen(number, seat.depart());
    }

    /// Asks harts for a fence wherever they live, and counts their answers.
    pub(super) fn ask_far(
        &self,
        own: usize,
        at: Instant,
        harts: u64,
        range: Option<&Option<std::ops::Range<u64>>>,
        missing: &Arc<AtomicUsize>,
    ) {
        let Some(host) = self.host else { return };
        let asked = super::floor::others(harts, own).filter(|number| *number < self.seats.len());
        host.ask_fence(at, asked, range, missing);
    }

    /// The life of the thread that answers what other hosts want of the devices here.
    pub(super) fn answer_errands(&self, host: &Host) {
        while !self.is_closed() {
            for (errand, ticket, at) in host.errands(|| self.is_closed()) {
                let value = host.with_devices(|| self.run_errand(host, errand, at));
                host.tell(ticket, at, value);
            }
        }
    }

    fn run_errand(&self, host: &Host, errand: Errand, at: Instant) -> Option<u64> {
        match errand {
            Errand::Read { address, width } => {
                let mut board = self.board.lock();
                let value = board.read(at, GuestAddress::new(address), width).ok();
                self.wire(None, at, board);
                value
            }
            Errand::Write { address, width, value } => {
                let before = self.memory.revision();
                let mut board = self.board.lock();
                let done = board.write(at, self.memory, GuestAddress::new(address), width, value);
                let ending = board.ending();
                self.wire(None, at, board);
                host.settle();
                self.settle_errand(host, before);
                if let Some(ending) = ending {
                    self.end(ending);
                }
                done.ok().map(|()| 0)
            }
            Errand::Say(bytes) => {
                self.console.lock().say(&bytes);
                Some(0)
            }
        }
    }

    /// Waits until everybody here knows what devices have revoked since: whoever asked them may write there next.
    fn settle_errand(&self, host: &Host, before: Revision) {
        let after = self.memory.revision();
        if after == before {
            return;
        }
        self.yard.ring();
        while !self.memory.is_settled(after) && !self.is_over() && !self.is_closed() {
            host.settle();
            std::thread::yield_now();
        }
    }

    /// Puts a message into a hart's mailbox, wherever that is.
    pub(super) fn send(&self, number: usize, at: Instant, message: Message) {
        match self.host {
            Some(host) => host.write_to(number, at, &message),
            None => self.yard.put(number, at, message),
        }
    }

    /// Whether harts stop running: there is a result, or another host ended the computer.
    pub(super) fn is_over(&self) -> bool {
        let Some(host) = self.host else { return self.result.lock().is_some() };
        let mut result = self.result.lock();
        if let Some(ending) = host.ended() {
            result.get_or_insert(Ok(Pause::Ended(ending)));
        } else if host.has_left() {
            result.get_or_insert(Ok(Pause::Left));
        } else if result.is_none() && host.has_failed() {
            *result = host.failure().map(Err);
        }
        result.is_some()
    }

    /// Whether harts stand still, because hosts come or go.
    pub(super) fn is_paused(&self) -> bool {
        self.host.is_some_and(Host::is_paused)
    }

    /// Whether the threads end.
    pub(super) fn is_closed(&self) -> bool {
        self.yard.round.lock().quit
    }

    /// What is here of a computer whose harts all stand still.
    pub(super) fn part(&self, host: &Host, now: Instant) -> Result<Part, ComputerError> {
        let (mut now, mut harts) = (now, Vec::new());
        for (number, seat) in self.seats.iter().enumerate().filter(|(number, _)| self.lives_here(*number)) {
            let mut seat = seat.lock();
            self.take_mail(number, &mut seat);
            now = now.max(seat.hart.now());
            harts.push((number as u8, seat.status, seat.hart.state()));
        }
        let devices = if host.has_devices() {
            let console = self.console.lock().typed.iter().copied().collect();
            Some(Devices { board: self.board.lock().snapshot()?, console })
        } else {
            None
        };
        Ok(Part { now, harts, devices })
    }

    /// How many answers are missing.
    pub(super) fn wait_for_answers(&self, number: usize, seat: &mut Seat, missing: &AtomicUsize) {
        let done = || missing.load(Ordering::SeqCst) == 0;
        if self.host.is_some() {
            self.wait_for_news(number, seat, done);
        } else {
            self.wait_for(number, seat, done);
        }
    }
}
