//! [`LoadError`]: why a file cannot be run.

use ::elf::ParseError;
use thiserror::Error;

use crate::GuestAddress;

/// Why a file cannot be run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// It is neither an executable nor a kernel.
    #[error("it is neither an ELF executable nor a RISC-V kernel image")]
    Unknown,
    /// It has to be decompressed first.
    #[error("it is compressed with {format}")]
    Compressed {
        /// The name of the format.
        format: &'static str,
    },
    /// The tables of an executable are damaged.
    #[error("its tables cannot be read: {0}")]
    Malformed(#[from] ParseError),
    /// The executable is for another machine.
    #[error("it is not an executable for RISC-V with 64 bits: type {kind}, machine {machine}")]
    Foreign {
        /// What its header says that it is.
        kind: u16,
        /// What its header says that it runs on.
        machine: u16,
    },
    /// The executable needs a loader that brings in libraries.
    #[error("it is linked with libraries at run time")]
    Dynamic,
    /// There is nothing in it that goes to memory.
    #[error("it has nothing to load")]
    Empty,
    /// It has more parts than it may have.
    #[error("it has more than {limit} segments")]
    TooManySegments {
        /// How many it may have.
        limit: usize,
    },
    /// It has more bytes in the file than it takes in memory.
    #[error("the segment at {address} has {file_bytes} bytes for a room of {memory_bytes}")]
    Overfull {
        /// Where it goes.
        address: GuestAddress,
        /// Its bytes in the file.
        file_bytes: u64,
        /// Its bytes in memory.
        memory_bytes: u64,
    },
    /// It goes where no memory is.
    #[error("{bytes} bytes at {address} are not all inside of memory")]
    Outside {
        /// Where it goes.
        address: GuestAddress,
        /// Its bytes.
        bytes: u64,
    },
    /// Two parts go to the same place.
    #[error("the segments at {lower} and {upper} overlap")]
    Overlap {
        /// Where the lower one begins.
        lower: GuestAddress,
        /// Where the upper one begins.
        upper: GuestAddress,
    },
    /// It begins to run at an address that instructions cannot have.
    #[error("its first instruction is at {entry}, where it has none")]
    NoEntry {
        /// The address.
        entry: GuestAddress,
    },
    /// The kernel is for machines of the other byte order.
    #[error("the kernel is big-endian")]
    BigEndian,
    /// The kernel must begin at a multiple of 2 MiB, and does not.
    #[error("the kernel would be at {address}, which is no multiple of 2 MiB")]
    Misaligned {
        /// Where it would go.
        address: GuestAddress,
    },
}
