//! [`Router`]: passes packets between networks, as far as its rules let them.
//!
//! The way of a packet, in the order that users of Linux know:
//!
//! 1. **Arrival**: the frame is for this card, the addresses can be those of a sender and of a receiver. Fragments are
//!    put together first, since rules and translation ask for ports that only the first of them has; a router that does
//!    not track conversations passes them on as they are.
//! 2. **Conversation**: one lookup finds it ([`conntrack`]), whichever way the packet goes. What belongs to none and
//!    cannot begin one is invalid and dropped.
//! 3. **For the first packet** of a conversation: may its source be there at all; is its target led elsewhere (DNAT);
//!    is it for the router itself, or which route leads on; has it hops left, and does it fit through the next link;
//!    what does the firewall say; does its source hide (SNAT). Then the conversation is entered with both directions.
//! 4. **For those that follow**, route, firewall and neighbour were asked before: what they said is kept with the
//!    conversation, together with the *generation* of the router in which they said it. Any change of routes, rules,
//!    ports or neighbours begins a new generation, in which each conversation asks once more. So a rule that is added
//!    also stops what is under way. A rule with a rate is asked for every packet that gets as far as to it.
//! 5. **Departure**: addresses and ports are rewritten, a hop is counted, the next card is written on the frame. If that
//!    card is not known, the packet waits while it is asked for.
//!
//! Firewall rules see the addresses of those who really talk: after DNAT and before SNAT, in both directions.
//!
//! An error about a packet of a conversation belongs to it: it is translated with what it quotes, and is *related* to the
//! firewall. Errors of the router's own are told from the address at which the packet came in.
//!
//! Packets for the router's own addresses are answered here, if they are echoes. All others go to a stack behind a port
//! of its own, if one is [attached](Router::attach), as packets that are merely passed on; else they are refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use ironloom_core::{HashState, Instant, Map, Rng};
use thiserror::Error;

use crate::frame::Reassembly;
use crate::{Frame, Mac, Node, Outbox, Port};

mod address;
mod ahead;
mod bypass;
mod checks;
mod config;
pub mod conntrack;
mod drops;
mod errors;
pub mod firewall;
mod interface;
mod local;
pub mod nat;
mod neighbourhood;
mod opening;
mod pipeline;
mod rate;
mod routes;
mod traffic;
mod tuple;

use address::Address;
pub(crate) use ahead::changes_nothing;
pub use bypass::FlowAction;
pub use config::Config;
pub(crate) use conntrack::Index;
use conntrack::{Conntrack, FlowRecord};
pub use drops::{Drops, Reason};
use firewall::Firewall;
pub use interface::{Interface, PortCounters};
use interface::{Place, Role};
use nat::Nat;
use pipeline::Gone;
pub use rate::Rate;
pub use routes::{Hop, Route, RouteError, Routes};
pub use traffic::Traffic;
pub(crate) use tuple::Tuple;

/// Passes packets between networks.
///
/// ```
/// use ironloom_core::{Rng, Seed};
/// use ironloom_net::router::{Config, Interface, Router};
/// use ironloom_net::router::nat::SourceRule;
/// use ironloom_net::{Mac, Port};
///
/// let (home, world) = (Port::new(0), Port::new(1));
/// let mut router = Router::new(Config::default(), &mut Rng::new(Seed::new(1)));
/// router.add_interface(home, Interface::new(Mac::local(1), "192.168.1.1/24".parse().unwrap())).unwrap();
/// router.add_interface(world, Interface::new(Mac::local(2), "203.0.113.7/24".parse().unwrap())).unwrap();
/// router.nat_mut().add_source(SourceRule::masquerade("192.168.1.0/24".parse().unwrap(), world)).unwrap();
/// ```
#[derive(Debug)]
pub struct Router {
    config: Config,
    places: Vec<Option<Place>>,
    /// The router's own addresses, and those of everybody on its networks.
    own: Map<IpAddr, Own>,
    routes: Routes,
    firewall: Firewall,
    nat: Nat,
    flows: Flows,
    reassembly: Reassembly,
    /// Counts the changes after which conversations have to ask for their way again; never 0.
    generation: u32,
    /// When the next generation begins by itself.
    refresh: Instant,
    /// When neighbours or fragments are due at the earliest.
    wake: Option<Instant>,
    /// Frames that came through ports that there are not.
    lost: Drops,
}

/// An address of the router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Own {
    port: Port,
    /// Whether it stands for everybody on the network.
    is_broadcast: bool,
}

