//! Datacenters from their description to their end.

mod cycles;
mod descriptions;
mod determinism;
mod nodes;
mod orders;
