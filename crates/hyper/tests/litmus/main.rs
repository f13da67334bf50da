//! Harts that run freely, each on a thread of its own: what RISC-V's memory model forbids is never seen.
//!
//! What it allows need not be seen; how often it was, each test prints (`--nocapture`). Tests of races can be run for longer:
//! `IRONLOOM_LITMUS_TIMES` says how often each race is run.

mod apart;
mod code;
#[path = "../spread/hosts.rs"]
mod hosts;
mod locks;
mod orders;
mod race;
mod rig;
mod weather;
