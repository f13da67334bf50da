//! Name, time, measure and encode things.
//!
//! What every other layer of Ironloom stands on, and nothing of what they do. It needs no other crate of the
//! workspace, starts no thread, opens no file and, but for [`WallClock`], reads no clock.
//!
//! | to … | use |
//! |---|---|
//! | tell time | [`Instant`], [`Duration`], [`Clock`] with [`VirtualClock`] and [`WallClock`] |
//! | wait for a time | [`TimerWheel`] |
//! | wait for somebody | [`EventCount`], [`Latch`] |
//! | draw by chance | [`Seed`], [`Rng`], [`Zipf`] |
//! | name | [`MachineId`], [`NodeId`], [`unique_id!`], [`local_id!`] |
//! | encode | [`frame`] |
//! | queue | [`ring`] |
//! | look up | [`Map`], [`Set`], [`HashState`] |
//! | limit | [`Limit`], [`Quota`], [`Budget`] |
//! | count and measure | [`metrics`] |
//! | compare runs | [`Trace`], [`trace::first_difference`] |

#![forbid(unsafe_code)]

pub mod frame;
pub mod metrics;
pub mod ring;
pub mod trace;

mod event_count;
mod id;
mod latch;
mod limit;
mod map;
mod rng;
mod seed;
mod sync;
mod time;
mod wheel;

/// The encoding of everything that is stored or sent. A derive in a crate that does not depend on borsh itself needs
/// `#[borsh(crate = "ironloom_core::borsh")]`.
pub use borsh;

pub use event_count::{EventCount, Ticket};
pub use id::{IdParseError, MachineId, NodeId};
pub use latch::Latch;
pub use limit::{Budget, Exhausted, Limit, LimitExceeded, Quota};
pub use map::{HashState, Map, Set};
pub use rng::{Rng, Zipf};
pub use seed::Seed;
pub use time::{Clock, Duration, DurationParseError, Instant, VirtualClock, WallClock};
pub use trace::Trace;
pub use wheel::{Expired, TimerId, TimerWheel, WheelFull};

/// What the macros for ids expand to; not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::id::{parse_unique, random_uuid, write_unique};
    pub use uuid::Uuid;
}
