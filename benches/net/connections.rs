//! How often in a second two machines connect through a router, send 100 bytes each way, and close.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ironloom_benches::{Goal, OURS, Suite, Unit, timed};
use ironloom_core::{MachineId, Rng};
use ironloom_net::fabric::{Config, Fabric, MachineSpec, Place};
use ironloom_net::ipnet::Ipv4Net;
use ironloom_net::link::LinkProfile;
use ironloom_net::router::{self, Router};
use ironloom_net::{Host, Mac, Port, Readiness, Service, SocketId, switch};

use crate::peers::{LINUX, SMOLTCP, linux, smoltcp};
use crate::stream::finish;
use crate::world::{SEED, machine};

const GOAL: f64 = 250e3;

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

fn through_a_router(count: u64) -> Duration {
    let mut fabric = Fabric::new(Config { digest: false, ..Config::default() }, SEED);
    let mut router = Router::new(router::Config::default(), &mut Rng::new(SEED));
    let networks: [(&str, &str); 2] = [("10.0.1.1/24", "10.0.1.2/24"), ("10.0.2.1/24", "10.0.2.2/24")];
    for (number, (own, _)) in networks.iter().enumerate() {
        let interface =
            router::Interface::new(Mac::local(number as u64 + 1), own.parse().expect("a network"));
        router.add_interface(Port::new(number as u16), interface).expect("there is room");
    }
    let station = fabric.add_node("router", Place::Apart, Box::new(router)).expect("there is room");
    let [client, server] = [0, 1].map(|number| {
        let place = Place::Beside(station);
        let name = format!("switch-{number}");
        let switch = fabric.add_switch(&name, place, switch::Config::default()).expect("there is room");
        let cable = LinkProfile::default();
        fabric.connect(station, switch, cable, cable).expect("there is room");
        let (gateway, own) = networks[number as usize];
        add(&mut fabric, switch, machine(number), gateway, own)
    });
    fabric.serve(server, Box::new(Answers { answer: Bytes::from_static(&[2; 100]) })).expect("it is there");
    let done = Arc::<AtomicU64>::default();
    let target: SocketAddr = "10.0.2.2:80".parse().expect("an address");
    let asks = Asks { target, left: count, request: Bytes::from_static(&[1; 100]), done: Arc::clone(&done) };
    timed(|| {
        fabric.serve(client, Box::new(asks)).expect("it is there");
        finish(&mut fabric);
        assert_eq!(done.load(Ordering::Relaxed), count, "every connection is answered");
    })
}

fn add(
    fabric: &mut Fabric,
    switch: ironloom_net::fabric::StationId,
    id: MachineId,
    gateway: &str,
    own: &str,
) -> MachineId {
    let gateway: Ipv4Net = gateway.parse().expect("a network");
    let spec = MachineSpec {
        address: Some(own.parse().expect("a network")),
        gateway: Some(gateway.addr()),
        ..MachineSpec::new(id, "machine", switch)
    };
    fabric.add_machine(&spec).expect("there is room");
    id
}

/// Connects, asks, hears the answer and closes; a hundred connections at a time.
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
        (0..100).for_each(|_| self.begin(host));
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
