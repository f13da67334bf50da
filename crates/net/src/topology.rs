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
mod error;
mod groups;
mod units;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de};

pub use assemble::Network;
pub use error::TopologyError;
pub use units::{Rate, Share, Size, Span};

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
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Topology {
    /// Networks of addresses.
    pub subnets: BTreeMap<String, SubnetTable>,
    /// Switches.
    pub switches: BTreeMap<String, SwitchTable>,
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
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubnetTable {
    /// The network.
    pub network: IpNet,
    /// Its gateway; the first host if nothing is said.
    pub gateway: Option<IpAddr>,
    /// Addresses that are not to be given to machines that have none.
    #[serde(default)]
    pub reserved: Vec<IpAddr>,
}

/// A switch.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SwitchTable {
    /// The subnet of the machines that are connected to it.
    pub subnet: Option<String>,
    /// Whether machines may talk only to what is not a machine.
    pub isolated: bool,
    /// Whether questions for addresses go to all ports.
    pub flood_questions: bool,
}

/// What a link is like. `down` is the way to the machine, or to the second end.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlanTable {
    /// How much can be sent to the machine.
    pub down: Option<Rate>,
    /// How much can be sent by the machine.
    pub up: Option<Rate>,
    /// How long a frame is under way, each way.
    pub latency: Option<Span>,
    /// How much longer it may be.
    pub jitter: Option<Span>,
    /// How many packets are lost, each way.
    pub loss: Option<Share>,
    /// How many packets arrive twice.
    pub duplicate: Option<Share>,
    /// How many packets are overtaken.
    pub reorder: Option<Share>,
    /// How many packets arrive with a wrong bit.
    pub corrupt: Option<Share>,
    /// How much may wait to be sent.
    pub queue: Option<Size>,
    /// The largest packet.
    pub mtu: Option<u16>,
}

/// The name of a plan, or a plan.
#[derive(Debug, Clone, PartialEq)]
pub enum PlanChoice {
    /// A plan of the table `plans`.
    Named(String),
    /// A plan of its own.
    Own(Box<PlanTable>),
}

impl<'de> Deserialize<'de> for PlanChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlanVisitor)
    }
}

/// Tells a name from a table by what it meets, so that what is wrong in the table is told with its line.
struct PlanVisitor;

impl<'de> de::Visitor<'de> for PlanVisitor {
    type Value = PlanChoice;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a plan, or a table that is one")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<PlanChoice, E> {
        Ok(PlanChoice::Named(name.to_owned()))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<PlanChoice, A::Error> {
        let table = PlanTable::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(PlanChoice::Own(Box::new(table)))
    }
}

/// A link.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkTable {
    /// What it joins.
    pub between: [String; 2],
    /// What it is like; without faults or delay if nothing is said.
    pub plan: Option<PlanChoice>,
}

/// A machine, or several alike.
#[derive(Debug, Clone, PartialEq, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoorTable {
    /// What it is connected to.
    pub at: String,
    /// What its link is like.
    pub plan: Option<PlanChoice>,
}

#[cfg(test)]
mod tests;
