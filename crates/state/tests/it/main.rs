//! Scenarios over the public face of the crate.

mod bad_days;
mod basic;
mod eviction;
mod execution;
mod failing;
mod gates;
mod hostile;
mod orders;
mod patience;
mod pruning;
mod races;
mod removal;
mod returning;
mod rollback;
mod roots;
mod support;
mod waiters;
