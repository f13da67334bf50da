//! Harts that run beside each other.
//!
//! Time goes by in windows. In a window each hart runs on a thread of its own by its own instructions' time, from the same
//! instant to the same end; what it does to others reaches them at once, by their [`Mailbox`]. Between windows nobody runs,
//! and timers of devices and of harts that wait are looked at. So the clocks of two harts never differ by more than a
//! window, and no clock of the host is read.
//!
//! Three things have to wait for others: a page that was replaced is not written before everybody knows
//! ([`Exit::Settle`]), a fence that a hart asks others for is done when its call returns, and a window ends when all
//! harts are through with it. Who waits answers others meanwhile, so no two wait for each other for ever.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ironloom_core::{Duration, Instant};
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::lockstep::NEXT;
use super::seat::HartStatus;
use super::{Computer, ComputerError, Pause, Seat};
use crate::board::{Board, Ending};
use crate::hart::{Doorbell, Exit, HARTS_MAX, Reservations};
use crate::memory::{Memory, Revision};
use crate::sbi::{self, ATTENTION, Effect, Harts, View};

/// How long a window is at most: so far may clocks of harts differ.
const WINDOW_MAX: Duration = Duration::from_micros(250);

/// What a hart is asked to do by others, and when.
#[derive(Debug)]
struct Letter {
    at: Instant,
    message: Message,
}

/// What a hart is asked to do by others.
#[derive(Debug)]
enum Message {
    Lines(u64),
    Raise(u64),
    Fence(Option<Range<u64>>, Answer),
    FenceInstructions(Answer),
    Start { pc: u64, argument: u64 },
}

/// Who counts the answers that are missing, if anybody waits for them.
#[derive(Debug)]
struct Answer(Option<Arc<AtomicUsize>>);

impl Answer {
    fn give(self) {
        if let Some(missing) = self.0 {
            missing.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// A hart as others see it in a window.
#[derive(Debug)]
struct Mailbox {
    bell: Arc<Doorbell>,
    letters: Vec<Letter>,
    /// Letters that it need not wake for.
    quiet: Vec<Letter>,
    /// Whether it runs; else it takes its messages before it runs again.
    active: bool,
    started: bool,
}

/// What harts share in a window.
#[derive(Debug)]
struct Round {
    mailboxes: Vec<Mailbox>,
    active: usize,
    /// Which window it is; threads begin when it changes.
    number: u64,
    end: Instant,
    over: bool,
    quit: bool,
}

/// What the threads of harts share.
struct Floor<'a> {
    memory: &'a Memory,
    seats: &'a [Mutex<&'a mut Seat>],
    board: Mutex<&'a mut Board>,
    console: Mutex<DebugConsole<'a>>,
    result: Mutex<Option<Result<Pause, ComputerError>>>,
    round: Mutex<Round>,
    changed: Condvar,
    per_microsecond: u64,
}

/// The debug console while harts run.
struct DebugConsole<'a> {
    typed: &'a mut VecDeque<u8>,
    said: Vec<u8>,
    said_max: usize,
}

impl DebugConsole<'_> {
    fn say(&mut self, bytes: &[u8]) {
        let room = self.said_max.saturating_sub(self.said.len());
        self.said.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn take(&mut self, bytes: u64) -> Vec<u8> {
        let taken = self.typed.len().min(bytes as usize);
        self.typed.drain(..taken).collect()
    }
}

impl Computer {
    /// Lets time go by until an instant, with each hart on a thread of its own.
    ///
    /// What happens then depends on the host: only harts that take turns ([`Computer::run_until`]) do the same each time.
    ///
    /// # Errors
    ///
    /// If memory that is needed cannot be brought in.
    pub fn run_freely_until(&mut self, deadline: Instant) -> Result<Pause, ComputerError> {
        if let Some(ending) = self.ended {
            return Ok(Pause::Ended(ending));
        }
        let harts = self.seats.len();
        if harts > HARTS_MAX {
            return Err(ComputerError::TooManyHarts { harts, harts_max: HARTS_MAX });
        }
        let table = Arc::new(Reservations::new());
        for seat in &mut self.seats {
            seat.hart.share(Some(table.clone()));
        }
        let outcome = self.with_threads(deadline);
        for seat in &mut self.seats {
            seat.hart.share(None);
        }
        outcome
    }

