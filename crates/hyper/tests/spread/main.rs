//! Linux on a computer that several hosts share, all of them in this process; and what it does for that on one.
//!
//! The kernel and its initial file system come from `tests/guest/linux.sh`; where they cannot be had, a line says so.

mod afar;
mod balloon;
mod console;
mod grow;
mod guest;
mod hosts;
mod linux;
mod outside;
mod placing;
mod programs;
mod snapshot;