/// The conversations of both families.
#[derive(Debug)]
struct Flows {
    v4: Conntrack<Ipv4Addr>,
    v6: Conntrack<Ipv6Addr>,
}

/// A family of addresses, and where its conversations are.
trait Family: Address {
    fn flows(flows: &mut Flows) -> &mut Conntrack<Self>;
    fn flows_of(flows: &Flows) -> &Conntrack<Self>;
}

impl Family for Ipv4Addr {
    #[inline]
    fn flows(flows: &mut Flows) -> &mut Conntrack<Self> {
        &mut flows.v4
    }

    fn flows_of(flows: &Flows) -> &Conntrack<Self> {
        &flows.v4
    }
}

impl Family for Ipv6Addr {
    #[inline]
    fn flows(flows: &mut Flows) -> &mut Conntrack<Self> {
        &mut flows.v6
    }

    fn flows_of(flows: &Flows) -> &Conntrack<Self> {
        &flows.v6
    }
}

/// A change of a router was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RouterError {
    /// A port's number is too large.
    #[error("{port} is beyond the last: ports_max is {ports_max}")]
    NoSuchPort {
        /// Which port.
        port: Port,
        /// How many there may be.
        ports_max: u16,
    },
    /// A port has an interface already.
    #[error("{port} has an interface: remove it first")]
    PortInUse {
        /// Which port.
        port: Port,
    },
    /// A port has no interface, or one that leads to the router's own stack.
    #[error("{port} has no interface on a link: add one first")]
    NoInterface {
        /// Which port.
        port: Port,
    },
    /// An address is the router's already, or cannot be anybody's.
    #[error("{address} cannot be given to an interface: it is in use, or stands for many or nobody")]
    Address {
        /// Which address.
        address: IpAddr,
    },
    /// A network is on the other side of another port already.
    #[error("{network} is routed through {port} already: remove that route, or give it a metric above 0")]
    NetworkInUse {
        /// Which network.
        network: IpNet,
        /// The port through which it is routed.
        port: Port,
    },
    /// An interface has too many addresses.
    #[error("an interface cannot have {addresses} addresses: addresses_max is {addresses_max}")]
    TooManyAddresses {
        /// How many it has.
        addresses: usize,
        /// How many it may have.
        addresses_max: usize,
    },
    /// There is no room for the routes to its networks.
    #[error(transparent)]
    Route(#[from] RouteError),
}

impl Router {
    /// A router without ports. Its chance, drawn here, decides how its tables are hashed and which ports it tries first.
    #[must_use]
    pub fn new(config: Config, rng: &mut Rng) -> Self {
        let flows = Flows {
            v4: Conntrack::new(&config.conntrack, rng.next_u64()),
            v6: Conntrack::new(&config.conntrack, rng.next_u64()),
        };
        Self {
            places: Vec::new(),
            own: Map::with_hasher(HashState::seeded(rng.next_u64())),
            routes: Routes::new(config.routes_max),
            firewall: Firewall::new(config.firewall.clone()),
            nat: Nat::new(config.nat.clone(), config.tracks, rng.next_u64()),
            flows,
            reassembly: Reassembly::new(config.reassembly.clone()),
            generation: 1,
            refresh: Instant::ZERO,
            wake: None,
            lost: Drops::default(),
            config,
        }
    }

    /// Connects a port, and routes the networks of its addresses through it.
    ///
    /// # Errors
    ///
    /// If the port is taken or beyond the last, an address cannot be had, or there is no room for the routes; then
    /// nothing changes.
    pub fn add_interface(&mut self, port: Port, interface: Interface) -> Result<(), RouterError> {
        self.check_port(port)?;
        let (addresses, addresses_max) = (interface.addresses.len(), self.config.addresses_max);
        if addresses > addresses_max {
            return Err(RouterError::TooManyAddresses { addresses, addresses_max });
        }
        for (at, network) in interface.addresses.iter().enumerate() {
            let address = network.addr();
            let is_repeated = interface.addresses[..at].iter().any(|other| other.addr() == address);
            if is_repeated || self.own.contains_key(&address) || !pipeline::is_single(address) {
                return Err(RouterError::Address { address });
            }
            if let Some(route) = self.routes.at(*network, 0) {
                return Err(RouterError::NetworkInUse { network: route.network, port: route.port });
            }
        }
        let networks: Vec<IpNet> = interface.addresses.iter().map(IpNet::trunc).collect();
        for (at, network) in networks.iter().enumerate() {
            let route = Route { network: *network, via: None, port, metric: 0 };
            if let Err(error) = self.routes.insert(route) {
                for network in &networks[..at] {
                    self.routes.remove(*network, 0);
                }
                return Err(error.into());
            }
        }
        for network in &interface.addresses {
            let own = |is_broadcast| Own { port, is_broadcast };
            if let IpNet::V4(net) = network
                && net.prefix_len() < 31
            {
                self.own.entry(net.broadcast().into()).or_insert(own(true));
                self.own.entry(net.network().into()).or_insert(own(true));
            }
            self.own.insert(network.addr(), own(false));
        }
        self.place_at(port, Place::new(interface, Role::Link { services: None }, self.config.errors));
        Ok(())
    }

