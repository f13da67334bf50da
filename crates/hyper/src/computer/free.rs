//! Harts that run beside each other.
//!
//! Time goes by in windows. In a window each hart runs on a thread of its own by its own instructions' time, from the same
//! instant to the same end; what it does to others reaches them at once, by their [`Mailbox`](mail::Mailbox). Between
//! windows nobody runs, and timers of devices and of harts that wait are looked at. So the clocks of two harts never differ
//! by more than a window, and no clock of the host is read.
//!
//! Three things have to wait for others: a page that was replaced is not written before everybody knows
//! ([`Exit::Settle`](crate::hart::Exit::Settle)), a fence that a hart asks others for is done when its call returns, and a
//! window ends when all harts are through with it. Who waits answers others meanwhile, so no two wait for each other for
//! ever.
//!
//! Of a computer that [several hosts](super::spread) share the harts run that live here, and they wait for a fourth thing:
//! for what is on other hosts.

mod far;
mod floor;
mod mail;
mod remote;
mod window;
mod yard;

use std::collections::VecDeque;
use std::sync::Arc;

use ironloom_core::Instant;
use parking_lot::Mutex;

use self::floor::Floor;
use super::{Computer, ComputerError, Pause};
use crate::hart::{HARTS_MAX, Reservations};

pub(super) use self::mail::{Answer, Message};
pub(super) use self::yard::Yard;

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
        let host = self.host.clone();
        let yard = match &host {
            Some(host) => host.yard().clone(),
            None => Arc::new(Yard::new(self.seats.iter())),
        };
        yard.round.lock().quit = false;
        if let Some(host) = &host {
            host.reserve_in(self.seats.first().and_then(|seat| seat.hart.reservations()));
        }
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
            yard: &yard,
            per_microsecond: self.config.instructions_per_microsecond,
            host: host.as_deref(),
        };
        std::thread::scope(|scope| {
            for number in 0..floor.seats.len() {
                let floor = &floor;
                scope.spawn(move || floor.live(number));
            }
            if let Some(host) = floor.host {
                let floor = &floor;
                if host.has_devices() {
                    scope.spawn(move || floor.answer_errands(host));
                }
            }
            while (now < deadline || floor.lacks_others(deadline)) && !floor.is_over() {
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
            Some(result) => {
                if let (Err(_), Some(host)) = (&result, &self.host) {
                    host.halt();
                }
                result
            }
            None => Ok(Pause::Deadline),
        }
    }
}
