//! Scenarios over the public face of the crate.

mod basic;
mod support;
