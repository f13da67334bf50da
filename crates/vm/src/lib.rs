//! Give a guest an operating system.
//!
//! `docs/vm.md` tells the life of a machine, `docs/luau-api.md` what its scripts see.

pub mod luau;
pub mod os;
pub mod program;

mod api;
mod image;
mod machine;
mod machines;
mod unit;

#[cfg(test)]
mod tests;

pub use image::{Image, Import, ImportError, Modes, Owners, Times};
pub use machine::{Checkpoint, ExitStatus, Heap, Limits, Machine, MachineSpec, Programs};
pub use machines::{
    Capture, Command, Config, ConsoleId, Event, Fed, Finished, Heard, Job, MachineError, MachineState,
    Machines, Phase, Piped, Stored, Written,
};
pub use os::{Credentials, Errno};
