//! [`Chassis`]: a computer in its place in a world.

mod kept;

use std::sync::Arc;

use ironloom_blob::{BlobId, PinError, VolumeError};
use ironloom_core::Instant;
use ironloom_hyper::Computer;
use ironloom_hyper::board::{BlockError, BoardError, Ending, Input, Output};
use ironloom_hyper::computer::{ComputerError, HartStatus, Pause};
use ironloom_net::Frame;
use ironloom_vm::MachineState;

use super::card::Card;
use super::parts::{self, Parts};
use super::serial::Serial;
use super::shelf::{Pin, Shelf};

/// A computer in its place in a world.
///
/// Its own time begins when it is switched on, and stands still while it does: so it is behind that of the world.
#[derive(Debug)]
pub(in crate::world) struct Chassis {
    parts: Arc<Parts>,
    shelf: Arc<Shelf>,
    computer: Computer,
    /// The snapshot that its memory stands on, if it does.
    base: Option<Pin>,
    state: MachineState,
    /// The time of the world less its own, in nanoseconds.
    behind: i128,
    card: Option<Card>,
    pub(super) serial: Serial,
    /// What it did since somebody asked.
    done: Done,
}

/// What a computer did.
#[derive(Debug, Default)]
pub(in crate::world) struct Done {
    /// What it said on its serial port.
    pub(in crate::world) said: Vec<u8>,
    /// The frames that it sent, in order.
    pub(in crate::world) sent: Vec<Frame>,
    /// How it came to an end, if it did.
    pub(in crate::world) fate: Option<Fate>,
}

/// How a computer came to an end.
#[derive(Debug)]
pub(in crate::world) enum Fate {
    /// It is off.
    Off,
    /// It begins again.
    Reset,
    /// It cannot go on.
    Crashed(ComputerError),
}

impl Fate {
    const fn of(ending: Ending) -> Self {
        match ending {
            Ending::PowerOff { .. } => Self::Off,
            Ending::Reset => Self::Reset,
        }
    }
}

impl Chassis {
    /// A computer that is off, with an empty place for a disk.
    pub(super) fn new(
        parts: Parts,
        shelf: Arc<Shelf>,
        card: Option<Card>,
        now: Instant,
    ) -> Result<Self, ComputerError> {
        let computer = parts.assemble(now, card.as_ref())?;
        let mut chassis = Self {
            parts: Arc::new(parts),
            shelf,
            computer,
            base: None,
            state: MachineState::Created,
            behind: 0,
            card,
            serial: Serial::default(),
            done: Done::default(),
        };
        chassis.set(now);
        Ok(chassis)
    }

    pub(in crate::world) const fn state(&self) -> MachineState {
        self.state
    }

    pub(in crate::world) const fn card(&self) -> Option<&Card> {
        self.card.as_ref()
    }

    /// The computer, to be looked at.
    pub(in crate::world) const fn computer(&self) -> &Computer {
        &self.computer
    }

    /// The computer, to be changed.
    pub(in crate::world) const fn computer_mut(&mut self) -> &mut Computer {
        &mut self.computer
    }

    /// When it has something to do by itself, in the time of the world.
    pub(in crate::world) fn next_event(&self) -> Option<Instant> {
        if self.state != MachineState::Running {
            return None;
        }
        if self.done.fate.is_some() {
            return Some(Instant::ZERO);
        }
        let own = i128::from(self.computer.next_event()?.as_nanos());
        Some(instant(own.saturating_add(self.behind)))
    }

    /// Lets time go by until an instant of the world.
    pub(in crate::world) fn run(&mut self, until: Instant) {
        if self.state != MachineState::Running || self.done.fate.is_some() {
            return;
        }
        self.done.fate = match self.computer.run_until(self.own(until)) {
            Ok(Pause::Ended(ending)) => Some(Fate::of(ending)),
            Ok(_) => None,
            Err(error) => Some(Fate::Crashed(error)),
        };
        while let Some(output) = self.computer.poll() {
            match output {
                Output::Serial(bytes) => self.done.said.extend(bytes),
                Output::Frame(_, frame) => {
                    let frame = match self.card {
                        Some(card) => card.outward(frame),
                        None => frame,
                    };
                    self.done.sent.push(frame);
                }
                // It has no other devices that say anything.
                _ => {}
            }
        }
    }

    /// What it did since this was asked last.
    pub(in crate::world) fn take_done(&mut self) -> Done {
        std::mem::take(&mut self.done)
    }

    /// Brings a frame that arrived. Who is off does not hear it.
    pub(in crate::world) fn hear(&mut self, now: Instant, frame: Frame) {
        let Some(card) = self.card else { return };
        let Some((slot, _)) = card.guest.filter(|_| self.is_on()) else { return };
        self.run(now);
        self.computer.handle(Input::Frame(slot, &card.inward(frame)));
    }

