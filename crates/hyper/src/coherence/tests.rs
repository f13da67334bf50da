//! The protocol, explored and simulated.

mod explore;
mod simulate;
mod world;
