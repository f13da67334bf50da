//! [`Scene`]: a fabric behind a TAP interface, which is in a network namespace.
//!
//! ```text
//!  namespace .100 == tap ~~ door -- switch 10.91.0.0/24 -- router .254 -- switch 10.92.0.0/24
//!                                     |  |   |   |                           |
//!                                   .1  .2  .53 .54                         .1
//! ```
//!
//! The namespace reaches machines behind the router by their addresses; these hide behind the router when they begin,
//! and port 8080 of the router leads to one of them.

use std::fs::File;
use std::net::Ipv4Addr;
use std::sync::Arc;

use ironloom_core::{MachineId, Rng, Seed, WallClock};
use ironloom_net::capture::{Capture, CaptureConfig, Interface};
use ironloom_net::door::{Driver, Running, Tap, TapConfig, TapCounters};
use ironloom_net::fabric::{Config, LinkId, MachineSpec, Output, Place, Point, RouterLink, StationId, Way};
use ironloom_net::link::LinkProfile;
use ironloom_net::router::firewall::Protocol;
use ironloom_net::router::nat::{SourceRule, TargetRule};
use ironloom_net::{Fabric, Service, router, switch};
use parking_lot::Mutex;
use tempfile::TempDir;

use crate::namespace::{Namespace, skip};
use crate::{capture, iperf, names, web};

pub(crate) const WEB: &str = "10.91.0.1";
pub(crate) const IPERF: &str = "10.91.0.2";
pub(crate) const AUTHORITY: &str = "10.91.0.53";
pub(crate) const RESOLVER: &str = "10.91.0.54";
pub(crate) const ROUTER: &str = "10.91.0.254";
pub(crate) const BEHIND: &str = "10.92.0.1";

/// The namespace's own address.
pub(crate) const LINUX: &str = "10.91.0.100";

/// A fabric with a door.
pub(crate) struct Town {
    pub(crate) fabric: Fabric,
    port: StationId,
    link: LinkId,
    front: StationId,
    back: StationId,
    rng: Rng,
}

impl Town {
    fn new(profile: LinkProfile) -> Self {
        let mut fabric = Fabric::new(Config::default(), Seed::new(7));
        let front = fabric.add_switch("front", Place::Apart, switch::Config::default()).unwrap();
        let place = Place::Beside(front);
        let back = fabric.add_switch("back", place, switch::Config::default()).unwrap();
        let port = fabric.add_door("tap", place).unwrap();
        let link = fabric.connect(front, port, profile, profile).unwrap();
        let mut town = Self { fabric, port, link, front, back, rng: Rng::new(Seed::new(8)) };
        town.add_router();
        town.add(WEB, Box::new(web::server()));
        town.add(BEHIND, Box::new(web::server()));
        town.add(IPERF, Box::<iperf::Server>::default());
        names::serve(&mut town);
        town
    }

    fn add_router(&mut self) {
        let place = Place::Beside(self.front);
        let router = self.fabric.add_router("router", place, router::Config::default()).unwrap();
        let mut connect = |to, address: &str| {
            let link = RouterLink::new(router, to, address.parse().unwrap());
            self.fabric.connect_router(&link).unwrap().1
        };
        let outside = connect(self.front, "10.91.0.254/24");
        connect(self.back, "10.92.0.254/24");
        let nat = self.fabric.router(router).unwrap().nat_mut();
        nat.add_source(SourceRule::masquerade("10.92.0.0/24".parse().unwrap(), outside)).unwrap();
        let forward = TargetRule {
            target: "10.91.0.254/32".parse().unwrap(),
            protocol: Some(Protocol::TCP),
            ports: 8_080..=8_080,
            input: Some(outside),
            to: BEHIND.parse().unwrap(),
            to_port: Some(80),
        };
        nat.add_target(forward).unwrap();
    }

