//! [`Config`]: what a router may hold, and what it does by itself.

use ironloom_core::Duration;

use super::{Rate, conntrack, firewall, nat};
use crate::frame::ReassemblyConfig;
use crate::neighbours;

/// What a router may hold, and what it does by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Whether it tracks conversations. Without that it neither translates nor knows which packets are new, and passes
    /// fragments on as they are.
    pub tracks: bool,
    /// Whether packets that belong to no conversation, though they claim to, are left to the firewall, as
    /// [`Invalid`](firewall::State::Invalid); else they are dropped.
    pub passes_invalid: bool,
    /// How many ports it may have; they are numbered below this.
    pub ports_max: u16,
    /// How many addresses an interface may have.
    pub addresses_max: usize,
    /// How many routes there may be, those to its own networks included.
    pub routes_max: usize,
    /// What it remembers of conversations.
    pub conntrack: conntrack::Config,
    /// What its firewall may hold.
    pub firewall: firewall::Config,
    /// What it may translate.
    pub nat: nat::Config,
    /// What it remembers of its neighbours, on each port.
    pub neighbours: neighbours::Config,
    /// What it keeps of fragments.
    pub reassembly: ReassemblyConfig,
    /// How many errors it tells about packets that came through a port.
    pub errors: Rate,
    /// How many routers its own packets may pass.
    pub hops: u8,
    /// For how long a conversation keeps its way before neighbours are asked again whether they are there.
    pub ways_for: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            tracks: true,
            passes_invalid: false,
            ports_max: 4_096,
            addresses_max: 64,
            routes_max: 65_536,
            conntrack: conntrack::Config::default(),
            firewall: firewall::Config::default(),
            nat: nat::Config::default(),
            neighbours: neighbours::Config { entries_max: 16_384, ..neighbours::Config::default() },
            reassembly: ReassemblyConfig::default(),
            errors: Rate { packets: 1_000, per: Duration::from_secs(1), burst: 50 },
            hops: 64,
            ways_for: Duration::from_secs(15),
        }
    }
}
