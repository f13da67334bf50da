//! [`ComputerConfig`]: what a computer is made of.

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::Duration;

use crate::GuestAddress;
use crate::board::{BoardConfig, layout};
use crate::computer::ComputerError;
use crate::hart::HartConfig;
use crate::memory::MemoryConfig;

/// Who answers when a kernel calls its firmware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Firmware {
    /// The host: kernels begin in supervisor mode, and harts but the first wait until they are started.
    Host,
    /// A program in memory: all harts begin in machine mode.
    Guest,
}

/// What a computer is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComputerConfig {
    /// Its devices, how many harts it has, and how much memory.
    pub board: BoardConfig,
    /// Who answers when a kernel calls its firmware.
    pub firmware: Firmware,
    /// How many instructions a hart runs in a microsecond of its time.
    pub instructions_per_microsecond: u64,
    /// How long a hart runs before the next has its turn, if there are several that run.
    pub slice: Duration,
    /// How many pages of the host its memory may fill, together with that of its forks.
    pub frames_max: u64,
}

impl ComputerConfig {
    /// The most instructions that a hart may run in a microsecond of its time.
    pub const INSTRUCTIONS_PER_MICROSECOND_MAX: u64 = 1_000_000;
    /// The longest turn that a hart may have.
    pub const SLICE_MAX: Duration = Duration::from_secs(1);

    /// One hart of 1 GHz and so much memory.
    #[must_use]
    pub const fn new(memory_bytes: u64) -> Self {
        Self {
            board: BoardConfig::new(memory_bytes),
            firmware: Firmware::Host,
            instructions_per_microsecond: 1_000,
            slice: Duration::from_micros(20),
            frames_max: 1 << 20,
        }
    }

    /// With so many harts.
    #[must_use]
    pub fn harts(mut self, harts: u16) -> Self {
        self.board.harts = harts;
        self
    }

    /// Whether a computer can be so: time has to go by, in steps whose instructions can be counted.
    pub(super) fn check(&self) -> Result<(), ComputerError> {
        let per_microsecond = self.instructions_per_microsecond;
        if !(1..=Self::INSTRUCTIONS_PER_MICROSECOND_MAX).contains(&per_microsecond) {
            return Err(ComputerError::Speed { instructions_per_microsecond: per_microsecond });
        }
        if self.slice == Duration::ZERO || self.slice > Self::SLICE_MAX {
            return Err(ComputerError::Slice { slice: self.slice });
        }
        Ok(())
    }

    /// Whether so many bytes may wait in the debug console.
    pub(super) const fn has_room_for(&self, bytes: usize) -> bool {
        bytes <= self.board.input_bytes_max as usize
    }

    pub(super) const fn memory(&self) -> MemoryConfig {
        let config = MemoryConfig::new(GuestAddress::new(layout::MEMORY), self.board.memory_bytes);
        MemoryConfig { frames_max: self.frames_max, ..config }
    }

    pub(super) fn hart(&self, id: u64) -> HartConfig {
        HartConfig {
            id,
            instructions_per_microsecond: self.instructions_per_microsecond,
            calls_host: self.firmware == Firmware::Host,
        }
    }
}
