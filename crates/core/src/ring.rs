//! Bounded queues with one vocabulary: one owner, one producer and one consumer, or many of both.
//!
//! | who is at the ends | type | stands on |
//! |---|---|---|
//! | one owner | [`Ring`] | the standard library's `VecDeque` |
//! | one producer, one consumer, on two threads | [`pair`] | rtrb |
//! | many producers, many consumers | [`SharedRing`] | crossbeam |
//!
//! All refuse when full and give the item back; none waits. For waiting, see [`EventCount`](crate::EventCount).

mod owned;
mod pair;
mod shared;

use std::fmt;

use thiserror::Error;

pub use owned::Ring;
pub use pair::{Consumer, Producer, pair};
pub use shared::SharedRing;

/// A queue refused an item because it holds as many as it may.
#[derive(Clone, PartialEq, Eq, Error)]
#[error("the ring is full: items_max is {items_max}")]
pub struct Full<T> {
    /// What was refused, for the sender to keep.
    pub item: T,
    /// How many items the queue may hold.
    pub items_max: usize,
}

impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Full").field("items_max", &self.items_max).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
