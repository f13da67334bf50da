//! [`RouterBuilder`]: a router, drawn as on a whiteboard.

use std::net::IpAddr;

use ironloom_net::topology::{ForwardTable, InterfaceTable, PlanChoice, RouterTable};

use super::Wrong;

/// A router, drawn as on a whiteboard.
///
/// ```
/// use ironloom_node::World;
///
/// let town = World::builder(7)
///     .cloud("internet", "203.0.113.0/24")
///     .network("home", "192.168.1.0/24")
///     .router("box", |router| {
///         router
///             .to("home")
///             .hidden_to("internet")
///             .forward(80, [192, 168, 1, 10])
///             .rule("verdict = 'drop', protocol = 'icmp', local = true")
///     })
///     .describe()?;
/// assert!(town.routers["box"].interfaces[1].masquerade);
/// # Ok::<(), ironloom_node::DescriptionError>(())
/// ```
#[derive(Debug)]
pub struct RouterBuilder {
    place: String,
    table: RouterTable,
    /// The first thing that was wrong.
    error: Option<Wrong>,
}

impl RouterBuilder {
    pub(super) fn new(place: String) -> Self {
        Self { place, table: RouterTable::default(), error: None }
    }

    /// Connects it to a switch, a router or a cloud.
    #[must_use]
    pub fn to(self, station: &str) -> Self {
        self.interface(station, false)
    }

    /// Connects it, and hides behind its address all that leaves there.
    #[must_use]
    pub fn hidden_to(self, station: &str) -> Self {
        self.interface(station, true)
    }

    fn interface(mut self, station: &str, masquerade: bool) -> Self {
        let to = station.to_owned();
        self.table.interfaces.push(InterfaceTable { to, address: None, peer: None, plan: None, masquerade });
        self
    }

    /// What the link that was drawn last is like.
    #[must_use]
    pub fn plan(mut self, plan: &str) -> Self {
        match self.table.interfaces.last_mut() {
            Some(interface) => interface.plan = Some(PlanChoice::Named(plan.to_owned())),
            None => self.fail("plan", "connect it first"),
        }
        self
    }

    /// Its address at the link that was drawn last: `10.1.0.254/24`.
    #[must_use]
    pub fn address(mut self, address: &str) -> Self {
        match (self.table.interfaces.last_mut(), address.parse()) {
            (Some(interface), Ok(address)) => interface.address = Some(address),
            (None, _) => self.fail("address", "connect it first"),
            (_, Err(_)) => self.fail("address", &format!("`{address}` is none: write `10.1.0.254/24`")),
        }
        self
    }

    /// Leads connections to a port on to a machine.
    #[must_use]
    pub fn forward(mut self, port: u16, to: impl Into<IpAddr>) -> Self {
        let to = to.into();
        self.table.forwards.push(ForwardTable { address: None, protocol: None, port, to, to_port: None });
        self
    }

    /// A rule, in the words of a description: `verdict = 'drop', protocol = 'tcp', ports = '22'`.
    #[must_use]
    pub fn rule(mut self, words: &str) -> Self {
        match words.parse() {
            Ok(rule) => self.table.rules.push(rule),
            Err(error) => self.fail("rules", &format!("`{words}`: {error}")),
        }
        self
    }

    pub(super) fn finish(self) -> Result<RouterTable, Wrong> {
        self.error.map_or(Ok(self.table), Err)
    }

    fn fail(&mut self, field: &str, reason: &str) {
        self.error.get_or_insert_with(|| Wrong::value(format!("{}.{field}", self.place), reason));
    }
}
