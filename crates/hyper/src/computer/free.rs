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

mod floor;
mod mail;

use std::collections::VecDeque;
use std::sync::Arc;

use ironloom_core::{Duration, Instant};
use parking_lot::{Condvar, Mutex};

use self::floor::Floor;
use self::mail::Mailbox;
use super::lockstep::NEXT;
use super::seat::HartStatus;
use super::{Computer, ComputerError, Pause};
use crate::hart::{HARTS_MAX, Reservations};

/// How long a window is at most: so far may clocks of harts differ.
const WINDOW_MAX: Duration = Duration::from_micros(250);

/// What harts share in a window.
#[derive(Debug)]
struct Round {
    mailboxes: Vec<Mailbox>,
    /// How many harts run.
    active: usize,
    end: Instant,
    over: bool,
    quit: bool,
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
        self.share(true);
        self.with_threads(deadline)
    }

    /// Prepares harts to run beside each other, or one after another. Blocks are decoded anew when that changes.
    pub(super) fn share(&mut self, freely: bool) {
        if self.freely == freely {
            return;
        }
        self.freely = freely;
        let table = freely.then(|| Arc::new(Reservations::new()));
        for seat in &mut self.seats {
            seat.hart.share(table.clone());
        }
    }

    fn with_threads(&mut self, deadline: Instant) -> Result<Pause, ComputerError> {
        let mut now = self.now;
        let mailboxes = self.seats.iter().map(Mailbox::new).collect();
        let round = Round { mailboxes, active: 0, end: now, over: true, quit: false };
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
            over: Condvar::new(),
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
            floor.quit();
        });
        // What was sent in the last window has not been taken by those who were through with it.
        for (number, seat) in seats.iter().enumerate() {
            floor.take_mail(number, &mut seat.lock());
        }
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
        let (running, end) = self.prepare(now, deadline);
        let Some((lent, others)) = running.split_first() else {
            return end.max(now.saturating_add(NEXT));
        };
        let end = end.max(now.saturating_add(NEXT)).min(now.saturating_add(WINDOW_MAX));
        {
            let mut round = self.round.lock();
            round.active = running.len();
            round.end = end;
            round.over = false;
            for mailbox in &mut round.mailboxes {
                mailbox.through = false;
            }
            for number in &running {
                round.mailboxes[*number].active = true;
            }
            round.mailboxes[*lent].lent = true;
            for number in others {
                round.mailboxes[*number].wake.notify_one();
            }
        }
        // One of them runs here: then nobody has to be woken if it is the only one.
        self.run(*lent, end);
        let mut round = self.round.lock();
        while !round.over {
            self.over.wait(&mut round);
        }
        drop(round);
        // If all wait, the window was over when the last began to.
        let latest = self.seats.iter().map(|seat| seat.lock().hart.now()).max().unwrap_or(end);
        latest.clamp(now.saturating_add(NEXT), end)
    }

    /// Tells everybody the time and what has happened; who has something to do, and when something else happens.
    fn prepare(&self, now: Instant, deadline: Instant) -> (Vec<usize>, Instant) {
        let mut board = self.board.lock();
        board.advance(now, self.memory);
        let mut changed = board.take_changed();
        let mut end = board.next_event().map_or(deadline, |event| deadline.min(event));
        let mut running = Vec::new();
        for (number, seat) in self.seats.iter().enumerate() {
            let mut seat = seat.lock();
            if changed & 1 == 1 {
                seat.hart.set_lines(board.pending(number as u16));
            }
            changed >>= 1;
            seat.tell_time(now);
            self.take_mail(number, &mut seat);
            seat.wake();
            self.round.lock().mailboxes[number].started = seat.is_started();
            if seat.status == HartStatus::Running {
                running.push(number);
            } else if let Some(alarm) = seat.alarm() {
                end = end.min(alarm);
            }
        }
        (running, end)
    }
}
