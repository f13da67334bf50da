//! [`Floor`]: where harts run, and what their threads do there.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ironloom_core::{Duration, Instant};
use parking_lot::{Mutex, MutexGuard};

use super::DebugConsole;
use super::mail::{Answer, Message, obey};
use super::yard::Yard;
use crate::GuestAddress;
use crate::board::{Board, Ending};
use crate::computer::seat::{HartStatus, Seat};
use crate::computer::spread::{Errand, Host};
use crate::computer::{ComputerError, Pause};
use crate::hart::Exit;
use crate::memory::{Memory, Revision};
use crate::sbi::{self, ATTENTION, Effect, Harts, View};

/// What the threads of harts share.
pub(super) struct Floor<'a> {
    pub(super) memory: &'a Memory,
    pub(super) seats: &'a [Mutex<&'a mut Seat>],
    pub(super) board: Mutex<&'a mut Board>,
    pub(super) console: Mutex<DebugConsole<'a>>,
    pub(super) result: Mutex<Option<Result<Pause, ComputerError>>>,
    pub(super) yard: &'a Yard,
    pub(super) per_microsecond: u64,
    /// This host's part in the computer, if others have parts too.
    pub(super) host: Option<&'a Host>,
}

impl Floor<'_> {
    /// The life of a hart's thread: it runs the hart when it has something to do in a window.
    pub(super) fn live(&self, number: usize) {
        let wake = self.yard.round.lock().mailboxes[number].wake.clone();
        loop {
            let end = {
                let mut round = self.yard.round.lock();
                loop {
                    if round.quit {
                        return;
                    }
                    let mailbox = &round.mailboxes[number];
                    if mailbox.active && !mailbox.lent {
                        break;
                    }
                    if mailbox.leaving && !mailbox.active {
                        drop(round);
                        self.depart(number, &mut self.seats[number].lock());
                        round = self.yard.round.lock();
                        continue;
                    }
                    if !round.over && mailbox.is_called() {
                        round.mailboxes[number].active = true;
                        round.active += 1;
                        break;
                    }
                    wake.wait(&mut round);
                }
                round.end
            };
            self.run(number, end);
        }
    }

    /// Lets all threads end.
    pub(super) fn quit(&self) {
        let mut round = self.yard.round.lock();
        round.quit = true;
        for mailbox in &round.mailboxes {
            mailbox.wake.notify_one();
        }
        drop(round);
        if let Some(host) = self.host {
            host.rouse();
        }
    }

    /// Runs a hart until it has nothing to do, or the window is over for it.
    pub(super) fn run(&self, number: usize, end: Instant) {
        let mut seat = self.seats[number].lock();
        loop {
            self.take_mail(number, &mut seat);
            self.depart(number, &mut seat);
            seat.wake();
            let running = seat.status == HartStatus::Running && !self.is_over() && !self.is_paused();
            if running && self.advance(number, &mut seat, end) {
                if self.host.is_some() {
                    self.catch_up(&mut seat);
                }
                continue;
            }
            self.park(&mut seat);
            let through = running || self.is_over() || self.is_paused();
            if self.rest(number, through) {
                return;
            }
        }
    }

    /// Rests; `false` if there is mail, for somebody may wait for an answer to it.
    fn rest(&self, number: usize, through: bool) -> bool {
        let mut round = self.yard.round.lock();
        let mailbox = &mut round.mailboxes[number];
        if !mailbox.letters.is_empty() {
            return false;
        }
        mailbox.active = false;
        mailbox.lent = false;
        mailbox.through = through;
        round.active -= 1;
        if round.active == 0 {
            round.over = true;
            self.yard.over.notify_one();
        }
        true
    }

    /// Runs a hart until it comes back; whether it goes on in this window.
    fn advance(&self, number: usize, seat: &mut Seat, end: Instant) -> bool {
        let left = end.saturating_since(seat.hart.now()).as_nanos();
        let instructions = left * self.per_microsecond / 1_000;
        if instructions == 0 {
            return false;
        }
        match seat.hart.run(instructions) {
            Exit::Budget => return false,
            Exit::Yield => pause(seat, end),
            Exit::Wait => {
                seat.wait(end);
                return true;
            }
            Exit::Bell => {}
            Exit::Page { page, access } => {
                if !self.use_there(number, seat, page, access) {
                    self.fetch(number, seat, page, access);
                }
            }
            Exit::Full { page, frames_max } => self.lack(number, seat, page, frames_max),
            Exit::Settle(revision) => self.settle(number, seat, revision),
            Exit::Read { address, width } => {
                let value = self.read_device(number, seat, address, width);
                seat.hart.complete(value);
            }
            Exit::Write { address, width, value } => {
                let done = self.write_device(number, seat, address, width, value);
                seat.hart.complete(done.map(|()| 0));
            }
            Exit::Call => self.call(number, seat),
            Exit::Breakpoint => self.finish(Ok(Pause::Breakpoint { hart: number })),
        }
        true
    }

    fn read_device(&self, number: usize, seat: &mut Seat, address: GuestAddress, width: u8) -> Option<u64> {
        if let Some(host) = self.host
            && !host.has_devices()
        {
            let errand = Errand::Read { address: address.get(), width };
            return self.ask_devices(number, seat, host, errand);
        }
        let mut board = self.board.lock();
        let value = board.read(seat.hart.now(), address, width).ok();
        let at = seat.hart.now();
        self.wire(Some((number, seat)), at, board);
        value
    }

    fn write_device(
        &self,
        number: usize,
        seat: &mut Seat,
        address: GuestAddress,
        width: u8,
        value: u64,
    ) -> Option<()> {
        if let Some(host) = self.host {
            if !host.has_devices() {
                let errand = Errand::Write { address: address.get(), width, value };
                return self.ask_devices(number, seat, host, errand).map(drop);
            }
            // The device may wait for pages, and nobody may wait for this hart meanwhile.
            self.park(seat);
        }
        let before = self.memory.revision();
        let mut write = || {
            let mut board = self.board.lock();
            let done = board.write(seat.hart.now(), self.memory, address, width, value);
            let ending = board.ending();
            let at = seat.hart.now();
            self.wire(Some((number, seat)), at, board);
            if let Some(ending) = ending {
                self.end(ending);
            }
            done.ok()
        };
        let done = match self.host {
            Some(host) => host.with_devices(write),
            None => write(),
        };
        // What the device wrote may be in pages that others still see as they were.
        let after = self.memory.revision();
        if after != before {
            self.settle(number, seat, after);
        }
        done
    }

    /// Waits until everybody knows what was revoked.
    fn settle(&self, number: usize, seat: &mut Seat, revision: Revision) {
        for mailbox in &self.yard.round.lock().mailboxes {
            mailbox.bell.ring();
        }
        self.wait_for(number, seat, || self.memory.is_settled(revision));
    }

    /// Waits for others, and does meanwhile what they want.
    pub(super) fn wait_for(&self, number: usize, seat: &mut Seat, done: impl Fn() -> bool) {
        while !done() {
            self.catch_up(seat);
            self.take_mail(number, seat);
            std::thread::yield_now();
        }
    }

    pub(super) fn finish(&self, result: Result<Pause, ComputerError>) {
        self.result.lock().get_or_insert(result);
        self.yard.ring();
    }

    /// Tells harts of their lines, in the order in which they changed.
    pub(super) fn wire(
        &self,
        mut own: Option<(usize, &mut Seat)>,
        at: Instant,
        mut board: MutexGuard<'_, &mut Board>,
    ) {
        let mut changed = board.take_changed();
        while changed != 0 {
            let number = changed.trailing_zeros() as usize;
            changed &= changed - 1;
            let lines = board.pending(number as u16);
            match &mut own {
                Some((own, seat)) if *own == number => {
                    self.take_mail(number, seat); // what was sent before is older
                    seat.hart.set_lines(lines);
                }
                _ => self.send(number, at, Message::Lines(lines)),
            }
        }
    }

    /// Does what others want of a hart.
    pub(super) fn take_mail(&self, number: usize, seat: &mut Seat) {
        let (arrival, letters) = {
            let mailbox = &mut self.yard.round.lock().mailboxes[number];
            (mailbox.arrival.take(), mailbox.empty())
        };
        if let Some(traveller) = arrival {
            seat.arrive(&traveller);
            if let Some(host) = self.host {
                host.lands(number);
            }
        }
        let answers = !letters.is_empty() && self.host.is_some();
        for letter in letters {
            let at = letter.at;
            if let (Some(host), Some(ticket)) = (self.host, obey(seat, letter)) {
                host.tell(ticket, at, None);
            }
        }
        if answers {
            // Who asked may be a hart here, which waits for news as it would for other hosts.
            self.yard.news.notify_all();
        }
    }

    fn call(&self, number: usize, seat: &mut Seat) {
        let started = self.started();
        if self.host.is_some() {
            self.park(seat); // the call may wait for pages
        }
        let view = View { memory: self.memory, harts: self.seats.len() as u64, started };
        let Some(effect) = sbi::call(&mut seat.hart, &view) else { return };
        match effect {
            Effect::Interrupt(harts) => {
                for target in others(harts, number) {
                    self.send(target, seat.hart.now(), Message::Raise(ATTENTION));
                }
                if harts >> number & 1 == 1 {
                    seat.hart.raise(ATTENTION);
                }
            }
            Effect::Fence(harts, range) => {
                if harts >> number & 1 == 1 {
                    seat.hart.fence(range.clone());
                }
                let message = |answer| Message::Fence(range.clone(), answer);
                self.ask(number, seat, harts, Some(&range), message);
            }
            Effect::FenceInstructions(harts) => {
                if harts >> number & 1 == 1 {
                    seat.hart.fence_instructions();
                }
                self.ask(number, seat, harts, None, Message::FenceInstructions);
            }
            Effect::Start { hart, pc, argument } => {
                self.send(hart as usize, seat.hart.now(), Message::Start { pc, argument });
            }
            Effect::Stop => {
                self.yard.round.lock().mailboxes[number].started = false;
                seat.status = HartStatus::Stopped;
                if let Some(host) = self.host {
                    host.tell_state();
                }
            }
            Effect::Suspend => seat.status = HartStatus::Waiting,
            Effect::SuspendAnew { pc, argument } => seat.status = HartStatus::Suspended { pc, argument },
            Effect::End(ending) => self.end(ending),
            Effect::Write(bytes) => match self.host {
                Some(host) if !host.has_devices() => {
                    self.ask_devices(number, seat, host, Errand::Say(bytes));
                }
                _ => self.console.lock().say(&bytes),
            },
            Effect::Read { address, bytes } => {
                let taken = self.console.lock().take(bytes);
                match self.memory.write_bytes(address, &taken) {
                    Ok(()) => seat.hart.set_register(11, taken.len() as u64),
                    Err(error) => self.finish(Err(error.into())),
                }
            }
        }
    }

    pub(super) fn end(&self, ending: Ending) {
        if let Some(host) = self.host {
            host.end(ending);
        }
        self.finish(Ok(Pause::Ended(ending)));
    }

    fn started(&self) -> Harts {
        self.host.map_or_else(|| self.yard.started(), Host::started)
    }

    /// Asks harts for something, and waits until those that run have done it. The others do it before they run again.
    fn ask(
        &self,
        own: usize,
        seat: &mut Seat,
        harts: Harts,
        range: Option<&Option<Range<u64>>>,
        message: impl Fn(Answer) -> Message,
    ) {
        let missing = Arc::new(AtomicUsize::new(0));
        let now = seat.hart.now();
        let here = if self.host.is_some() { 0 } else { harts };
        for target in others(here, own).filter(|target| *target < self.seats.len()) {
            self.yard.ask(target, now, |runs| {
                message(if runs {
                    missing.fetch_add(1, Ordering::SeqCst);
                    Answer::Here(missing.clone())
                } else {
                    Answer::Nobody
                })
            });
        }
        self.ask_far(own, now, harts, range, &missing);
        self.wait_for_answers(own, seat, &missing);
    }
}

/// Lets others run, and time go by for who pauses.
///
/// A loop that pauses is a few instructions long. If it took no longer than these, time would almost stand still for the
/// hart, and the others, which are never far ahead of it, would wait for it instead of doing what it waits for.
fn pause(seat: &mut Seat, end: Instant) {
    const PAUSE: Duration = Duration::from_micros(1);
    std::thread::yield_now();
    let later = seat.hart.now().saturating_add(PAUSE).min(end);
    seat.hart.set_time(later);
}

pub(super) fn others(harts: Harts, own: usize) -> impl Iterator<Item = usize> {
    (0..64).filter(move |number| *number != own && harts >> number & 1 == 1)
}
