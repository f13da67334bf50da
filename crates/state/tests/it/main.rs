//! Scenarios over the public face of the crate.

mod basic;
mod failing;
mod gates;
mod patience;
mod support;
mod waiters;