    /// Attaches the router's own stack behind a port: what is for the addresses of another port and is no echo goes there.
    ///
    /// That stack has the addresses of that port and a card of its own. Whatever it sends is routed, whoever it asks for
    /// is said to be here; what it sends to everybody leaves through that other port.
    ///
    /// # Errors
    ///
    /// If a port is taken or beyond the last, or the other has no interface.
    pub fn attach(&mut self, port: Port, of: Port, card: Mac) -> Result<(), RouterError> {
        self.check_port(port)?;
        let place = self.place_mut(of).ok_or(RouterError::NoInterface { port: of })?;
        if place.is_own() {
            return Err(RouterError::NoInterface { port: of });
        }
        place.role = Role::Link { services: Some(port) };
        let interface =
            Interface { addresses: Vec::new(), mtu: u16::MAX, checks_sources: false, ..place.interface };
        self.place_at(port, Place::new(interface, Role::Own { of, card }, self.config.errors));
        Ok(())
    }

    /// Disconnects a port, with its routes and, if it has one, the stack behind it. Whether there was an interface.
    pub fn remove_interface(&mut self, port: Port) -> bool {
        let place = self.places.get_mut(usize::from(port.number())).and_then(Option::take);
        let Some(place) = place else { return false };
        match place.role {
            Role::Link { services: Some(stack) } => {
                self.places[usize::from(stack.number())] = None;
            }
            Role::Link { services: None } => {}
            Role::Own { of, .. } => {
                if let Some(home) = self.place_mut(of) {
                    home.role = Role::Link { services: None };
                }
            }
        }
        self.own.retain(|_, own| own.port != port);
        self.routes.remove_port(port);
        self.change();
        true
    }

    /// Says whether a port's link is up. While it is down nothing passes it, and routes through it do not count.
    pub fn set_up(&mut self, port: Port, is_up: bool) {
        let Some(place) = self.place_mut(port) else { return };
        place.is_up = is_up;
        if !is_up {
            place.neighbours.clear();
        }
        self.routes.set_up(port, is_up);
        self.change();
    }

    /// Tells the router which card a neighbour has, as if the neighbour had asked for the router.
    pub fn set_neighbour(&mut self, now: Instant, port: Port, address: IpAddr, mac: Mac, out: &mut Outbox) {
        self.learn(now, port, address, mac, true, out);
    }

    /// The routes.
    #[must_use]
    pub fn routes(&self) -> &Routes {
        &self.routes
    }

    /// The routes, to be changed.
    pub fn routes_mut(&mut self) -> &mut Routes {
        self.change();
        &mut self.routes
    }

    /// The firewall.
    #[must_use]
    pub fn firewall(&self) -> &Firewall {
        &self.firewall
    }

    /// The firewall, to be changed.
    pub fn firewall_mut(&mut self) -> &mut Firewall {
        self.change();
        &mut self.firewall
    }

    /// What is translated.
    #[must_use]
    pub fn nat(&self) -> &Nat {
        &self.nat
    }

    /// What is translated, to be changed for conversations that begin from now on.
    pub fn nat_mut(&mut self) -> &mut Nat {
        &mut self.nat
    }

    /// What a router is on a port.
    #[must_use]
    pub fn interface(&self, port: Port) -> Option<&Interface> {
        self.place(port).map(|place| &place.interface)
    }

    /// What went through a port.
    #[must_use]
    pub fn counters(&self, port: Port) -> Option<&PortCounters> {
        self.place(port).map(|place| &place.counters)
    }

    /// What was dropped on all ports, and what came through ports that there are not.
    #[must_use]
    pub fn drops(&self) -> Drops {
        let mut drops = self.lost;
        self.places.iter().flatten().for_each(|place| drops += place.counters.drops);
        drops
    }

