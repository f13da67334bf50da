//! [`Computer`]: harts, memory and devices, and what happens between them.
//!
//! A computer has no thread and no clock of its own. Its owner lets time go by ([`Computer::run_until`]), brings what comes
//! from outside ([`Computer::type_in`], …) and takes what comes out ([`Computer::poll`]).
//!
//! Harts take turns, a slice of time each, on the thread of the caller; what one does to another arrives at the beginning
//! of the other's next slice. So a run is a function of the image, the seed and the inputs: the same instructions, the same
//! memory, bit for bit.

mod boot;
mod capture;
mod config;
mod error;
mod free;
mod keep;
mod lockstep;
mod seat;
mod spread;

use std::collections::VecDeque;
use std::sync::Arc;

use ironloom_core::{Duration, Instant};

pub use boot::{Kernel, MemoryPlan};
pub use capture::{ComputerCapture, StoredComputer};
pub use config::{ComputerConfig, Firmware};
pub use error::ComputerError;
pub use keep::ComputerPoint;
pub use seat::HartStatus;
pub use spread::{
    HeldPages, Host, HostEvent, Inbox, PlacementCounters, Post, RemoteConfig, RemoteCounters, RoomCounters,
    Share,
};

use self::seat::Seat;
use crate::board::{Attachment, BlockDevice, Board, Ending, Input, Output, Slot};
use crate::hart::Hart;
use crate::memory::Memory;

/// Why a computer stopped letting time go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pause {
    /// It is as late as it was to be.
    Deadline,
    /// It powered itself off, or wants to begin again. Nothing happens any more.
    Ended(Ending),
    /// This host has left the computer, which goes on elsewhere: see [`Host::leave`].
    Left,
    /// A hart came to a breakpoint.
    Breakpoint {
        /// Which.
        hart: usize,
    },
}

/// A RISC-V computer.
///
/// ```
/// use ironloom_core::Duration;
/// use ironloom_hyper::board::Output;
/// use ironloom_hyper::{Computer, ComputerConfig};
///
/// let mut computer = Computer::new(ComputerConfig::new(16 << 20))?;
/// // The serial port is at 0x10000000: a byte stored there is sent.
/// computer.boot(&[0x37, 0x05, 0x00, 0x10, 0x93, 0x05, 0x10, 0x02, 0x23, 0x00, 0xb5, 0x00, 0x6f, 0x00, 0x00, 0x00])?;
/// computer.run_for(Duration::from_millis(1))?;
/// assert_eq!(computer.poll(), Some(Output::Serial(b"!".to_vec())));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Computer {
    config: ComputerConfig,
    memory: Arc<Memory>,
    board: Board,
    seats: Vec<Seat>,
    now: Instant,
    ended: Option<Ending>,
    console: VecDeque<u8>,
    said: Vec<u8>,
    /// Whether harts are prepared to run beside each other.
    freely: bool,
    /// This process's part, if other hosts have parts too.
    host: Option<Arc<Host>>,
}

impl Computer {
    /// A computer without anything in its memory.
    ///
    /// # Errors
    ///
    /// If the config asks for what cannot be.
    pub fn new(config: ComputerConfig) -> Result<Self, ComputerError> {
        config.check()?;
        let memory = Memory::new(config.memory())?;
        let board = Board::new(config.board.clone())?;
        Self::with_board(config, Arc::new(memory), board)
    }

    /// Lets time go by.
    ///
    /// # Errors
    ///
    /// If memory that is needed cannot be brought in: then the computer stands where it is, and it can be tried again.
    pub fn run_for(&mut self, duration: Duration) -> Result<Pause, ComputerError> {
        self.run_until(self.now.saturating_add(duration))
    }

    /// What time it is.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// When something will happen by itself: at once if a hart runs, else when a timer is due.
    #[must_use]
    pub fn next_event(&self) -> Option<Instant> {
        if self.ended.is_some() {
            return None;
        }
        if self.seats.iter().any(Seat::is_runnable) {
            return Some(self.now);
        }
        let alarms = self.seats.iter().filter_map(Seat::alarm);
        alarms.chain(self.board.next_event()).min()
    }

    /// Puts a device into the next free slot. Kernels look for devices when they boot.
    ///
    /// # Errors
    ///
    /// If no slot is free.
    pub fn attach(&mut self, attachment: Attachment) -> Result<Slot, ComputerError> {
        Ok(self.board.attach(attachment)?)
    }

