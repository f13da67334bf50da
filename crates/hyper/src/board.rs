//! The devices of a computer, and the wires between them.
//!
//! A [`Board`] has the places of QEMU's `virt` board, so that firmware and kernels feel at home. It is a state machine:
//! it reads no clock, starts no thread and touches the host only through the disks that it was given. Whoever runs harts
//! carries their loads and stores to [`read`](Board::read) and [`write`](Board::write), looks at what
//! [`pending`](Board::pending) says when [`take_changed`](Board::take_changed) names a hart, lets time go by with
//! [`advance`](Board::advance), and carries bytes and frames between the world and the board with
//! [`handle`](Board::handle) and [`poll`](Board::poll).
//!
//! ```
//! use ironloom_core::Instant;
//! use ironloom_hyper::board::{Board, BoardConfig, Output, layout};
//! use ironloom_hyper::{GuestAddress, Memory, MemoryConfig};
//!
//! let memory = Memory::new(MemoryConfig::new(GuestAddress::new(layout::MEMORY), 1 << 20))?;
//! let mut board = Board::new(BoardConfig::new(1 << 20))?;
//! let uart = GuestAddress::new(layout::UART);
//! for byte in *b"hi" {
//!     board.write(Instant::ZERO, &memory, uart, 1, byte.into())?;
//! }
//! assert_eq!(board.poll(), Some(Output::Serial(b"hi".to_vec())));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use ironloom_core::Instant;

use crate::GuestAddress;

pub mod device_tree;
pub mod layout;

mod aclint;
mod config;
mod disk;
mod fault;
mod memory;
mod message;
mod plic;
mod rtc;
mod slot;
mod state;
mod syscon;
mod uart;
mod virtio;

pub use config::{BoardConfig, BoardError, HARTS_MAX};
pub use disk::{BlockDevice, BlockError, FileDisk, MemoryDisk};
pub use fault::BusFault;
pub use memory::DeviceMemory;
pub use message::{Input, Output};
pub use slot::{Attachment, Slot};
pub use state::{BoardState, DiskState, OpenDisk};
pub use syscon::Ending;
pub use virtio::balloon::BalloonSize;
pub use virtio::net::NetCounters;

use aclint::Aclint;
use plic::Plic;
use rtc::Rtc;
use uart::Uart;
use virtio::Transport;

/// The bit of `mip` that a software interrupt of machine mode sets.
pub const MSIP: u64 = 1 << 3;
/// The bit of `mip` that the timer sets.
pub const MTIP: u64 = 1 << 7;
/// The bit of `mip` that an external interrupt of supervisor mode sets.
pub const SEIP: u64 = 1 << 9;
/// The bit of `mip` that an external interrupt of machine mode sets.
pub const MEIP: u64 = 1 << 11;

/// The devices of a computer.
#[derive(Debug)]
pub struct Board {
    config: BoardConfig,
    aclint: Aclint,
    plic: Plic,
    uart: Uart,
    rtc: Rtc,
    slots: [Option<Transport>; layout::SLOTS],
    ending: Option<Ending>,
    lines: Lines,
}

/// What the devices say to the harts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Lines {
    software: u64,
    timer: u64,
    external: u128,
    /// The harts of which something changed since somebody asked.
    changed: u64,
}

impl Board {
    /// A board without virtio devices.
    ///
    /// # Errors
    ///
    /// If the config asks for what cannot be.
    pub fn new(config: BoardConfig) -> Result<Self, BoardError> {
        config.check()?;
        Ok(Self {
            aclint: Aclint::new(config.harts),
            plic: Plic::new(config.harts),
            uart: Uart::new(config.input_bytes_max, config.output_bytes_max),
            rtc: Rtc::new(config.epoch_nanos),
            slots: Default::default(),
            ending: None,
            lines: Lines::default(),
            config,
        })
    }

    /// What it is made of.
    #[must_use]
    pub fn config(&self) -> &BoardConfig {
        &self.config
    }

    /// The ticks of the timer: what the `time` register of every hart says.
    #[must_use]
    pub fn ticks(&self, now: Instant) -> u64 {
        self.aclint.ticks(now)
    }

    /// The interrupts of a hart, as bits of `mip`: [`MSIP`], [`MTIP`], [`MEIP`] and [`SEIP`].
    #[inline]
    #[must_use]
    pub fn pending(&self, hart: u16) -> u64 {
        let hart = hart & (HARTS_MAX - 1);
        let bit = |set: bool, mask: u64| if set { mask } else { 0 };
        let lines = &self.lines;
        bit(lines.software >> hart & 1 == 1, MSIP)
            | bit(lines.timer >> hart & 1 == 1, MTIP)
            | bit(lines.external >> (2 * hart) & 1 == 1, MEIP)
            | bit(lines.external >> (2 * hart + 1) & 1 == 1, SEIP)
    }

    /// The harts whose [`pending`](Self::pending) may have changed since the last call: one bit each.
    #[inline]
    pub fn take_changed(&mut self) -> u64 {
        std::mem::take(&mut self.lines.changed)
    }

    /// A hart loads from a device.
    ///
    /// # Errors
    ///
    /// If no device is there, or it takes no access of this width; the hart takes an access fault.
    pub fn read(&mut self, now: Instant, address: GuestAddress, width: u8) -> Result<u64, BusFault> {
        let refused = BusFault::Refused { address: address.get(), width };
        let value = match place(address)? {
            (Device::Uart, offset) => self.uart.read(offset, width),
            (Device::Plic, offset) => self.plic.read(offset, width),
            (Device::Aclint, offset) => self.aclint.read(now, offset, width),
            (Device::Rtc, offset) => self.rtc.read(now, offset, width),
            (Device::Virtio, offset) => self.read_slot(offset, width),
            (Device::Syscon, _) => Some(0),
        };
        self.rewire();
        value.ok_or(refused)
    }

