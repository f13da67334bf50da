//! Every instruction and register of a hart against values that are computed apart from it, and its traps.

mod atomics;
mod csrs;
mod integers;
mod interrupts;
mod machine;
mod memory;
mod protection;
mod translation;
mod traps;
