//! Harts that take turns.

use ironloom_core::{Duration, Instant};

use super::seat::HartStatus;
use super::{Computer, ComputerError, Pause, Seat};
use crate::board::Ending;
use crate::hart::Exit;
use crate::memory::MemoryError;
use crate::sbi::{self, ATTENTION, Effect, Harts, View};

/// How long a hart may run at once if no other wants to: interrupts of devices wait no longer.
const ALONE_MAX: Duration = Duration::from_millis(1);

/// The least that time goes by.
pub(super) const NEXT: Duration = Duration::from_nanos(1);

impl Computer {
    /// Lets time go by until an instant.
    ///
    /// # Errors
    ///
    /// If memory that is needed cannot be brought in: then the computer stands where it is, and it can be tried again. If
    /// other hosts have parts of the computer: then harts run freely only.
    pub fn run_until(&mut self, deadline: Instant) -> Result<Pause, ComputerError> {
        self.check_whole()?; // harts elsewhere do not take turns with these
        self.share(false);
        while self.now < deadline {
            if let Some(ending) = self.ended {
                return Ok(Pause::Ended(ending));
            }
            self.board.advance(self.now, &*self.memory);
            self.wire();
            let runnable = self.begin_round();
            let end = self.round_end(runnable, deadline);
            if runnable == 0 {
                self.now = end;
                continue;
            }
            for number in 0..self.seats.len() {
                if let Some(pause) = self.turn(number, end)? {
                    return Ok(pause);
                }
            }
            // If all wait, or the computer is off, the round was over then.
            let busy = self.seats.iter().any(|seat| seat.status == HartStatus::Running);
            let latest = self.seats.iter().map(|seat| seat.hart.now()).max().unwrap_or(end);
            let through = busy && self.ended.is_none();
            self.now = if through { end } else { latest.max(self.now.saturating_add(NEXT)).min(end) };
        }
        Ok(self.ended.map_or(Pause::Deadline, Pause::Ended))
    }

    /// Tells every hart the time and wakes those that have something to do; how many they are.
    fn begin_round(&mut self) -> usize {
        let mut runnable = 0;
        for seat in &mut self.seats {
            seat.tell_time(self.now);
            seat.wake();
            runnable += usize::from(seat.status == HartStatus::Running);
        }
        runnable
    }

    /// When the round is over: a slice from now, or when something is due.
    fn round_end(&self, runnable: usize, deadline: Instant) -> Instant {
        let mut end = deadline;
        if let Some(event) = self.board.next_event() {
            end = end.min(event);
        }
        // Harts that run look at their own timers.
        let waiting = self.seats.iter().filter(|seat| seat.status != HartStatus::Running);
        end = waiting.filter_map(Seat::alarm).fold(end, Instant::min);
        let longest = match runnable {
            0 => return end.max(self.now.saturating_add(NEXT)),
            1 => ALONE_MAX,
            _ => self.config.slice,
        };
        end.max(self.now.saturating_add(NEXT)).min(self.now.saturating_add(longest))
    }

    /// Lets a hart run to the end of the round, or until it has nothing to do.
    fn turn(&mut self, number: usize, end: Instant) -> Result<Option<Pause>, ComputerError> {
        while self.seats[number].status == HartStatus::Running && self.ended.is_none() {
            let seat = &mut self.seats[number];
            let left = end.saturating_since(seat.hart.now()).as_nanos();
            let instructions = left * self.config.instructions_per_microsecond / 1_000;
            if instructions == 0 {
                break;
            }
            match seat.hart.run(instructions) {
                Exit::Budget | Exit::Yield => break,
                Exit::Wait => seat.wait(end),
                Exit::Page { page, access } => self.memory.bring_in(page, access)?,
                Exit::Full { page, frames_max } => return Err(MemoryError::Full { page, frames_max }.into()),
                Exit::Read { address, width } => {
                    let value = self.board.read(seat.hart.now(), address, width).ok();
                    seat.hart.complete(value);
                    self.wire();
                }
                Exit::Write { address, width, value } => {
                    let done = self.board.write(seat.hart.now(), &*self.memory, address, width, value);
                    seat.hart.complete(done.ok().map(|()| 0));
                    self.wire();
                    if let Some(ending) = self.board.ending() {
                        self.end(ending);
                    }
                }
                Exit::Call => {
                    if self.call(number)? {
                        break;
                    }
                }
                Exit::Breakpoint => return Ok(Some(Pause::Breakpoint { hart: number })),
                Exit::Bell | Exit::Settle(_) => {}
            }
        }
        let alone = self.seats.len() == 1;
        let seat = &mut self.seats[number];
        if !alone {
            seat.hart.release();
        }
        if seat.status != HartStatus::Running {
            seat.hart.park();
        }
        Ok(None)
    }

    fn end(&mut self, ending: Ending) {
        self.ended = self.ended.or(Some(ending));
    }

    /// Answers a call to the firmware; whether the hart's turn is over, because others have to do something first.
    fn call(&mut self, number: usize) -> Result<bool, ComputerError> {
        let started = self.seats.iter().enumerate().filter(|(_, seat)| seat.is_started());
        let started = started.fold(0, |harts: Harts, (number, _)| harts | 1 << number);
        let view = View { memory: &self.memory, harts: self.seats.len() as u64, started };
        let Some(effect) = sbi::call(&mut self.seats[number].hart, &view) else { return Ok(false) };
        let own = 1 << number;
        match effect {
            Effect::Interrupt(harts) => {
                self.each(harts, |seat| seat.hart.raise(ATTENTION));
                return Ok(harts & !own != 0 && self.seats.len() > 1 && self.is_anyone_asleep(harts));
            }
            Effect::Fence(harts, range) => self.each(harts, |seat| seat.hart.fence(range.clone())),
            Effect::FenceInstructions(harts) => self.each(harts, |seat| seat.hart.fence_instructions()),
            Effect::Start { hart, pc, argument } => {
                let seat = &mut self.seats[hart as usize];
                seat.hart.hand_over(pc, hart, argument);
                seat.hart.set_time(self.now);
                seat.status = HartStatus::Running;
            }
            Effect::Stop => self.seats[number].status = HartStatus::Stopped,
            Effect::Suspend => {
                let seat = &mut self.seats[number];
                seat.status = HartStatus::Waiting;
                seat.wake();
            }
            Effect::SuspendAnew { pc, argument } => {
                let seat = &mut self.seats[number];
                seat.status = HartStatus::Suspended { pc, argument };
                seat.wake();
            }
            Effect::End(ending) => self.end(ending),
            Effect::Write(bytes) => self.say(&bytes),
            Effect::Read { address, bytes } => {
                let taken = self.console.len().min(bytes as usize);
                let text: Vec<u8> = self.console.drain(..taken).collect();
                self.memory.write_bytes(address, &text)?;
                self.seats[number].hart.set_register(11, taken as u64);
            }
        }
        Ok(false)
    }

    fn each(&mut self, harts: Harts, mut act: impl FnMut(&mut Seat)) {
        for (number, seat) in self.seats.iter_mut().enumerate() {
            if harts >> number & 1 == 1 {
                act(seat);
            }
        }
    }

    /// Whether a hart waits that was just sent something: then the round ends, so that it need not wait longer.
    fn is_anyone_asleep(&self, harts: Harts) -> bool {
        let asleep = |seat: &Seat| matches!(seat.status, HartStatus::Waiting | HartStatus::Suspended { .. });
        self.seats.iter().enumerate().any(|(number, seat)| harts >> number & 1 == 1 && asleep(seat))
    }
}
