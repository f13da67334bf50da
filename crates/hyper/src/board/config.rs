//! [`BoardConfig`]: what a board is made of.

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::Seed;
use thiserror::Error;

use super::{BlockError, layout};

/// The most harts that a board can have.
pub const HARTS_MAX: u16 = 64;

/// What a board is made of.
///
/// ```
/// use ironloom_hyper::board::{Board, BoardConfig};
///
/// let board = Board::new(BoardConfig { harts: 2, ..BoardConfig::new(256 << 20) })?;
/// assert_eq!(board.pending(1), 0);
/// assert!(Board::new(BoardConfig { harts: 65, ..BoardConfig::new(256 << 20) }).is_err());
/// # Ok::<(), ironloom_hyper::board::BoardError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BoardConfig {
    /// How many harts it has: 1 to [`HARTS_MAX`].
    pub harts: u16,
    /// How many bytes of memory it has, from [`layout::MEMORY`] on.
    pub memory_bytes: u64,
    /// From where its chance comes.
    pub seed: Seed,
    /// What the time of day is when it begins: nanoseconds since 1970.
    pub epoch_nanos: u64,
    /// How many bytes may wait until the guest reads them from its serial port or its console.
    pub input_bytes_max: u32,
    /// How many bytes may wait that the guest wrote to its serial port or its console.
    pub output_bytes_max: u32,
    /// How many frames may wait on their way in, and on their way out of a network card.
    pub frames_max: u32,
    /// How many bytes of frames may wait on each way.
    pub frame_bytes_max: u64,
    /// How many requests a device serves before the hart that asked goes on; the rest is served later.
    pub turn_requests_max: u32,
    /// How many bytes a device moves before the hart that asked goes on; the rest is moved later.
    pub turn_bytes_max: u64,
}

impl BoardConfig {
    /// One hart, so much memory, and limits that suit Linux.
    #[must_use]
    pub const fn new(memory_bytes: u64) -> Self {
        Self {
            harts: 1,
            memory_bytes,
            seed: Seed::new(0),
            epoch_nanos: 0,
            input_bytes_max: 64 << 10,
            output_bytes_max: 1 << 20,
            frames_max: 1_024,
            frame_bytes_max: 16 << 20,
            turn_requests_max: 256,
            turn_bytes_max: 8 << 20,
        }
    }

    pub(super) fn check(&self) -> Result<(), BoardError> {
        if self.harts == 0 || self.harts > HARTS_MAX {
            return Err(BoardError::Harts { harts: self.harts });
        }
        if self.memory_bytes == 0 || layout::MEMORY.checked_add(self.memory_bytes).is_none() {
            return Err(BoardError::Memory { bytes: self.memory_bytes });
        }
        let limits = [
            ("input_bytes_max", u64::from(self.input_bytes_max)),
            ("output_bytes_max", u64::from(self.output_bytes_max)),
            ("frames_max", u64::from(self.frames_max)),
            ("frame_bytes_max", self.frame_bytes_max),
            ("turn_requests_max", u64::from(self.turn_requests_max)),
            ("turn_bytes_max", self.turn_bytes_max),
        ];
        match limits.into_iter().find(|(_, limit)| *limit == 0) {
            Some((limit, _)) => Err(BoardError::NoRoom { limit }),
            None => Ok(()),
        }
    }
}

/// A board cannot be built, or not be restored.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BoardError {
    /// It would have none, or too many harts.
    #[error("a board has 1 to {HARTS_MAX} harts, not {harts}")]
    Harts {
        /// How many were asked for.
        harts: u16,
    },
    /// It would have no memory, or more than there are addresses.
    #[error("a board cannot have {bytes} bytes of memory")]
    Memory {
        /// How many were asked for.
        bytes: u64,
    },
    /// A limit is zero, so that nothing could pass.
    #[error("limit {limit} is zero")]
    NoRoom {
        /// Which limit.
        limit: &'static str,
    },
    /// A disk cannot be copied or stored.
    #[error("disk of a board: {0}")]
    Disk(#[from] BlockError),
    /// Every slot has its device.
    #[error("all {} slots have their devices", layout::SLOTS)]
    Slots,
    /// The state is of another version.
    #[error("state of a board has version {found}, and {expected} is understood")]
    Version {
        /// What it says.
        found: u16,
        /// What is understood.
        expected: u16,
    },
    /// The state contradicts itself.
    #[error("state of a board is malformed: {what}")]
    Malformed {
        /// In which way.
        what: &'static str,
    },
}
