//! Machines of a few hosts, whose network and hosts have good days and bad ones.

mod good_days;
mod hostile;
mod seeds;
mod world;

use ironloom_core::{Duration, Instant};

use super::*;
use crate::cluster::link::Incarnation;
use crate::cluster::{Epoch, HostId, HostSet};

fn host(number: u8) -> HostId {
    HostId::new(number).unwrap()
}

fn hosts(numbers: &[u8]) -> HostSet {
    numbers.iter().copied().map(host).collect()
}

fn config() -> MembersConfig {
    let mut config = MembersConfig::new(Incarnation::new(1));
    config.step_timeout = Duration::from_secs(1);
    config.drain_timeout = Duration::from_secs(3);
    config.ask_timeout = Duration::from_secs(10);
    config
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