    fn with_threads(&mut self, deadline: Instant) -> Result<Pause, ComputerError> {
        let mut now = self.now;
        let mailboxes = self.seats.iter().map(|seat| Mailbox {
            bell: seat.hart.doorbell(),
            letters: Vec::new(),
            quiet: Vec::new(),
            active: false,
            started: seat.is_started(),
        });
        let round =
            Round { mailboxes: mailboxes.collect(), active: 0, number: 0, end: now, over: true, quit: false };
        let seats: Vec<_> = self.seats.iter_mut().map(Mutex::new).collect();
        let floor = Floor {
            memory: &self.memory,
            seats: &seats,
            board: Mutex::new(&mut self.board),
            console: Mutex::new(DebugConsole {
                typed: &mut self.console,
                said: Vec::new(),
                said_max: self.config.board.output_bytes_max as usize,
            }),
            result: Mutex::new(None),
            round: Mutex::new(round),
            changed: Condvar::new(),
            per_microsecond: self.config.instructions_per_microsecond,
        };
        std::thread::scope(|scope| {
            for number in 0..floor.seats.len() {
                let floor = &floor;
                scope.spawn(move || floor.live(number));
            }
            while now < deadline && floor.result.lock().is_none() {
                now = floor.window(now, deadline);
            }
            floor.round.lock().quit = true;
            floor.changed.notify_all();
        });
        let (console, result) = (floor.console.into_inner(), floor.result.into_inner());
        let said = console.said;
        self.now = now;
        self.say(&said);
        match result {
            Some(Ok(Pause::Ended(ending))) => {
                self.ended = Some(ending);
                Ok(Pause::Ended(ending))
            }
            Some(result) => result,
            None => Ok(Pause::Deadline),
        }
    }
}

