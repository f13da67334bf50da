//! One TCP stream between two machines on a switch, both and the switch on one thread.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ironloom_benches::{Goal, OURS, Suite, Unit, timed};
use ironloom_core::Instant;
use ironloom_net::fabric::{Config, Fabric};
use ironloom_net::ipnet::Ipv4Net;
use ironloom_net::link::LinkProfile;
use ironloom_net::stack::{self, Received};
use ironloom_net::{Host, Readiness, Service, SocketId};

use crate::peers::{LINUX, SMOLTCP, linux, smoltcp};
use crate::world::{add_machine, address, one_switch};

/// What one write moves.
const PIECE: usize = 64 << 10;

pub(crate) fn benches(suite: &mut Suite) {
    let megabytes = if suite.is_quick() { 200 } else { 2_000 };
    let bytes = megabytes << 20;
    for (name, offload, mtu, goal) in [("1500", false, 1_514, 25.0), ("offload", true, 65_535 + 14, 80.0)] {
        let name = format!("net::stream/segments={name}");
        if !suite.selects(&name) {
            continue;
        }
        let goal = Goal::PerSecond(goal * 1e9);
        let mut compare = suite.compare_values(&format!("{name} (bits)"), Unit::PerSecond, [goal]);
        compare.found(OURS, bits(bytes, stream(bytes, offload)));
        compare.found(SMOLTCP, bits(bytes, smoltcp::stream(mtu, 256 << 10, bytes)));
        compare.found(LINUX, bits(bytes, linux::stream(bytes)));
    }
}

fn bits(bytes: usize, took: Duration) -> f64 {
    bytes as f64 * 8.0 / took.as_secs_f64()
}

fn stream(bytes: usize, offload: bool) -> Duration {
    let mut stack = stack::Config::default();
    if !offload {
        stack.tcp.offload_bytes_max = 0;
    }
    let (mut fabric, switch) =
        one_switch(Config { digest: false, stack: Arc::new(stack), ..Config::default() });
    let network: Ipv4Net = "10.0.0.0/24".parse().expect("it is a network");
    let received = Arc::<AtomicUsize>::default();
    let cable = LinkProfile { queue_bytes_max: 1 << 20, ..LinkProfile::default() };
    let [source, sink] = [1, 2].map(|number| add_machine(&mut fabric, switch, network, number, cable));
    fabric.serve(sink, Box::new(Sink(Arc::clone(&received)))).expect("it is there");
    let target = SocketAddr::new(address(network, 2), 5_001);
    let source_service = Source { target, socket: None, piece: Bytes::from(vec![7; PIECE]), left: bytes };
    timed(|| {
        fabric.serve(source, Box::new(source_service)).expect("it is there");
        finish(&mut fabric);
        assert_eq!(received.load(Ordering::Relaxed), bytes, "every byte arrives");
    })
}

/// Lets time go by until nothing happens any more.
pub(crate) fn finish(fabric: &mut Fabric) {
    while let Some(next) = fabric.next_event() {
        fabric.run_until(next.max(Instant::ZERO));
    }
}

struct Source {
    target: SocketAddr,
    socket: Option<SocketId>,
    piece: Bytes,
    left: usize,
}

impl Service for Source {
    fn start(&mut self, host: &mut Host<'_>) {
        self.socket = Some(host.connect(self.target).expect("there is a route"));
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, _: Readiness) {
        while self.left > 0 {
            // Copied in, as a program's bytes are.
            match host.send(socket, &self.piece[..self.piece.len().min(self.left)]) {
                Ok(0) | Err(_) => return,
                Ok(sent) => self.left -= sent,
            }
        }
        host.close(socket);
    }
}

struct Sink(Arc<AtomicUsize>);

impl Service for Sink {
    fn start(&mut self, host: &mut Host<'_>) {
        host.listen("0.0.0.0:5001".parse().expect("an address"), 1).expect("the port is free");
    }

    fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, _: Readiness) {
        let mut target = [0; PIECE];
        let mut read = |host: &mut Host<'_>, socket| {
            while let Ok(received) = host.receive(socket, &mut target) {
                match received {
                    Received::Bytes(count) => {
                        self.0.fetch_add(count, Ordering::Relaxed);
                    }
                    Received::Nothing => return,
                    Received::Finished => return host.close(socket),
                }
            }
        };
        read(host, socket);
        while let Ok(Some((connection, _))) = host.accept(socket) {
            read(host, connection);
        }
    }
}
