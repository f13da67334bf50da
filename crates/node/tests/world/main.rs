//! Datacenters from their description to their end.

mod descriptions;
mod determinism;
mod nodes;
mod orders;
