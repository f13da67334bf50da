//! Run one machine on many hosts.
//!
//! A RISC-V computer that boots unmodified Linux: harts that are functions of their state and their memory, pages that
//! are copied when written, devices that speak by messages. `docs/hyper.md` tells the life of an instruction and of a page.

#![deny(unsafe_code)]

pub mod board;
pub mod cluster;
pub mod coherence;
pub mod computer;
pub mod float;
pub mod hart;
pub mod isa;
pub mod load;
pub mod memory;
pub mod sbi;

mod address;

pub use address::{GuestAddress, PAGE_BYTES, PageNumber};
pub use computer::{Computer, ComputerConfig};
pub use memory::{Memory, MemoryConfig};
