//! [`Builder`]: a description, drawn as on a whiteboard.

use std::fmt::Display;
use std::net::Ipv4Addr;
use std::str::FromStr;

use ironloom_core::Duration;
use ironloom_net::topology::{CloudTable, LinkTable, PlanChoice, PlanTable, Span, SubnetTable, SwitchTable};

use super::{
    ComputerTable, Description, DescriptionError, ImageTable, ListenerTable, MachineTable, NamesTable,
    Pacing, RouterBuilder, Wrong,
};
use crate::World;

/// A description, drawn as on a whiteboard.
///
/// What is wrong in it is told once, at the end.
///
/// ```
/// use ironloom_node::prelude::*;
///
/// let world = World::builder(7)
///     .cloud("internet", "203.0.113.0/24")
///     .network("office", "10.1.0.0/24")
///     .plan("dsl", "down = '50 Mbps', up = '10 Mbps', latency = '30 ms'")
///     .router("edge", |edge| edge.to("office").hidden_to("internet").plan("dsl"))
///     .image("site", |site| site.file("/var/www/index.html", "hello").runs("httpd -q -p 80"))
///     .machine("web", |web| web.at("office").address([10, 1, 0, 10]).image("site"))
///     .machine("desk", |desk| desk.at("office").count(20))
///     .build()?;
///
/// let page = world.exec("desk-7", "curl -s http://10.1.0.10/").wait()?;
/// assert_eq!(page.text(), "hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Builder {
    description: Description,
    /// The first thing that was wrong.
    error: Option<Wrong>,
}

impl Builder {
    pub(crate) fn new(seed: u64) -> Self {
        Self { description: Description { seed, ..<_>::default() }, error: None }
    }

    /// A network of addresses, and a switch of the same name for its machines.
    #[must_use]
    pub fn network(self, name: &str, addresses: &str) -> Self {
        self.subnet(name, addresses).switch(name, name)
    }

    /// A network of addresses.
    #[must_use]
    pub fn subnet(mut self, name: &str, addresses: &str) -> Self {
        if let Some(network) = self.read(&format!("subnets.{name}.network"), addresses) {
            let subnet = SubnetTable { network, gateway: None, reserved: Vec::new() };
            self.description.subnets.insert(name.to_owned(), subnet);
        }
        self
    }

    /// A switch for the machines of a subnet.
    #[must_use]
    pub fn switch(mut self, name: &str, subnet: &str) -> Self {
        let switch = SwitchTable { subnet: Some(subnet.to_owned()), ..SwitchTable::default() };
        self.description.switches.insert(name.to_owned(), switch);
        self
    }

    /// The core of an internet; routers that are connected to it get addresses of these.
    #[must_use]
    pub fn cloud(mut self, name: &str, addresses: &str) -> Self {
        let network = self.read(&format!("clouds.{name}.network"), addresses);
        self.description.clouds.insert(name.to_owned(), CloudTable { network, ..CloudTable::default() });
        self
    }

    /// A router.
    #[must_use]
    pub fn router(mut self, name: &str, draw: impl FnOnce(RouterBuilder) -> RouterBuilder) -> Self {
        match draw(RouterBuilder::new(format!("routers.{name}"))).finish() {
            Ok(router) => _ = self.description.routers.insert(name.to_owned(), router),
            Err(wrong) => _ = self.error.get_or_insert(wrong),
        }
        self
    }

    /// What links are like, in the words of a description: `down = '50 Mbps', latency = '30 ms', loss = '0.1 %'`.
    #[must_use]
    pub fn plan(mut self, name: &str, words: &str) -> Self {
        if let Some(plan) = self.read::<PlanTable>(&format!("plans.{name}"), words) {
            self.description.plans.insert(name.to_owned(), plan);
        }
        self
    }

    /// A link between two that are not machines, as a plan says.
    #[must_use]
    pub fn link(mut self, first: &str, second: &str, plan: &str) -> Self {
        let between = [first.to_owned(), second.to_owned()];
        self.description.links.push(LinkTable { between, plan: Some(PlanChoice::Named(plan.to_owned())) });
        self
    }

