//! Points in time, spans of time, and who says what time it is.
//!
//! Time is an argument everywhere in Ironloom: code is told the present, it never asks.
//! So the same code runs in virtual time, where a day may pass in a second, and in real time.

mod clock;
mod duration;
mod instant;

pub use clock::{Clock, VirtualClock, WallClock};
pub use duration::{Duration, DurationParseError};
pub use instant::Instant;
