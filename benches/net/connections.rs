//! How often in a second two machines connect through a router, send 100 bytes each way, and close.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ironloom_benches::{Goal, OURS, Suite, Unit, timed};
use ironloom_net::fabric::{Config, Fabric, Place, RouterLink};
use ironloom_net::ipnet::{IpNet, Ipv4Net};
use ironloom_net::link::LinkProfile;
use ironloom_net::{Host, Readiness, Service, SocketId, router, switch};

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

/// A hundred clients on one side of a router, a server on the other.
fn through_a_router(count: u64) -> Duration {
    let mut fabric = Fabric::new(Config { digest: false, ..Config::default() }, SEED);
    let router = fabric.add_router("router", Place::Apart, router::Config::default()).expect("there is room");
    let networks: [Ipv4Net; 2] = ["10.0.1.0/24", "10.0.2.0/24"].map(|text| text.parse().expect("a network"));
    let [inside, outside] = networks.map(|network| {
        let place = Place::Beside(router);
        let switch = fabric.add_switch("switch", place, switch::Config::default()).expect("there is room");
        let gateway = IpNet::new(address(network, 1), 24).expect("it is a length");
        fabric.connect_router(&RouterLink::new(router, switch, gateway)).expect("there is room");
        switch
    });
    // Far enough from each other that a port is free again when its turn comes.
    let cable = LinkProfile { latency: LATENCY, ..LinkProfile::default() };
    let server = add_machine(&mut fabric, outside, networks[1], 2, cable);
    fabric.serve(server, Box::new(Answers { answer: Bytes::from_static(&[2; 100]) })).expect("it is there");
    let done = Arc::<AtomicU64>::default();
    let target = SocketAddr::new(address(networks[1], 2), 80);
    let clients: Vec<_> =
        (0..CLIENTS).map(|number| add_machine(&mut fabric, inside, networks[0], number + 2, cable)).collect();
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
