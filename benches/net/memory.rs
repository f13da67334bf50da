//! What a machine's network holds in memory: `cargo bench --bench net_memory`.
//!
//! Machines of a fabric, with everything that the fabric knows of them: names, links, lanes, addresses. Half of them
//! listen, and half connect to one of those, send a byte and fall silent.
//!
//! Allocations are counted, which would disturb the times of the other benches.

mod world;

use std::alloc::System;
use std::net::SocketAddr;

use ironloom_benches::{Goal, OURS, Suite, Unit};
use ironloom_core::{Duration, MachineId};
use ironloom_net::fabric::{Config, Place};
use ironloom_net::ipnet::Ipv4Net;
use ironloom_net::link::LinkProfile;
use ironloom_net::switch;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use world::{add_machine, address, one_switch};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Vectors and tables double: with these and their switches they are nearly full, as large ones are on average not.
const MACHINES: u32 = 65_000;
const AT_A_SWITCH: u32 = 1_000;

fn main() {
    let mut suite = Suite::from_args();
    let [idle, listening, connected] = measure();
    let mut show = |name: &str, goal: f64, bytes: f64| {
        suite
            .compare_values(&format!("net::memory/{name}"), Unit::Bytes, [Goal::Bytes(goal)])
            .found(OURS, bytes);
    };
    show("idle machine", 128.0, idle);
    show("listener", 256.0, listening);
    show("side of an idle connection", 1_024.0, connected);
    suite.finish();
}

fn measure() -> [f64; 3] {
    let network: Ipv4Net = "10.0.0.0/8".parse().expect("it is a network");
    let before = held();
    let (mut fabric, mut at) = one_switch(Config { digest: false, ..Config::default() });
    let mut machines: Vec<MachineId> = Vec::new();
    for number in 0..MACHINES {
        if number % AT_A_SWITCH == AT_A_SWITCH - 1 {
            let config = switch::Config::default();
            at = fabric.add_switch("switch", Place::Apart, config).expect("there is room");
        }
        machines.push(add_machine(&mut fabric, at, network, number + 1, LinkProfile::default()));
    }
    let ids = (machines.capacity() * size_of::<MachineId>()) as f64;
    let idle = (held() - before - ids) / f64::from(MACHINES);

    let before = held();
    let listens: SocketAddr = "0.0.0.0:80".parse().expect("it is an address");
    for server in machines.iter().step_by(2) {
        let listening = fabric.host(*server, |host| host.listen(listens, 16)).expect("it is there");
        listening.expect("the port is free");
    }
    let listening = (held() - before) / f64::from(MACHINES / 2);

    let before = held();
    for (number, client) in machines.iter().enumerate().skip(1).step_by(2) {
        let server = SocketAddr::new(address(network, number as u32), 80);
        let socket = fabric.host(*client, |host| host.connect(server)).expect("it is there");
        let socket = socket.expect("there is a way");
        let later = fabric.now().saturating_add(Duration::from_millis(1));
        fabric.run_until(later);
        let sent = fabric.host(*client, |host| host.send(socket, &[1])).expect("it is there");
        assert_eq!(sent.ok(), Some(1), "they are connected");
    }
    let later = fabric.now().saturating_add(Duration::from_secs(1_000));
    fabric.run_until(later);
    while fabric.poll().is_some() {}
    let connected = (held() - before) / f64::from(MACHINES);
    [idle, listening, connected]
}

fn held() -> f64 {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated as f64 - stats.bytes_deallocated as f64
}
