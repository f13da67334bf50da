//! Scenarios over the public face of the crate.

mod bad_days;
mod basic;
mod failing;
mod gates;
mod patience;
mod support;
mod waiters;