    /// Types something; how many bytes there was room for.
    pub(in crate::world) fn type_in(&mut self, now: Instant, bytes: &[u8]) -> usize {
        self.run(now);
        self.computer.type_in(bytes)
    }

    /// Whether it is on: it runs, or stands still.
    pub(in crate::world) const fn is_on(&self) -> bool {
        matches!(self.state, MachineState::Running | MachineState::Suspended)
    }

    /// Switches it on.
    pub(in crate::world) fn switch_on(&mut self, now: Instant) -> Result<(), ComputerError> {
        self.replace(now)?;
        self.parts.boot(&mut self.computer)?;
        self.state = MachineState::Running;
        Ok(())
    }

    /// Cuts its power: what is on its disk is left.
    pub(in crate::world) fn switch_off(&mut self, now: Instant) -> Result<(), ComputerError> {
        self.state = MachineState::Stopped;
        self.replace(now)
    }

    /// Says that it cannot go on. It can be switched on again.
    pub(in crate::world) const fn crash(&mut self) {
        self.state = MachineState::Crashed;
    }

    /// Lets it stand still.
    pub(in crate::world) fn suspend(&mut self, now: Instant) {
        self.run(now);
        self.state = MachineState::Suspended;
    }

    /// Lets it go on where it stood still.
    pub(in crate::world) fn resume(&mut self, now: Instant) {
        self.state = MachineState::Running;
        self.set(now);
    }

    /// Puts a disk into it. That is done before it is switched on for the first time.
    pub(super) fn insert(&mut self, disk: super::disk::Disk) -> Result<(), ComputerError> {
        parts::insert(&mut self.computer, Box::new(disk))
    }

    /// Whether its parts are such that it can be switched on.
    pub(in crate::world) fn check(&self, now: Instant) -> Result<(), ComputerError> {
        let mut other = self.parts.assemble(now, self.card.as_ref())?;
        self.parts.boot(&mut other)
    }

    /// Another that is the same now, behind a card of its own.
    pub(in crate::world) fn fork(&mut self, now: Instant, card: Option<Card>) -> Result<Self, ComputerError> {
        self.run(now);
        let base = match &self.base {
            Some(base) => base.again(&self.shelf).map_err(pinning)?,
            None => None,
        };
        let mut fork = Self {
            parts: Arc::clone(&self.parts),
            shelf: Arc::clone(&self.shelf),
            computer: self.computer.fork()?,
            base,
            state: self.state,
            behind: self.behind,
            card,
            serial: Serial::default(),
            done: Done::default(),
        };
        fork.find_card();
        Ok(fork)
    }

    /// Stores it.
    pub(in crate::world) fn snapshot(&mut self, now: Instant) -> Result<BlobId, ComputerError> {
        self.run(now);
        let snapshot = self.computer.snapshot(&self.shelf.store)?;
        self.base = Some(self.shelf.hold(snapshot).map_err(pinning)?);
        Ok(snapshot)
    }

    /// Becomes what it, or another, was. Who stood still goes on standing still.
    pub(in crate::world) fn roll_back(
        &mut self,
        now: Instant,
        snapshot: BlobId,
    ) -> Result<(), ComputerError> {
        let (computer, base) = kept::restored(&self.shelf, snapshot)?;
        (self.computer, self.base) = (computer, Some(base));
        let was_on = self.computer.ended().is_none()
            && (0..).map_while(|hart| self.computer.status(hart)).any(|status| status != HartStatus::Stopped);
        self.state = match self.state {
            _ if !was_on => MachineState::Stopped,
            MachineState::Suspended => MachineState::Suspended,
            _ => MachineState::Running,
        };
        self.done = Done::default();
        self.set(now);
        Ok(())
    }

    /// Takes another computer that is off in place of this one, with this one's disks.
    fn replace(&mut self, now: Instant) -> Result<(), ComputerError> {
        let mut other = self.parts.assemble(now, self.card.as_ref())?;
        for disk in self.computer.take_disks() {
            parts::insert(&mut other, disk)?;
        }
        (self.computer, self.base) = (other, None);
        self.done.fate = None;
        self.set(now);
        Ok(())
    }

    /// Says what time it is for the computer that is there now, and finds its card.
    fn set(&mut self, now: Instant) {
        self.behind = i128::from(now.as_nanos()) - i128::from(self.computer.now().as_nanos());
        self.find_card();
    }

    fn find_card(&mut self) {
        if let Some(card) = &mut self.card {
            card.guest = self.computer.board().cards().next();
        }
    }

    /// An instant of the world in its own time.
    fn own(&self, at: Instant) -> Instant {
        instant(i128::from(at.as_nanos()).saturating_sub(self.behind))
    }
}

/// What the store says of a pin.
fn pinning(error: PinError) -> ComputerError {
    BoardError::from(BlockError::from(VolumeError::from(error))).into()
}

fn instant(nanos: i128) -> Instant {
    Instant::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
}
