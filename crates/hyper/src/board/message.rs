//! [`Input`] and [`Output`]: what passes between a board and the world.

use super::Ending;

/// What arrives from the world.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input<'a> {
    /// Bytes on the line of the serial port.
    Serial(&'a [u8]),
}

/// What a board has to say to the world.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Bytes on the line of the serial port.
    Serial(Vec<u8>),
    /// The machine asks to end.
    Ending(Ending),
}
