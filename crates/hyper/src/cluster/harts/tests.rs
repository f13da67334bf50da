//! Harts that move: one by one, in every interleaving, by chance, and lied to.

mod hostile;
mod model;
mod simulation;
mod units;

use crate::cluster::{HostId, HostSet};

fn host(number: u8) -> HostId {
    HostId::new(number).expect("below 64")
}

fn hosts(count: u8) -> HostSet {
    (0..count).map(host).collect()
}

fn hart(number: u8) -> super::HartId {
    super::HartId::new(number).expect("below 64")
}
