//! [`ListenerTable`]: where a node listens.

use ipnet::IpNet;
use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};
use serde::Deserialize;

use super::Wrong;
use crate::doors::{Listener, Place};

/// Where a [`Node`](crate::Node) listens from its start, and where connections lead. A world in virtual time has no outside,
/// and ignores it.
///
/// ```
/// use ironloom_node::{Description, World};
///
/// let described: Description = r#"
///     machines = { web = { at = "lan" }, desk = {} }
///     subnets.lan.network = "10.1.0.0/24"
///     switches.lan.subnet = "lan"
///
///     [listeners.shop]
///     at = "127.0.0.1:8080"
///     to = "web:80"
///     allow = ["127.0.0.0/8"]
///     connections_max = 1000
///     [listeners.echo]
///     at = "unix:/run/echo.sock"
///     machine = "desk"
///     runs = "cat"
/// "#
/// .parse()?;
///
/// let drawn = World::builder(0)
///     .network("lan", "10.1.0.0/24")
///     .machine("web", |web| web.at("lan"))
///     .machine("desk", |desk| desk)
///     .listener("shop", "127.0.0.1:8080", |shop| {
///         shop.to_port("web", 80).allow("127.0.0.0/8").connections_max(1_000)
///     })
///     .listener("echo", "unix:/run/echo.sock", |echo| echo.to_command("desk", "cat"))
///     .describe()?;
/// assert_eq!(described, drawn);
/// # Ok::<(), ironloom_node::DescriptionError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
#[serde(deny_unknown_fields)]
pub struct ListenerTable {
    /// Where: `127.0.0.1:8080`, or `unix:/run/shop.sock`.
    pub at: String,
    /// The machine's port that connections lead to: `web:80`.
    pub to: Option<String>,
    /// The machine on which a process is started for each connection.
    pub machine: Option<String>,
    /// A line for its shell: what that process does.
    pub runs: Option<String>,
    /// The networks from which one may come; from everywhere if nothing is said.
    #[serde(default)]
    pub allow: Vec<String>,
    /// How many connections there may be at a time.
    pub connections_max: Option<u32>,
    /// How many connections there may be at a time from one address.
    pub connections_per_address_max: Option<u32>,
}

impl ListenerTable {
    pub(crate) fn at(at: &str) -> Self {
        Self { at: at.to_owned(), ..Self::default() }
    }

    /// The same, leading to a port of a machine.
    #[must_use]
    pub fn to_port(mut self, machine: &str, port: u16) -> Self {
        self.to = Some(format!("{machine}:{port}"));
        self
    }

    /// The same, leading each to a process of its own on a machine; what it does is a line for the shell.
    #[must_use]
    pub fn to_command(mut self, machine: impl Into<String>, line: impl Into<String>) -> Self {
        (self.machine, self.runs) = (Some(machine.into()), Some(line.into()));
        self
    }

    /// The same, and who comes from this network may come in.
    #[must_use]
    pub fn allow(mut self, network: impl Into<String>) -> Self {
        self.allow.push(network.into());
        self
    }

    /// The same with so many connections at a time.
    #[must_use]
    pub const fn connections_max(mut self, connections_max: u32) -> Self {
        self.connections_max = Some(connections_max);
        self
    }

    /// The same with so many connections at a time from one address.
    #[must_use]
    pub const fn connections_per_address_max(mut self, connections_max: u32) -> Self {
        self.connections_per_address_max = Some(connections_max);
        self
    }

    /// The machine that connections lead to, and the field that says so.
    pub(crate) fn leads_to(&self, place: &str) -> Result<(&'static str, &str), Wrong> {
        match (&self.to, &self.machine, &self.runs) {
            (Some(_), None, None) => Ok(("to", self.port(place)?.0)),
            (None, Some(machine), Some(_)) => Ok(("machine", machine)),
            _ => Err(Wrong::value(
                place,
                "say `to = \"web:80\"`, or `machine` and what it `runs`: one of both",
            )),
        }
    }

    fn port(&self, place: &str) -> Result<(&str, u16), Wrong> {
        let to = self.to.as_deref().unwrap_or_default();
        let (machine, port) = to.rsplit_once(':').unwrap_or((to, ""));
        match port.parse() {
            Ok(port) if port > 0 => Ok((machine, port)),
            _ => Err(Wrong::value(
                format!("{place}.to"),
                format!("`{to}` is no port of a machine: write `web:80`"),
            )),
        }
    }

    /// What it describes.
    pub(crate) fn listener(&self, place: &str) -> Result<Listener, Wrong> {
        self.at.parse::<Place>().map_err(|error| Wrong::value(format!("{place}.at"), error))?;
        let (_, machine) = self.leads_to(place)?;
        let at = Listener::at(&*self.at);
        let mut listener = match &self.runs {
            Some(line) => at.to_command(machine, line.as_str()),
            None => at.to_port(machine, self.port(place)?.1),
        };
        for (number, network) in self.allow.iter().enumerate() {
            if network.parse::<IpNet>().is_err() {
                let reason = format!("`{network}` is no network: write `127.0.0.0/8` or `::1/128`");
                return Err(Wrong::value(format!("{place}.allow[{number}]"), reason));
            }
            listener = listener.allow(network);
        }
        if let Some(connections_max) = self.connections_max {
            listener = listener.connections_max(connections_max as usize);
        }
        if let Some(connections_max) = self.connections_per_address_max {
            listener = listener.connections_per_address_max(connections_max as usize);
        }
        Ok(listener)
    }
}
