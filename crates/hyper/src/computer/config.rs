//! [`ComputerConfig`]: what a computer is made of.

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::Duration;

use crate::board::BoardConfig;
use crate::hart::HartConfig;

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
}

impl ComputerConfig {
    /// One hart of 1 GHz and so much memory.
    #[must_use]
    pub const fn new(memory_bytes: u64) -> Self {
        Self {
            board: BoardConfig::new(memory_bytes),
            firmware: Firmware::Host,
            instructions_per_microsecond: 1_000,
            slice: Duration::from_micros(20),
        }
    }

    /// With so many harts.
    #[must_use]
    pub fn harts(mut self, harts: u16) -> Self {
        self.board.harts = harts;
        self
    }

    pub(super) fn hart(&self, id: u64) -> HartConfig {
        HartConfig {
            id,
            instructions_per_microsecond: self.instructions_per_microsecond,
            calls_host: self.firmware == Firmware::Host,
        }
    }
}
