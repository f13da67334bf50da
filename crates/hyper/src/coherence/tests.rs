//! The protocol, explored and simulated.

mod explore;
mod hostile;
mod link;
mod litmus;
mod scenes;
mod simulate;
mod table;
mod world;