    /// A hart stores to a device. The device may read and write memory meanwhile.
    ///
    /// # Errors
    ///
    /// If no device is there, or it takes no access of this width; the hart takes an access fault.
    pub fn write<M: DeviceMemory>(
        &mut self,
        now: Instant,
        memory: &M,
        address: GuestAddress,
        width: u8,
        value: u64,
    ) -> Result<(), BusFault> {
        let refused = BusFault::Refused { address: address.get(), width };
        let done = match place(address)? {
            (Device::Uart, offset) => self.uart.write(offset, width, value as u8),
            (Device::Plic, offset) => self.plic.write(offset, width, value as u32),
            (Device::Aclint, offset) => self.aclint.write(now, offset, width, value),
            (Device::Rtc, offset) => self.rtc.write(now, offset, width, value as u32),
            (Device::Virtio, offset) => self.write_slot(memory, offset, width, value as u32),
            (Device::Syscon, offset) => self.end(offset, width, value),
        };
        self.rewire();
        done.ok_or(refused)
    }

    /// Something arrives from the world; how much of it was taken, in bytes or frames; of a balloon, how many
    /// bytes are to be in it.
    pub fn handle<M: DeviceMemory>(&mut self, now: Instant, memory: &M, input: Input<'_>) -> usize {
        self.advance(now, memory);
        let taken = match input {
            Input::Serial(bytes) => self.uart.receive(bytes),
            Input::Console(slot, bytes) => self.receive_console(memory, slot, bytes),
            Input::Frame(slot, frame) => self.receive_frame(memory, slot, frame),
            Input::Balloon(slot, bytes) => self.want_balloon(slot, bytes),
        };
        self.rewire();
        taken
    }

    /// How the machine asked to end, if it did and nobody was told by [`poll`](Self::poll) yet.
    #[must_use]
    pub const fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// What the board has to say to the world; to be called until it says nothing.
    pub fn poll(&mut self) -> Option<Output> {
        if let Some(bytes) = self.uart.take_output() {
            self.rewire();
            return Some(Output::Serial(bytes));
        }
        if let Some(output) = self.poll_slots() {
            return Some(output);
        }
        self.ending.take().map(Output::Ending)
    }

    /// When [`advance`](Self::advance) is to be called next, if nothing else happens before; a time that has passed says
    /// that it is to be called at once.
    #[must_use]
    pub fn next_event(&self) -> Option<Instant> {
        if self.slots.iter().flatten().any(Transport::has_work) {
            return Some(Instant::ZERO);
        }
        let timers = [self.aclint.next_event(), self.rtc.next_event()];
        timers.into_iter().flatten().min()
    }

    /// Does what is due: timers, and what devices have put off. It may be called early; then nothing happens.
    pub fn advance<M: DeviceMemory>(&mut self, now: Instant, memory: &M) {
        self.aclint.advance(now);
        self.rtc.advance(now);
        self.proceed(memory);
        self.rewire();
    }

    fn end(&mut self, offset: u64, width: u8, value: u64) -> Option<()> {
        if offset == 0 {
            self.ending = syscon::ending(value as u32).or(self.ending);
        }
        matches!(width, 2 | 4 | 8).then_some(())
    }

    /// Carries the levels of devices to the controller, and what it says to the harts.
    fn rewire(&mut self) {
        self.plic.set_level(layout::UART_SOURCE, self.uart.level());
        self.plic.set_level(layout::RTC_SOURCE, self.rtc.level());
        for (source, slot) in (layout::VIRTIO_SOURCE..).zip(&self.slots) {
            self.plic.set_level(source, slot.as_ref().is_some_and(Transport::level));
        }
        let (software, timer, external) = (self.aclint.software(), self.aclint.fired(), self.plic.raised());
        let lines = &mut self.lines;
        let mut changed = software ^ lines.software | timer ^ lines.timer;
        let mut contexts = external ^ lines.external;
        while contexts != 0 {
            changed |= 1 << (contexts.trailing_zeros() / 2);
            contexts &= contexts - 1;
        }
        *lines = Lines { software, timer, external, changed: lines.changed | changed };
    }
}

/// Which device an access is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Device {
    Uart,
    Plic,
    Aclint,
    Rtc,
    Virtio,
    Syscon,
}

/// Which device is at an address, and how far into it.
fn place(address: GuestAddress) -> Result<(Device, u64), BusFault> {
    const DEVICES: [(Device, u64, u64); 6] = [
        (Device::Uart, layout::UART, layout::UART_BYTES),
        (Device::Virtio, layout::VIRTIO, layout::VIRTIO_BYTES * layout::SLOTS as u64),
        (Device::Plic, layout::PLIC, layout::PLIC_BYTES),
        (Device::Aclint, layout::ACLINT, layout::ACLINT_BYTES),
        (Device::Rtc, layout::RTC, layout::RTC_BYTES),
        (Device::Syscon, layout::SYSCON, layout::SYSCON_BYTES),
    ];
    let address = address.get();
    let hit = DEVICES.iter().find(|(_, first, bytes)| address.wrapping_sub(*first) < *bytes);
    let (device, first, _) = hit.ok_or(BusFault::Unmapped { address })?;
    Ok((*device, address - first))
}

#[cfg(test)]
mod tests;
