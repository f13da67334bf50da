//! [`ComputerError`]: why a computer cannot be built or run.

use thiserror::Error;

use super::ComputerConfig;
use crate::board::BoardError;
use crate::cluster::HostId;
use crate::memory::MemoryError;

/// Why a computer cannot be built or run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ComputerError {
    /// Its memory cannot be made, or a page of it cannot be brought in.
    #[error("memory: {0}")]
    Memory(#[from] MemoryError),
    /// Its board cannot be made.
    #[error("board: {0}")]
    Board(#[from] BoardError),
    /// Its harts would be as fast as none is.
    #[error(
        "a hart runs 1 to {} instructions in a microsecond, not {instructions_per_microsecond}",
        ComputerConfig::INSTRUCTIONS_PER_MICROSECOND_MAX
    )]
    Speed {
        /// How many instructions were asked for.
        instructions_per_microsecond: u64,
    },
    /// Its harts would have no turns, or far too long ones.
    #[error("a turn of a hart takes more than nothing and up to {}, not {slice}", ComputerConfig::SLICE_MAX)]
    Slice {
        /// How long turns were to be.
        slice: ironloom_core::Duration,
    },
    /// What is to be booted does not fit.
    #[error("{what} takes {bytes} bytes, and there is room for {room}: give the computer more memory")]
    NoRoom {
        /// What does not fit.
        what: &'static str,
        /// How much it takes.
        bytes: u64,
        /// How much there is.
        room: u64,
    },
    /// What is to be booted is no kernel, or goes where no memory is.
    #[error("kernel: {0}")]
    Kernel(#[from] crate::load::LoadError),
    /// The guest is to answer calls to the firmware, and there is none.
    #[error("the computer's firmware is the guest's, and none was given: give one, or let the host answer")]
    NoFirmware,
    /// Too many harts would run beside each other.
    #[error("{harts} harts cannot run freely, only {harts_max}: let them take turns")]
    TooManyHarts {
        /// How many there are.
        harts: usize,
        /// How many can.
        harts_max: usize,
    },
    /// A host's number is too high to have a part in a computer.
    #[error("{host} cannot have a part in a computer: its number must be below {hosts_max}")]
    TooManyHosts {
        /// Which.
        host: HostId,
        /// How many hosts there can be.
        hosts_max: usize,
    },
    /// The devices are on this host, which therefore cannot leave.
    #[error("the devices are on this host: let another host leave")]
    HasDevices,
    /// Hosts were said to be for ever those that they are.
    #[error("hosts do not come and go: say in `Share::members` how they watch over each other")]
    FixedHosts,
    /// This host was not told where snapshots are stored.
    #[error("there is no store for snapshots: say in `Share::store` which it is")]
    NoStore,
    /// A snapshot that this host asked for is not stored yet.
    #[error("a snapshot is being stored already: wait until it is")]
    Storing,
    /// A host is gone, and with it what it held.
    #[error("{host} is gone, {why}: restart the computer from a snapshot")]
    HostLost {
        /// Which.
        host: HostId,
        /// How that is known.
        why: crate::cluster::members::Why,
    },
    /// A thread cannot be had.
    #[error("thread: {0}")]
    Thread(#[source] std::io::Error),
    /// The computer is shared with other hosts, so what is here is not all of it.
    #[error("the computer is shared with other hosts: all of them together can do this")]
    Apart,
    /// A hart came from another host that no hart can be.
    #[error("a hart from another host: {0}")]
    Traveller(#[from] crate::cluster::TravellerError),
    /// The store of snapshots failed.
    #[error("store: {0}")]
    Store(#[from] ironloom_blob::BlobError),
    /// A snapshot's state cannot be written or read.
    #[error("snapshot: {0}")]
    Frame(#[from] ironloom_core::frame::FrameError),
    /// A snapshot contradicts itself.
    #[error("snapshot {snapshot} is unsound: {reason}")]
    Unsound {
        /// Which.
        snapshot: ironloom_blob::BlobId,
        /// In which way.
        reason: String,
    },
    /// The device tree cannot be written.
    #[error("device tree: {0}")]
    DeviceTree(#[from] crate::board::device_tree::WriteError),
}
