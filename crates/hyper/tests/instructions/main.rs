//! Every instruction and register of a hart against values that are computed apart from it, and its traps.

#![expect(clippy::type_complexity, reason = "tables say what their columns are")]

mod atomics;
mod csrs;
mod integers;
mod interrupts;
mod machine;
mod memory;
mod protection;
mod translation;
mod traps;
