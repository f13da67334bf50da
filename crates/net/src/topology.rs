//! [`Topology`]: a network as people describe it, in TOML.
//!
//! ```toml
//! [subnets.office]
//! network = "10.1.0.0/24"
//!
//! [switches.lan]
//! subnet = "office"
//!
//! [plans.dsl]
//! down = "50 Mbps"
//! up = "10 Mbps"
//! latency = "30 ms"
//! loss = "0.1 %"
//!
//! [clouds.internet]
//! network = "203.0.113.0/24" # what connects to it gets an address of these
//!
//! [routers.edge]
//! forwards = [{ protocol = "tcp", port = 80, to = "10.1.0.10" }]
//! interfaces = [{ to = "lan" }, { to = "internet", plan = "dsl", masquerade = true }]
//!
//! [machines.web]
//! at = "lan"
//! address = "10.1.0.10"
//!
//! [machines.desk]
//! at = "lan"
//! plan = "dsl"
//! count = 20 # desk-1 to desk-20
//! ```
//!
//! What is wrong is told with its place: the line for what cannot be read, the path for what makes no sense.

mod assemble;
mod cloud;
mod error;
mod groups;
mod plan;
mod routers;
mod units;

use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use assemble::{Machine, Network};
pub use cloud::CloudTable;
pub use error::TopologyError;
pub use plan::{PlanChoice, PlanTable};
pub use routers::{
    ForwardTable, InterfaceTable, Ports, ProtocolName, RouteTable, RouterTable, RuleTable, StateName,
    VerdictName,
};
pub use units::{Block, Rate, Share, Size, Span};

/// A network as people describe it.
///
/// ```
/// use ironloom_core::Seed;
/// use ironloom_net::fabric::Config;
/// use ironloom_net::topology::Topology;
///
/// let topology: Topology = r#"
///     [subnets.office]
///     network = "10.1.0.0/24"
///     [switches.lan]
///     subnet = "office"
///     [machines.web]
///     at = "lan"
/// "#
/// .parse()?;
/// let network = topology.build(Config::default(), Seed::new(1))?;
/// assert_eq!(network.machines["web"].address, Some("10.1.0.2".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(deny_unknown_fields, default)]
pub struct Topology {
    /// Networks of addresses.
    pub subnets: BTreeMap<String, SubnetTable>,
    /// Switches.
    pub switches: BTreeMap<String, SwitchTable>,
    /// Routers.
    pub routers: BTreeMap<String, RouterTable>,
    /// Cores of internets.
    pub clouds: BTreeMap<String, CloudTable>,
    /// What links are like, to be referred to by name.
    pub plans: BTreeMap<String, PlanTable>,
    /// Links between what is not a machine.
    pub links: Vec<LinkTable>,
    /// Machines, or as many machines as `count` says.
    pub machines: BTreeMap<String, MachineTable>,
    /// Doors to the outside.
    pub doors: BTreeMap<String, DoorTable>,
}

/// A network of addresses.
#[derive(Debug, Clone, PartialEq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(deny_unknown_fields)]
pub struct SubnetTable {
    /// The network.
    #[borsh(serialize_with = "units::write_network", deserialize_with = "units::read_network")]
    pub network: IpNet,
    /// Its gateway; the first host if nothing is said.
    pub gateway: Option<IpAddr>,
    /// Addresses that are not to be given to machines that have none.
    #[serde(default)]
    pub reserved: Vec<IpAddr>,
}

/// A switch.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(deny_unknown_fields, default)]
pub struct SwitchTable {
    /// The subnet of the machines that are connected to it.
    pub subnet: Option<String>,
    /// Whether machines may talk only to what is not a machine.
    pub isolated: bool,
    /// Whether questions for addresses go to all ports.
    pub flood_questions: bool,
}

/// A link.
#[derive(Debug, Clone, PartialEq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(deny_unknown_fields)]
pub struct LinkTable {
    /// What it joins.
    pub between: [String; 2],
    /// What it is like; without faults or delay if nothing is said.
    pub plan: Option<PlanChoice>,
}

/// A machine, or several alike.
#[derive(Debug, Clone, PartialEq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(deny_unknown_fields)]
pub struct MachineTable {
    /// What it is connected to.
    pub at: String,
    /// Its address; if nothing is said, the next of the subnet that is free.
    pub address: Option<IpAddr>,
    /// What its link is like; without faults or delay if nothing is said.
    pub plan: Option<PlanChoice>,
    /// How many there are: their names are numbered, beginning with 1.
    pub count: Option<u32>,
    /// Whether it may send from addresses that are not its own.
    #[serde(default)]
    pub may_spoof: bool,
}

/// A door to the outside.
#[derive(Debug, Clone, PartialEq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(deny_unknown_fields)]
pub struct DoorTable {
    /// What it is connected to.
    pub at: String,
    /// What its link is like.
    pub plan: Option<PlanChoice>,
}

/// Reads one table of a description from what is between its braces.
///
/// # Errors
///
/// If it is not such a table.
pub fn in_words<T: DeserializeOwned>(words: &str) -> Result<T, TopologyError> {
    #[derive(Deserialize)]
    struct Words<T> {
        words: T,
    }
    let text = format!("words = {{ {words} }}");
    let Words { words } = toml::from_str(&text)?;
    Ok(words)
}

#[cfg(test)]
mod tests;
