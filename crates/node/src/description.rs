//! [`Description`]: a datacenter as people describe it, in Rust or in TOML.

mod builder;
mod computer;
mod connected;
mod contents;
mod error;
mod file;
mod listener;
mod load;
mod machine;
mod place;
mod router;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::{Duration, Seed};
use ironloom_net::topology::{
    CloudTable, DoorTable, LinkTable, PlanTable, RouterTable, Span, SubnetTable, SwitchTable,
};
use serde::Deserialize;

pub use builder::Builder;
pub use computer::{ComputerTable, DiskTable};
pub(crate) use contents::Contents;
pub use error::{DescriptionError, Wrong};
pub use file::{Content, FileTable};
pub use listener::ListenerTable;
pub use machine::{HeapName, ImageTable, MachineTable, UserTable};
pub use router::RouterBuilder;

use place::Source;

/// A datacenter as people describe it: what is on the whiteboard, as a value.
///
/// A [`Builder`] makes one in Rust, and a text in TOML is read as one; they mean the same. Beside the sections of
/// [`ironloom_net::topology`] there are images, names, and what a machine has of its own.
///
/// ```
/// use ironloom_node::{Description, World};
///
/// let description: Description = r#"
///     seed = 7
///
///     [subnets.office]
///     network = "10.1.0.0/24"
///     [switches.lan]
///     subnet = "office"
///
///     [machines.web]
///     at = "lan"
///     runs = ["httpd -q"]
///     files = { "/var/www/index.html" = "hello" }
///
///     [machines.desk]
///     at = "lan"
///     count = 3 # desk-1 to desk-3
/// "#
/// .parse()?;
///
/// let same = World::builder(7)
///     .subnet("office", "10.1.0.0/24")
///     .switch("lan", "office")
///     .machine("web", |web| web.at("lan").runs("httpd -q").file("/var/www/index.html", "hello"))
///     .machine("desk", |desk| desk.at("lan").count(3))
///     .describe()?;
/// assert_eq!(description, same);
/// # Ok::<(), ironloom_node::DescriptionError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(deny_unknown_fields, default)]
pub struct Description {
    /// The number from which all chance in the world comes.
    pub seed: u64,
    /// How much virtual time a window takes; a millisecond if nothing is said.
    pub window: Option<Span>,
    /// How many threads run machines. Results do not depend on it.
    pub workers: u16,
    /// How a [`Node`](crate::Node) lets time go by.
    pub pacing: Pacing,
    /// Whether the [digest](crate::World::digest) is that of every frame as well. That takes time.
    pub traces_frames: bool,
    /// What machines begin with, by name. `base` is there already: the programs of a small Unix.
    pub images: BTreeMap<String, ImageTable>,
    /// What machines are called by each other.
    pub names: Option<NamesTable>,
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
    /// Doors to the outside.
    pub doors: BTreeMap<String, DoorTable>,
    /// Machines, or as many machines as `count` says.
    pub machines: BTreeMap<String, MachineTable>,
    /// Where a [`Node`](crate::Node) listens, and where connections lead.
    pub listeners: BTreeMap<String, ListenerTable>,
    /// RISC-V computers.
    pub computers: BTreeMap<String, ComputerTable>,
    #[serde(skip)]
    #[borsh(skip)]
    pub(crate) source: Source,
}

/// How a [`Node`](crate::Node) lets time go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(rename_all = "snake_case")]
pub enum Pacing {
    /// As the clock does, for services.
    #[default]
    Clock,
    /// So many windows in a second of the clock, for games: `{ windows_per_second = 60 }`.
    WindowsPerSecond(u32),
    /// As fast as it can, for simulations.
    Free,
}

/// What machines are called by each other, and the name server that they ask.
///
/// A machine with an address is found as its name and the first of these zones, `web.example`, unless it says another
/// name. Machines ask this server, unless a file says otherwise.
#[derive(Debug, Clone, PartialEq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(deny_unknown_fields)]
pub struct NamesTable {
    /// The zones in which there are names.
    pub zones: Vec<String>,
    /// What the name server is connected to.
    pub at: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// What it is called as a machine; `ns` if nothing is said.
    #[serde(default = "ns")]
    pub server: String,
    /// What other names lead to.
    #[serde(default)]
    pub records: BTreeMap<String, Ipv4Addr>,
}

fn ns() -> String {
    "ns".to_owned()
}

impl Default for Description {
    fn default() -> Self {
        Self {
            seed: 0,
            window: None,
            workers: 1,
            pacing: Pacing::default(),
            traces_frames: false,
            images: BTreeMap::new(),
            names: None,
            subnets: BTreeMap::new(),
            switches: BTreeMap::new(),
            routers: BTreeMap::new(),
            clouds: BTreeMap::new(),
            plans: BTreeMap::new(),
            links: Vec::new(),
            doors: BTreeMap::new(),
            machines: BTreeMap::new(),
            listeners: BTreeMap::new(),
            computers: BTreeMap::new(),
            source: Source::default(),
        }
    }
}

impl Description {
    /// The seed.
    #[must_use]
    pub const fn seed(&self) -> Seed {
        Seed::new(self.seed)
    }

    /// How much virtual time a window takes.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.window.map_or(Duration::from_millis(1), |span| span.0)
    }
}
