//! Linux on a computer that several hosts share, all of them in this process.
//!
//! The kernel and its initial file system come from `tests/guest/linux.sh`; where they cannot be had, a line says so.

mod guest;
mod hosts;
mod linux;
mod placing;
mod programs;
mod snapshot;
