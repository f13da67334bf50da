//! Harts that run freely, each on a thread of its own: what RISC-V's memory model forbids is never seen.
//!
//! What it allows need not be seen; how often it was, each test prints (`--nocapture`). Tests of races can be run for longer:
//! `IRONLOOM_LITMUS_TIMES` says how often each race is run.

mod apart;
mod code;
#[expect(dead_code, reason = "hosts that come and go are needed by other tests")]
#[path = "../spread/hosts.rs"]
mod hosts;
mod locks;
mod orders;
mod race;
mod rig;
mod weather;
