//! The protocol, explored and simulated.

mod explore;
mod world;
