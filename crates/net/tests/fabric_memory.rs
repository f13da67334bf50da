//! What attackers and machines that vanish cost in memory, counted by the allocator.

mod common;

use std::alloc::System;
use std::net::Ipv4Addr;

use common::flood::{Flood, datagram, framed, syn};
use common::talk::{Listen, Plan, Talk};
use common::world::{World, cable, end};
use ironloom_core::{Duration, Instant, MachineId};
use ironloom_net::Mac;
use ironloom_net::fabric::Config;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn held() -> isize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated as isize - stats.bytes_deallocated as isize
}

fn after(world: &World, seconds: u64) -> Instant {
    world.fabric.now().saturating_add(Duration::from_secs(seconds))
}

/// Fifty servers with a client each are removed while they talk, again and again.
fn come_and_go(world: &mut World) {
    for _ in 0..10 {
        let plan = Plan { bytes: 10 << 20, chunk: 64 << 10, reads: true };
        let server = world.add_office(cable(100), cable(100));
        let address = format!("203.0.113.{}:80", world.last_number());
        let (listen, heard) = Listen::new(end("0.0.0.0:80"), plan);
        world.fabric.serve(server, Box::new(listen)).unwrap();
        let clients: Vec<MachineId> = (0..5).map(|_| world.add_office(cable(100), cable(100))).collect();
        for client in &clients {
            let (talk, _) = Talk::new(end(&address), plan);
            world.fabric.serve(*client, Box::new(talk)).unwrap();
        }
        let soon = world.fabric.now().saturating_add(Duration::from_millis(3));
        world.run_until(soon);
        assert_eq!(heard.lock().len(), 5, "they talk");
        for machine in clients.into_iter().chain([server]) {
            world.fabric.remove_machine(machine).unwrap();
        }
        world.forget_numbers();
        let later = after(world, 10);
        world.run_until(later);
    }
}

/// One test, because others would allocate at the same time.
#[test]
fn what_is_gone_costs_nothing() {
    let mut world = World::new(1, Config::default());
    // Tables grow to what was needed at once, and stay as large.
    (0..4).for_each(|_| come_and_go(&mut world));
    let before = held();
    (0..2).for_each(|_| come_and_go(&mut world));
    let kept = held() - before;
    println!("machines that came and went keep {kept} bytes");
    assert!(kept < 64 << 10, "{kept} bytes are kept");

    // A victim, and an attacker that sends a million bytes a second of connections and datagrams that nobody wants.
    let victim = world.add_office(cable(100), cable(100));
    let number = world.last_number();
    let (listen, _) = Listen::new(end("0.0.0.0:80"), Plan::default());
    world.fabric.serve(victim, Box::new(listen)).unwrap();
    world.fabric.host(victim, |host| host.bind_udp(end("0.0.0.0:53")).unwrap()).unwrap();
    let attacker = world.add_office(cable(100), cable(100));
    let cards = (Mac::of_machine(attacker, 0), Mac::of_machine(victim, 0));
    let ends = [world.last_number(), number].map(|number| Ipv4Addr::new(203, 0, 113, number));
    let now = world.fabric.now();
    let before = held();
    let flood = Flood::new(now, 200_000, 100_000, move |number| {
        let transport = if number % 2 == 0 { syn(number as u16, 80) } else { datagram(number as u16, 53) };
        framed(cards, (ends[0], ends[1]), transport)
    });
    world.fabric.install(attacker, flood).unwrap();
    let (mut most, end) = (0, after(&world, 2));
    while world.fabric.now() < end {
        let next = world.fabric.now().saturating_add(Duration::from_millis(10));
        world.run_until(next);
        most = most.max(held() - before);
    }
    println!("a flood costs {most} bytes at most");
    assert!(most < 2 << 20, "{most} bytes");
}