    /// What machines begin with.
    #[must_use]
    pub fn image(mut self, name: &str, draw: impl FnOnce(ImageTable) -> ImageTable) -> Self {
        self.description.images.insert(name.to_owned(), draw(ImageTable::default()));
        self
    }

    /// A machine, or several alike.
    #[must_use]
    pub fn machine(mut self, name: &str, draw: impl FnOnce(MachineTable) -> MachineTable) -> Self {
        self.description.machines.insert(name.to_owned(), draw(MachineTable::default()));
        self
    }

    /// Where a node listens: `127.0.0.1:8080`, or `unix:/run/shop.sock`.
    #[must_use]
    pub fn listener(
        mut self,
        name: &str,
        at: &str,
        draw: impl FnOnce(ListenerTable) -> ListenerTable,
    ) -> Self {
        self.description.listeners.insert(name.to_owned(), draw(ListenerTable::at(at)));
        self
    }

    /// A RISC-V computer.
    #[must_use]
    pub fn computer(mut self, name: &str, draw: impl FnOnce(ComputerTable) -> ComputerTable) -> Self {
        self.description.computers.insert(name.to_owned(), draw(ComputerTable::default()));
        self
    }

    /// Machines are found as their name and this zone, at a name server that is connected here. Of several zones the first
    /// is that of machines which say no name.
    #[must_use]
    pub fn names(mut self, zone: &str, at: &str, address: impl Into<Ipv4Addr>) -> Self {
        let (zone, address) = (zone.to_owned(), address.into());
        match &mut self.description.names {
            Some(names) => names.zones.push(zone),
            empty => {
                let (server, records) = (super::ns(), <_>::default());
                *empty = Some(NamesTable { zones: vec![zone], at: at.to_owned(), address, server, records });
            }
        }
        self
    }

    /// What another name leads to.
    #[must_use]
    pub fn record(mut self, name: &str, address: impl Into<Ipv4Addr>) -> Self {
        match &mut self.description.names {
            Some(names) => _ = names.records.insert(name.to_owned(), address.into()),
            None => {
                let reason = "there is no name server: say `names` first";
                self.error.get_or_insert_with(|| Wrong::value(format!("names.records.{name}"), reason));
            }
        }
        self
    }

    /// How much virtual time a window takes.
    #[must_use]
    pub const fn window(mut self, window: Duration) -> Self {
        self.description.window = Some(Span(window));
        self
    }

    /// How many threads run machines. Results do not depend on it.
    #[must_use]
    pub const fn workers(mut self, workers: u16) -> Self {
        self.description.workers = workers;
        self
    }

    /// How a node lets time go by.
    #[must_use]
    pub const fn pacing(mut self, pacing: Pacing) -> Self {
        self.description.pacing = pacing;
        self
    }

    /// Every frame is part of the digest.
    #[must_use]
    pub const fn tracing_frames(mut self) -> Self {
        self.description.traces_frames = true;
        self
    }

    /// What there are no words for here, with the description itself.
    #[must_use]
    pub fn edit(mut self, edit: impl FnOnce(&mut Description)) -> Self {
        edit(&mut self.description);
        self
    }

    /// What was drawn.
    ///
    /// # Errors
    ///
    /// If a text in it was not what it had to be.
    pub fn describe(self) -> Result<Description, DescriptionError> {
        match self.error {
            None => Ok(self.description),
            Some(wrong) => Err(self.description.wrong(wrong)),
        }
    }

    /// The world that was drawn.
    ///
    /// # Errors
    ///
    /// If a text in it was not what it had to be, or as [`World::new`].
    pub fn build(self) -> Result<World, DescriptionError> {
        World::new(&self.describe()?)
    }

    fn read<T: FromStr<Err: Display>>(&mut self, place: &str, text: &str) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.error.get_or_insert_with(|| Wrong::value(place, format!("`{text}`: {error}")));
                None
            }
        }
    }
}
