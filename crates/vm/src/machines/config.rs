//! [`Config`]: how machines are run.

use std::sync::Arc;

use ironloom_core::{Duration, Seed};
use ironloom_net::fabric;

use crate::machine::Limits;
use crate::unit::CELL_MACHINES_MAX;

/// How machines are run.
#[derive(Debug, Clone)]
pub struct Config {
    /// How much virtual time a window takes: what happens within it happens to machines at its end.
    pub window: Duration,
    /// How many workers run machines. Results do not depend on it.
    pub workers: usize,
    /// What each machine may have.
    pub limits: Arc<Limits>,
    /// The limits of the network.
    pub network: fabric::Config,
    /// How many machines there may be.
    pub machines_max: usize,
    /// How many machines share a heap, if theirs are [cells](crate::Heap::Cell): at most 255. With fewer, each feels less of
    /// the others, and costs more memory.
    pub cell_machines_max: usize,
    /// How often machines may answer each other within one window, over networks that take no time.
    pub rounds_max: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            window: Duration::from_millis(1),
            workers: 1,
            limits: Arc::default(),
            network: fabric::Config { digest: false, ..fabric::Config::default() },
            machines_max: 1 << 20,
            cell_machines_max: CELL_MACHINES_MAX,
            rounds_max: 1_000,
        }
    }
}

impl Config {
    pub(super) fn kernel(&self, seed: Seed) -> ironloom_sched::Config {
        let mut config = ironloom_sched::Config::with_workers(self.workers);
        config.seed = seed;
        config.limits.slice_budget = u32::MAX;
        config.limits.mailbox_messages_max = 4;
        config
    }
}