impl Floor<'_> {
    /// Lets everybody run for a window; when it ended.
    fn window(&self, now: Instant, deadline: Instant) -> Instant {
        let mut board = self.board.lock();
        board.advance(now, self.memory);
        let mut changed = board.take_changed();
        let mut end = deadline;
        if let Some(event) = board.next_event() {
            end = end.min(event);
        }
        let mut running = Vec::new();
        let mut started = Vec::new();
        for (number, seat) in self.seats.iter().enumerate() {
            let mut seat = seat.lock();
            if changed & 1 == 1 {
                seat.hart.set_lines(board.pending(number as u16));
            }
            changed >>= 1;
            seat.hart.set_time(now);
            self.take_mail(number, &mut seat);
            seat.wake();
            started.push(seat.is_started());
            if seat.status == HartStatus::Running {
                running.push(number);
            } else if let Some(alarm) = seat.alarm() {
                end = end.min(alarm);
            }
        }
        drop(board);
        if running.is_empty() {
            return end.max(now.saturating_add(Duration::from_nanos(1)));
        }
        let soonest = now.saturating_add(Duration::from_micros(1));
        let end = end.max(soonest).min(now.saturating_add(WINDOW_MAX));
        let mut round = self.round.lock();
        for (mailbox, started) in round.mailboxes.iter_mut().zip(started) {
            mailbox.started = started;
        }
        for number in &running {
            round.mailboxes[*number].active = true;
        }
        round.active = running.len();
        round.number += 1;
        round.end = end;
        round.over = false;
        self.changed.notify_all();
        while !round.over {
            self.changed.wait(&mut round);
        }
        drop(round);
        // If all wait, the window was over when the last began to.
        let latest = self.seats.iter().map(|seat| seat.lock().hart.now()).max().unwrap_or(end);
        latest.clamp(now.saturating_add(NEXT), end)
    }

    /// The life of a hart's thread: a window after another.
    fn live(&self, number: usize) {
        let mut seen = 0;
        loop {
            let (end, active) = {
                let mut round = self.round.lock();
                loop {
                    if round.quit {
                        return;
                    }
                    if !round.over && round.number != seen && round.mailboxes[number].started {
                        break;
                    }
                    self.changed.wait(&mut round);
                }
                seen = round.number;
                (round.end, round.mailboxes[number].active)
            };
            let mut seat = self.seats[number].lock();
            if active || self.wake_up(number, self.round.lock(), seen, false) {
                self.run(number, &mut seat, seen, end);
            }
        }
    }

    /// Runs a hart until the window is over for all.
    fn run(&self, number: usize, seat: &mut Seat, window: u64, end: Instant) {
        loop {
            self.take_mail(number, seat);
            seat.wake();
            if seat.status == HartStatus::Running
                && self.result.lock().is_none()
                && self.advance(number, seat, end)
            {
                continue;
            }
            // It waits, or it is through: until somebody wants something of it, or the window is over.
            seat.hart.park();
            let through = seat.hart.now() >= end || self.result.lock().is_some();
            if !self.rest(number, window, through) {
                return;
            }
        }
    }

    /// Rests until there is mail that a hart takes at once; `false` if the window is over.
    fn rest(&self, number: usize, window: u64, through: bool) -> bool {
        let mut round = self.round.lock();
        if !round.mailboxes[number].letters.is_empty() {
            return true; // somebody may wait for an answer to it
        }
        round.mailboxes[number].active = false;
        round.active -= 1;
        if round.active == 0 {
            round.over = true;
            self.changed.notify_all();
            return false;
        }
        self.wake_up(number, round, window, through)
    }

    /// Waits for mail, and is active again; `false` if the window is over, even if the next has begun.
    fn wake_up(&self, number: usize, mut round: MutexGuard<'_, Round>, window: u64, through: bool) -> bool {
        loop {
            if round.over || round.number != window {
                return false;
            }
            if !through && !round.mailboxes[number].letters.is_empty() {
                round.mailboxes[number].active = true;
                round.active += 1;
                return true;
            }
            self.changed.wait(&mut round);
        }
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
                return seat.status == HartStatus::Running;
            }
            Exit::Bell => {}
            Exit::Page { page, .. } => {
                if let Err(error) = self.memory.bring_in(page) {
                    self.finish(Err(error.into()));
                }
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
        let mut round = self.round.lock();
        let Some(mailbox) = round.mailboxes.get_mut(number) else { return };
        mailbox.letters.push(Letter { at, message });
        mailbox.bell.ring();
        let active = mailbox.active;
        drop(round);
        if !active {
            self.changed.notify_all();
        }
    }

    fn take_mail(&self, number: usize, seat: &mut Seat) {
        let (quiet, letters) = {
            let mailbox = &mut self.round.lock().mailboxes[number];
            (std::mem::take(&mut mailbox.quiet), std::mem::take(&mut mailbox.letters))
        };
        for Letter { at, message } in quiet.into_iter().chain(letters) {
            if seat.status != HartStatus::Running && seat.hart.now() < at {
                seat.hart.set_time(at);
            }
            match message {
                Message::Lines(lines) => seat.hart.set_lines(lines),
                Message::Raise(interrupts) => seat.hart.raise(interrupts),
                Message::Fence(range, answer) => {
                    seat.hart.fence(range);
                    answer.give();
                }
                Message::FenceInstructions(answer) => {
                    seat.hart.fence_instructions();
                    answer.give();
                }
                Message::Start { pc, argument } => {
                    let id = seat.hart.id();
                    seat.hart.hand_over(pc, id, argument);
                    seat.status = HartStatus::Running;
                }
            }
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