    /// How many conversations are known.
    #[must_use]
    pub fn flows_len(&self) -> usize {
        self.flows.v4.len() + self.flows.v6.len()
    }

    /// How many conversations had to make room for others.
    #[must_use]
    pub fn flows_evicted(&self) -> u64 {
        self.flows.v4.evicted() + self.flows.v6.evicted()
    }

    /// All conversations that are known, in order.
    #[must_use]
    pub fn flows(&self) -> Vec<FlowRecord> {
        let v4 = self.flows.v4.iter().map(FlowRecord::of);
        let v6 = self.flows.v6.iter().map(FlowRecord::of);
        let mut flows: Vec<FlowRecord> = v4.chain(v6).collect();
        flows.sort_unstable();
        flows
    }

    /// Forgets the conversations that are chosen; how many that were.
    pub fn forget(&mut self, is_chosen: impl Fn(&FlowRecord) -> bool) -> usize {
        self.change();
        let v4 = self.flows.v4.remove_if(|flow| is_chosen(&FlowRecord::of(flow)));
        v4 + self.flows.v6.remove_if(|flow| is_chosen(&FlowRecord::of(flow)))
    }

    fn check_port(&self, port: Port) -> Result<(), RouterError> {
        let ports_max = self.config.ports_max;
        if port.number() >= ports_max {
            return Err(RouterError::NoSuchPort { port, ports_max });
        }
        if self.place(port).is_some() { Err(RouterError::PortInUse { port }) } else { Ok(()) }
    }

    fn place_at(&mut self, port: Port, place: Place) {
        let at = usize::from(port.number());
        if self.places.len() <= at {
            self.places.resize_with(at + 1, || None);
        }
        self.places[at] = Some(place);
        self.change();
    }

    #[inline]
    fn place(&self, port: Port) -> Option<&Place> {
        self.places.get(usize::from(port.number()))?.as_ref()
    }

    #[inline]
    fn place_mut(&mut self, port: Port) -> Option<&mut Place> {
        self.places.get_mut(usize::from(port.number()))?.as_mut()
    }

    /// The address that the router has on a port, or on the port whose stack is behind it.
    fn address_at(&self, port: Port, is_v4: bool) -> Option<IpAddr> {
        let place = self.place(port)?;
        match place.role {
            Role::Own { of, .. } => self.place(of)?.address(is_v4),
            Role::Link { .. } => place.address(is_v4),
        }
    }

    /// Begins a new generation: every conversation asks for its way again.
    fn change(&mut self) {
        self.generation = self.generation.checked_add(1).unwrap_or(1);
    }

    fn wake_at(&mut self, deadline: Option<Instant>) {
        self.wake = [self.wake, deadline].into_iter().flatten().min();
    }

    fn drop(&mut self, port: Port, reason: Reason) {
        match self.place_mut(port) {
            Some(place) => place.drop(reason),
            None => self.lost.count(reason),
        }
    }
}

impl Router {
    /// Does to a frame what has to be done, and says through which port it leaves, after what was put into `out`;
    /// `None` if it does not.
    #[inline]
    pub(crate) fn forward(
        &mut self,
        now: Instant,
        port: Port,
        frame: &mut Frame,
        out: &mut Outbox,
    ) -> Option<Port> {
        if now >= self.refresh {
            self.refresh = now.saturating_add(self.config.ways_for);
            self.change();
        }
        match self.take(now, port, frame, out) {
            Ok(to) => return Some(to),
            Err(Gone::Dropped(reason)) => self.drop(port, reason),
            Err(Gone::Consumed) => {}
        }
        None
    }
}

impl Node for Router {
    fn handle(&mut self, now: Instant, port: Port, mut frame: Frame, out: &mut Outbox) {
        if let Some(to) = self.forward(now, port, &mut frame, out) {
            out.send(to, frame);
        }
    }

    fn expire(&mut self, now: Instant, out: &mut Outbox) {
        self.flows.v4.expire(now);
        self.flows.v6.expire(now);
        if self.wake.is_none_or(|wake| wake > now) {
            return;
        }
        while self.reassembly.expire(now).is_some() {
            self.lost.count(Reason::Fragments);
        }
        self.expire_neighbours(now, out);
        // Only now: what is due at one port may make another port ask, of which more is due.
        self.wake = [self.reassembly.next_event(), self.next_question()].into_iter().flatten().min();
    }

    #[inline]
    fn next_event(&self) -> Option<Instant> {
        [self.flows.v4.next_event(), self.flows.v6.next_event(), self.wake].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests;
