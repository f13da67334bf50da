//! How often in a second two machines connect through a router, send 100 bytes each way, and close.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ironloom_benches::{Goal, OURS, Suite, Unit, timed};
use ironloom_core::MachineId;
use ironloom_net::fabric::{Config, Fabric, Place, StationId};
use ironloom_net::ipnet::{IpNet, Ipv4Net};
use ironloom_net::link::LinkProfile;
use ironloom_net::{Host, Readiness, Service, SocketId, router};

use crate::peers::{LINUX, SMOLTCP, linux, smoltcp};
use crate::stream::finish;
use crate::world::{SEED, add_machine, address};

const GOAL: f64 = 250e3;
const CLIENTS: u32 = 100;
const LATENCY: ironloom_core::Duration = ironloom_core::Duration::from_millis(1);

pub(crate) fn benches(suite: &mut Suite) {
    let name = "net::connections";
    if !suite.selects(name) {
        return;
    }
    let count = if suite.is_quick() { 50_000 } else { 500_000 };
    let rate = |count: u64, took: Duration| count as f64 / took.as_secs_f64();
    let mut compare = suite.compare_values(name, Unit::PerSecond, [Goal::PerSecond(GOAL)]);
    compare.found(OURS, rate(count, through_a_router(count)));
    compare.found(SMOLTCP, rate(50_000, smoltcp::connections(50_000)));
    compare.found(LINUX, rate(10_000, linux::connections(10_000)));
}

/// A hundred clients and a server at the ports of a router.
fn through_a_router(count: u64) -> Duration {
    let mut fabric = Fabric::new(Config { digest: false, ..Config::default() }, SEED);
    let router = fabric.add_router("router", Place::Apart, router::Config::default()).expect("there is room");
    let server = attach(&mut fabric, router, "10.2.0.0/30");
    fabric.serve(server, Box::new(Answers { answer: Bytes::from_static(&[2; 100]) })).expect("it is there");
    let done = Arc::<AtomicU64>::default();
    let target: SocketAddr = "10.2.0.2:80".parse().expect("an address");
    let clients: Vec<_> =
        (0..CLIENTS).map(|number| attach(&mut fabric, router, &format!("10.1.{number}.0/30"))).collect();
    timed(|| {
        for client in clients {
            let left = count / u64::from(CLIENTS);
            let asks = Asks { target, left, request: Bytes::from_static(&[1; 100]), done: Arc::clone(&done) };
            fabric.serve(client, Box::new(asks)).expect("it is there");
        }
        finish(&mut fabric);
        assert_eq!(done.load(Ordering::Relaxed), count, "every connection is answered");
    })
}

/// A machine at a port of a router, with a network of its own.
fn attach(fabric: &mut Fabric, router: StationId, network: &str) -> MachineId {
    let network: Ipv4Net = network.parse().expect("a network");
    // Far enough that a port is free again when its turn comes.
    let cable = LinkProfile { latency: LATENCY, ..LinkProfile::default() };
    let machine = add_machine(fabric, router, network, 2, cable);
    let link = fabric.link_of(machine).expect("it is there");
    let gateway = IpNet::new(address(network, 1), network.prefix_len()).expect("it is a length");
    fabric.add_router_address(link, router, vec![gateway]).expect("there is room");
    machine
}

/// Connects, asks, hears the answer, closes and begins again.
struct Asks {
    target: SocketAddr,
    left: u64,
    request: Bytes,
    done: Arc<AtomicU64>,
}

impl Asks {
    fn begin(&mut self, host: &mut Host<'_>) {
        if self.left > 0 {
            self.left -= 1;
            host.connect(self.target).expect("there is a free port");
        }
    }
}

impl Service for Asks {
    fn start(&mut self, host: &mut Host<'_>) {
        self.begin(host);
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, readiness: Readiness) {
        if readiness.contains(Readiness::READABLE) {
            let Ok(Some(answer)) = host.receive_payload(socket, 200) else { return };
            if answer.len() == 100 {
                self.done.fetch_add(1, Ordering::Relaxed);
            }
            host.close(socket);
            self.begin(host);
        } else if readiness.contains(Readiness::WRITABLE) {
            let _ = host.send_payload(socket, self.request.clone().into());
        }
    }
}

struct Answers {
    answer: Bytes,
}

impl Answers {
    fn read(&self, host: &mut Host<'_>, socket: SocketId) {
        while let Ok(Some(payload)) = host.receive_payload(socket, 200) {
            if payload.is_empty() {
                return host.close(socket);
            }
            let _ = host.send_payload(socket, self.answer.clone().into());
        }
    }
}

impl Service for Answers {
    fn start(&mut self, host: &mut Host<'_>) {
        host.listen("0.0.0.0:80".parse().expect("an address"), 1_024).expect("the port is free");
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, _: Readiness) {
        self.read(host, socket);
        while let Ok(Some((connection, _))) = host.accept(socket) {
            self.read(host, connection);
        }
    }
}
