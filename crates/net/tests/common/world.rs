//! [`World`]: homes behind routers that translate, and an office with servers.

use std::net::{Ipv4Addr, SocketAddr};

use ipnet::Ipv4Net;
use ironloom_core::{Duration, Instant, MachineId, Rng, Seed};
use ironloom_net::fabric::{Config, Guard, LinkId, MachineSpec, Place, RouterLink, StationId};
use ironloom_net::link::{LinkProfile, Loss};
use ironloom_net::router::nat::SourceRule;
use ironloom_net::{Fabric, Mac, Port, Stack, ipnet, router, switch};

/// A home with a router that hides it, and an office with servers, with a link between them.
///
/// The office is a network of 65,536 addresses, of which those that begin with 203.0.113 are used.
pub(crate) struct World {
    pub(crate) fabric: Fabric,
    pub(crate) rng: Rng,
    pub(crate) home: StationId,
    pub(crate) office: StationId,
    pub(crate) router: StationId,
    /// The link of the router to the office.
    pub(crate) uplink: LinkId,
    /// The machine that was added last.
    pub(crate) last: MachineId,
    machines: u8,
}

/// What a link without faults is like.
pub(crate) fn cable(micros: u64) -> LinkProfile {
    LinkProfile { latency: Duration::from_micros(micros), ..LinkProfile::default() }
}

/// A link that loses so many of a million packets.
pub(crate) fn lossy(micros: u64, ppm: u32) -> LinkProfile {
    LinkProfile { loss: Loss::Even { ppm }, ..cable(micros) }
}

pub(crate) fn seconds(count: u64) -> Instant {
    Instant::ZERO.saturating_add(Duration::from_secs(count))
}

pub(crate) fn end(text: &str) -> SocketAddr {
    text.parse().expect("it is an address and a port")
}

impl World {
    pub(crate) fn new(seed: u64, config: Config) -> Self {
        Self::with(seed, config, router::Config::default(), [cable(1_000); 2])
    }

    /// A world whose uplink has these profiles, away from the home and back.
    pub(crate) fn with(seed: u64, config: Config, router: router::Config, uplink: [LinkProfile; 2]) -> Self {
        let mut fabric = Fabric::new(config, Seed::new(seed));
        let home = fabric.add_switch("home", Place::Apart, switch::Config::default()).unwrap();
        let office = fabric.add_switch("office", Place::Apart, switch::Config::default()).unwrap();
        let router = fabric.add_router("router", Place::Beside(home), router).unwrap();
        let inside = RouterLink::new(router, home, "192.168.1.1/24".parse().unwrap());
        fabric.connect_router(&inside).unwrap();
        let outside = RouterLink::new(router, office, "203.0.113.1/16".parse().unwrap());
        let (uplink, port) =
            fabric.connect_router(&RouterLink { forth: uplink[0], back: uplink[1], ..outside }).unwrap();
        let rule = SourceRule::masquerade("192.168.1.0/24".parse().unwrap(), port);
        fabric.router(router).unwrap().nat_mut().add_source(rule).unwrap();
        let rng = Rng::new(Seed::new(seed)).split("world", 0);
        let last = MachineId::from_uuid(<_>::default());
        Self { fabric, rng, home, office, router, uplink, last, machines: 0 }
    }

    /// A machine at home: 192.168.1.2 and so on.
    pub(crate) fn add_home(&mut self, down: LinkProfile, up: LinkProfile) -> MachineId {
        self.add(self.home, Guard::Assigned, [down, up])
    }

    /// A machine in the office: 203.0.113.2 and so on; numbers are counted over both networks.
    pub(crate) fn add_office(&mut self, down: LinkProfile, up: LinkProfile) -> MachineId {
        self.add(self.office, Guard::Assigned, [down, up])
    }

    /// A machine of one of the networks.
    pub(crate) fn add(&mut self, at: StationId, guard: Guard, [down, up]: [LinkProfile; 2]) -> MachineId {
        self.machines += 1;
        let id = MachineId::random(&mut self.rng);
        let number = 1 + self.machines;
        let (address, gateway) = if at == self.home {
            (Ipv4Net::new(Ipv4Addr::new(192, 168, 1, number), 24), Ipv4Addr::new(192, 168, 1, 1))
        } else {
            (Ipv4Net::new(Ipv4Addr::new(203, 0, 113, number), 16), Ipv4Addr::new(203, 0, 113, 1))
        };
        let (address, gateway) = (address.ok(), Some(gateway));
        let spec = MachineSpec { address, gateway, down, up, guard, ..MachineSpec::new(id, "machine", at) };
        self.fabric.add_machine(&spec).unwrap();
        self.last = id;
        id
    }

    /// The card of the router at home.
    pub(crate) fn gateway(&mut self) -> Mac {
        self.fabric.router(self.router).unwrap().interface(Port::new(0)).unwrap().mac
    }

    /// The last part of the address of the machine that was added last.
    pub(crate) fn last_number(&self) -> u8 {
        1 + self.machines
    }

    /// Lets the addresses of machines that were removed be given again.
    pub(crate) fn forget_numbers(&mut self) {
        self.machines = 0;
    }

    /// What a machine's stack says.
    pub(crate) fn stack<R>(&mut self, machine: MachineId, ask: impl FnOnce(&mut Stack) -> R) -> R {
        self.fabric.host(machine, |host| ask(host.stack())).unwrap()
    }

    /// Both ways of a link down, or up again.
    pub(crate) fn cut(&mut self, link: LinkId, is_cut: bool) {
        self.fabric.set_cut(link, is_cut).unwrap();
    }

    /// Lets time go by, and what came out be forgotten.
    pub(crate) fn run_until(&mut self, until: Instant) {
        self.fabric.run_until(until);
        while self.fabric.poll().is_some() {}
    }
}
