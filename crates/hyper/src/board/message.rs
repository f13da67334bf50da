//! [`Input`] and [`Output`]: what passes between a board and the world.

use ironloom_net::Frame;

use super::{Ending, Slot};

/// What arrives from the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input<'a> {
    /// Bytes on the line of the serial port.
    Serial(&'a [u8]),
    /// Bytes for a console.
    Console(Slot, &'a [u8]),
    /// A frame for a network card.
    Frame(Slot, &'a Frame),
    /// How many bytes of memory are to be in a balloon: the guest does without them. Those that are no whole page, and more
    /// than there are, do not count.
    Balloon(Slot, u64),
}

/// What a board has to say to the world.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Bytes on the line of the serial port.
    Serial(Vec<u8>),
    /// Bytes that were written to a console.
    Console(Slot, Vec<u8>),
    /// A frame that a network card sends.
    Frame(Slot, Frame),
    /// The machine asks to end.
    Ending(Ending),
}