    /// Takes out all disks with what was written to them, in the order of their slots. A computer whose power is cut keeps
    /// nothing else: another that is given them begins as this one would.
    ///
    /// ```
    /// use ironloom_hyper::board::{Attachment, BlockDevice as _, MemoryDisk};
    /// use ironloom_hyper::{Computer, ComputerConfig};
    ///
    /// let mut computer = Computer::new(ComputerConfig::new(16 << 20))?;
    /// let device = Box::new(MemoryDisk::new(vec![7; 512]));
    /// computer.attach(Attachment::Disk { device, serial: "loom".into() })?;
    /// let mut disks = computer.take_disks();
    /// let mut byte = [0];
    /// disks[0].read_at(511, &mut byte)?;
    /// assert_eq!((byte, computer.take_disks().len()), ([7], 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take_disks(&mut self) -> Vec<Box<dyn BlockDevice>> {
        self.board.take_disks()
    }

    /// Brings something from outside to a device; how much of it was taken.
    pub fn handle(&mut self, input: Input<'_>) -> usize {
        let taken = self.board.handle(self.now, &*self.memory, input);
        self.wire();
        taken
    }

    /// Sends bytes to the serial port; how many it took.
    pub fn type_in(&mut self, bytes: &[u8]) -> usize {
        self.handle(Input::Serial(bytes))
    }

    /// Sends bytes to the debug console of the firmware that the host plays; how many it took.
    pub fn type_in_debug(&mut self, bytes: &[u8]) -> usize {
        let room = (self.config.board.input_bytes_max as usize).saturating_sub(self.console.len());
        let taken = bytes.len().min(room);
        self.console.extend(&bytes[..taken]);
        taken
    }

    /// Says how many bytes of memory are to be in the balloon in a slot: the guest does without them, which takes it some
    /// time. Returns how many that makes in whole pages of what memory there is; none, if there is no balloon.
    ///
    /// On several hosts, that is for the one with the devices to say.
    ///
    /// ```
    /// use ironloom_hyper::board::Attachment;
    /// use ironloom_hyper::{Computer, ComputerConfig};
    ///
    /// let mut computer = Computer::new(ComputerConfig::new(512 << 20))?;
    /// let slot = computer.attach(Attachment::Balloon)?;
    /// assert_eq!(computer.set_balloon(slot, 320 << 20), 320 << 20);
    /// let size = computer.board().balloon(slot).expect("it was put there");
    /// assert_eq!((size.wanted, size.given), (320 << 20, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_balloon(&mut self, slot: Slot, bytes: u64) -> u64 {
        self.handle(Input::Balloon(slot, bytes)) as u64
    }

    /// Writes to the debug console, as far as there is room.
    fn say(&mut self, bytes: &[u8]) {
        let room = (self.config.board.output_bytes_max as usize).saturating_sub(self.said.len());
        self.said.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// What comes out next; to be called until nothing does.
    pub fn poll(&mut self) -> Option<Output> {
        if !self.said.is_empty() {
            return Some(Output::Serial(std::mem::take(&mut self.said)));
        }
        loop {
            match self.board.poll()? {
                Output::Ending(ending) => self.ended = self.ended.or(Some(ending)),
                output => return Some(output),
            }
        }
    }

    /// How it ended, if it did.
    #[must_use]
    pub const fn ended(&self) -> Option<Ending> {
        self.ended
    }

    /// Its memory.
    #[must_use]
    pub const fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    /// Its devices.
    #[must_use]
    pub const fn board(&self) -> &Board {
        &self.board
    }

    /// A hart, to look at.
    #[must_use]
    pub fn hart(&self, number: usize) -> Option<&Hart> {
        self.seats.get(number).map(|seat| &seat.hart)
    }

    /// A hart, to set registers and breakpoints.
    pub fn hart_mut(&mut self, number: usize) -> Option<&mut Hart> {
        self.seats.get_mut(number).map(|seat| &mut seat.hart)
    }

    /// What a hart is doing.
    #[must_use]
    pub fn status(&self, number: usize) -> Option<HartStatus> {
        self.seats.get(number).map(|seat| seat.status)
    }

    /// How many instructions all harts have retired.
    #[must_use]
    pub fn retired(&self) -> u64 {
        self.seats.iter().map(|seat| seat.hart.retired()).sum()
    }

    /// Carries interrupts from devices to harts.
    fn wire(&mut self) {
        let mut changed = self.board.take_changed();
        while changed != 0 {
            let number = changed.trailing_zeros();
            changed &= changed - 1;
            let lines = self.board.pending(number as u16);
            if let Some(host) = &self.host {
                host.write_to(number as usize, self.now, &free::Message::Lines(lines));
            } else if let Some(seat) = self.seats.get_mut(number as usize) {
                seat.hart.set_lines(lines);
            }
        }
    }
}

#[cfg(test)]
mod tests;
