//! Runs that are written down, and played again.
//!
//! What a world does follows from how it was made and from what comes from outside: orders, what doors carry, and how far time
//! is let go by before each. All of that is written to a [`Log`], so that a [`Replay`] does the same once more.

mod entry;
mod error;
mod log;
mod player;
mod recorder;
#[cfg(test)]
mod tests;

pub use error::ReplayError;
pub use log::Log;
pub use player::Replay;

pub(crate) use entry::{Basis, Entry, PipedEntry};
pub(crate) use recorder::{Recorder, Scribe};
