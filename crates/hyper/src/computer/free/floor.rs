//! [`Floor`]: where harts run, and what their threads do there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ironloom_core::Instant;
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::mail::{Answer, Letter, Message, obey};
use super::{DebugConsole, Round};
use crate::board::{Board, Ending};
use crate::computer::seat::{HartStatus, Seat};
use crate::computer::{ComputerError, Pause};
use crate::hart::Exit;
use crate::memory::{Memory, MemoryError, Revision};
use crate::sbi::{self, ATTENTION, Effect, Harts, View};

/// What the threads of harts share.
pub(super) struct Floor<'a> {
    pub(super) memory: &'a Memory,
    pub(super) seats: &'a [Mutex<&'a mut Seat>],
    pub(super) board: Mutex<&'a mut Board>,
    pub(super) console: Mutex<DebugConsole<'a>>,
    pub(super) result: Mutex<Option<Result<Pause, ComputerError>>>,
    pub(super) round: Mutex<Round>,
    /// Tells that a window is over.
    pub(super) over: Condvar,
    pub(super) per_microsecond: u64,
}

impl Floor<'_> {
    /// The life of a hart's thread: it runs the hart when it has something to do in a window.
    pub(super) fn live(&self, number: usize) {
        let wake = self.round.lock().mailboxes[number].wake.clone();
        loop {
            let end = {
                let mut round = self.round.lock();
                loop {
                    if round.quit {
                        return;
                    }
                    let mailbox = &round.mailboxes[number];
                    if mailbox.active && !mailbox.lent {
                        break;
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
        let mut round = self.round.lock();
        round.quit = true;
        for mailbox in &round.mailboxes {
            mailbox.wake.notify_one();
        }
    }

    /// Runs a hart until it has nothing to do, or the window is over for it.
    pub(super) fn run(&self, number: usize, end: Instant) {
        let mut seat = self.seats[number].lock();
        loop {
            self.take_mail(number, &mut seat);
            seat.wake();
            let running = seat.status == HartStatus::Running && self.result.lock().is_none();
            if running && self.advance(number, &mut seat, end) {
                continue;
            }
            seat.hart.park();
            let through = running || self.result.lock().is_some();
            if self.rest(number, through) {
                return;
            }
        }
    }

    /// Rests; `false` if there is mail, for somebody may wait for an answer to it.
    fn rest(&self, number: usize, through: bool) -> bool {
        let mut round = self.round.lock();
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
            self.over.notify_one();
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
            Exit::Yield => std::thread::yield_now(),
            Exit::Wait => {
                seat.wait(end);
                return true;
            }
            Exit::Bell => {}
            Exit::Page { page, access } => {
                if let Err(error) = self.memory.bring_in(page, access) {
                    self.finish(Err(error.into()));
                }
            }
            Exit::Full { page, frames_max } => {
                self.finish(Err(MemoryError::Full { page, frames_max }.into()));
            }
            Exit::Settle(revision) => self.settle(number, seat, revision),
            Exit::Read { address, width } => {
                let mut board = self.board.lock();
                let value = board.read(seat.hart.now(), address, width).ok();
                self.wire(number, seat, board);
                seat.hart.complete(value);
            }
            Exit::Write { address, width, value } => {
                let before = self.memory.revision();
                let mut board = self.board.lock();
                let done = board.write(seat.hart.now(), self.memory, address, width, value);
                let ending = board.ending();
                self.wire(number, seat, board);
                seat.hart.complete(done.ok().map(|()| 0));
                if let Some(ending) = ending {
                    self.end(ending);
                }
                // What the device wrote may be in pages that others still see as they were.
                let after = self.memory.revision();
                if after != before {
                    self.settle(number, seat, after);
                }
            }
            Exit::Call => self.call(number, seat),
            Exit::Breakpoint => self.finish(Ok(Pause::Breakpoint { hart: number })),
        }
        true
    }

    /// Waits until everybody knows what was revoked.
    fn settle(&self, number: usize, seat: &mut Seat, revision: Revision) {
        for mailbox in &self.round.lock().mailboxes {
            mailbox.bell.ring();
        }
        self.wait_for(number, seat, || self.memory.is_settled(revision));
    }

    /// Waits for others, and does meanwhile what they want.
    fn wait_for(&self, number: usize, seat: &mut Seat, done: impl Fn() -> bool) {
        while !done() {
            seat.hart.catch_up();
            self.take_mail(number, seat);
            std::thread::yield_now();
        }
    }

    fn finish(&self, result: Result<Pause, ComputerError>) {
        self.result.lock().get_or_insert(result);
        for mailbox in &self.round.lock().mailboxes {
            mailbox.bell.ring();
        }
    }

    /// Tells harts of their lines, in the order in which they changed.
    fn wire(&self, own: usize, seat: &mut Seat, mut board: MutexGuard<'_, &mut Board>) {
        let mut changed = board.take_changed();
        while changed != 0 {
            let number = changed.trailing_zeros() as usize;
            changed &= changed - 1;
            let lines = board.pending(number as u16);
            if number == own {
                seat.hart.set_lines(lines);
            } else {
                self.send(number, seat.hart.now(), Message::Lines(lines));
            }
        }
    }

    /// Puts a message into a hart's mailbox, and wakes it.
    fn send(&self, number: usize, at: Instant, message: Message) {
        if let Some(mailbox) = self.round.lock().mailboxes.get_mut(number) {
            mailbox.put(Letter { at, message });
        }
    }

    /// Does what others want of a hart.
    pub(super) fn take_mail(&self, number: usize, seat: &mut Seat) {
        let letters = self.round.lock().mailboxes[number].empty();
        for letter in letters {
            obey(seat, letter);
        }
    }

    fn call(&self, number: usize, seat: &mut Seat) {
        let started = self.started();
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
                self.ask(number, seat, harts, |answer| Message::Fence(range.clone(), answer));
            }
            Effect::FenceInstructions(harts) => {
                if harts >> number & 1 == 1 {
                    seat.hart.fence_instructions();
                }
                self.ask(number, seat, harts, Message::FenceInstructions);
            }
            Effect::Start { hart, pc, argument } => {
                self.round.lock().mailboxes[hart as usize].started = true;
                self.send(hart as usize, seat.hart.now(), Message::Start { pc, argument });
            }
            Effect::Stop => {
                self.round.lock().mailboxes[number].started = false;
                seat.status = HartStatus::Stopped;
            }
            Effect::Suspend => seat.status = HartStatus::Waiting,
            Effect::SuspendAnew { pc, argument } => seat.status = HartStatus::Suspended { pc, argument },
            Effect::End(ending) => self.end(ending),
            Effect::Write(bytes) => self.console.lock().say(&bytes),
            Effect::Read { address, bytes } => {
                let taken = self.console.lock().take(bytes);
                match self.memory.write_bytes(address, &taken) {
                    Ok(()) => seat.hart.set_register(11, taken.len() as u64),
                    Err(error) => self.finish(Err(error.into())),
                }
            }
        }
    }

    fn end(&self, ending: Ending) {
        self.finish(Ok(Pause::Ended(ending)));
    }

    fn started(&self) -> Harts {
        let round = self.round.lock();
        let started = round.mailboxes.iter().enumerate().filter(|(_, mailbox)| mailbox.started);
        started.fold(0, |harts, (number, _)| harts | 1 << number)
    }

    /// Asks harts for something, and waits until those that run have done it. The others do it before they run again.
    fn ask(&self, own: usize, seat: &mut Seat, harts: Harts, message: impl Fn(Answer) -> Message) {
        let left = Arc::new(AtomicUsize::new(0));
        let now = seat.hart.now();
        {
            let mut round = self.round.lock();
            for target in others(harts, own).filter(|target| *target < self.seats.len()) {
                let mailbox = &mut round.mailboxes[target];
                if mailbox.active {
                    left.fetch_add(1, Ordering::SeqCst);
                    mailbox.letters.push(Letter { at: now, message: message(Answer(Some(left.clone()))) });
                    mailbox.bell.ring();
                } else {
                    mailbox.quiet.push(Letter { at: now, message: message(Answer(None)) });
                }
            }
        }
        self.wait_for(own, seat, || left.load(Ordering::SeqCst) == 0);
    }
}

fn others(harts: Harts, own: usize) -> impl Iterator<Item = usize> {
    (0..64).filter(move |number| *number != own && harts >> number & 1 == 1)
}