    /// Adds a machine with a service, before or behind the router.
    pub(crate) fn add(&mut self, address: &str, service: Box<dyn Service>) {
        let id = MachineId::random(&mut self.rng);
        let address: Ipv4Addr = address.parse().unwrap();
        let is_behind = address.octets()[1] == 92;
        let (at, gateway) =
            if is_behind { (self.back, [10, 92, 0, 254]) } else { (self.front, [10, 91, 0, 254]) };
        let spec = MachineSpec {
            address: Some(ipnet::Ipv4Net::new(address, 24).unwrap()),
            gateway: Some(gateway.into()),
            ..MachineSpec::new(id, "machine", at)
        };
        self.fabric.add_machine(&spec).unwrap();
        self.fabric.serve(id, service).unwrap();
    }
}

type Shared = Arc<Mutex<Option<Capture<File>>>>;

/// A town that is alive, and Linux at its door.
pub(crate) struct Scene {
    namespace: Namespace,
    running: Running,
    capture: Shared,
    counters: TapCounters,
    pub(crate) folder: TempDir,
}

impl Scene {
    /// A town that is alive, unless Linux cannot come to its door.
    pub(crate) fn start(
        profile: LinkProfile,
        is_captured: bool,
        build: impl FnOnce(&mut Town),
    ) -> Option<Self> {
        let mut town = Town::new(profile);
        build(&mut town);
        let namespace = Namespace::new()?;
        // Names of interfaces have to differ until each is in its namespace.
        let name = namespace.name.replace('-', "t");
        let tap = match Tap::open(&name, TapConfig::new(town.port)) {
            Ok(tap) => tap,
            Err(error) => {
                skip(&format!("{error}"));
                return None;
            }
        };
        let moved = crate::namespace::shell(&format!("ip link set {name} netns {}", namespace.name));
        assert!(moved.0, "{}", moved.1);
        namespace.run(&format!(
            "ip link set lo up; ip link set {name} name tap; ip address add {LINUX}/24 dev tap; ip link set tap up;
            ip route add default via {ROUTER}"
        ));
        let folder = tempfile::tempdir().unwrap();
        let capture = if is_captured { Some(capture::begin(&mut town, folder.path())) } else { None };
        let capture = Arc::new(Mutex::new(capture));
        let counters = tap.counters();
        let mut driver = Driver::new(town.fabric, WallClock::start()).unwrap();
        driver.open(tap).unwrap();
        driver.observe(look_on(Arc::clone(&capture)));
        let running = driver.start().unwrap();
        Some(Self { namespace, running, capture, counters, folder })
    }

    /// Runs a line of shell in the namespace; whether it succeeded, and what it said.
    pub(crate) fn try_run(&self, line: &str) -> (bool, String) {
        self.namespace.try_run(line)
    }

    /// Runs a line of shell in the namespace, which succeeds; what it said.
    #[track_caller]
    pub(crate) fn run(&self, line: &str) -> String {
        self.namespace.run(line)
    }

    /// Ends the town, and looks at what was captured.
    pub(crate) fn finish(self) {
        drop(self.running.stop().unwrap());
        assert_eq!(self.counters.malformed.value(), 0);
        let captured = self.capture.lock().take();
        if let Some(capture) = captured {
            capture::check(capture, self.folder.path());
        }
    }
}

impl Town {
    /// Begins to capture what passes the door.
    pub(crate) fn tap(&mut self) {
        self.fabric.tap(self.link, Way::Forth, Point::Arrived).unwrap();
        self.fabric.tap(self.link, Way::Back, Point::Sent).unwrap();
    }
}

/// A capture of what passes one interface.
pub(crate) fn open_capture(file: File) -> Capture<File> {
    let mut capture = Capture::new(file, CaptureConfig::default()).unwrap();
    capture.add(&Interface { name: "tap", description: "", mac: None, mtu: 1_500 }).unwrap();
    capture
}

fn look_on(capture: Shared) -> impl FnMut(&mut Fabric, Output) + Send {
    move |_, output| {
        if let Output::Captured { at, frame, .. } = output
            && let Some(capture) = &mut *capture.lock()
        {
            capture.write(at, ironloom_net::capture::InterfaceId::new(0), &frame).unwrap();
        }
    }
}
