//! What a machine's network costs in memory, counted by the allocator.

use std::alloc::System;
use std::net::SocketAddr;
use std::sync::Arc;

use ironloom_core::{Duration, Instant, Rng, Seed};
use ironloom_net::stack::Config;
use ironloom_net::{Host, Interface, Mac, Node, Outbox, Port, Stack};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PAIRS: usize = 100;

fn held() -> isize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated as isize - stats.bytes_deallocated as isize
}

fn end(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Machines with one card, half of which listen and half of which connect to one of those.
///
/// One test, because others would allocate at the same time.
#[test]
fn a_machine_costs_little() {
    let config = Arc::new(Config::default());
    let mut rng = Rng::new(Seed::new(1));
    let mut out = Outbox::new();
    // The outbox is the caller's and is shared by all machines.
    let mut warm = Stack::new(Arc::clone(&config), &mut rng);
    Host::new(Instant::ZERO, 0, &mut warm, &mut out).set_timer(Instant::ZERO, 0);
    let mut machines: Vec<Stack> = Vec::with_capacity(2 * PAIRS);

    let before = held();
    for number in 0..2 * PAIRS {
        let mut stack = Stack::new(Arc::clone(&config), &mut rng);
        let address = format!("10.0.{}.{}/16", number / 250, number % 250 + 1).parse().unwrap();
        let card = Interface::new(Mac::local(number as u64)).with_address(address);
        stack.attach(&card.with_gateway("10.0.255.254".parse().unwrap()));
        machines.push(stack);
    }
    let idle = (held() - before) / (2 * PAIRS) as isize + size_of::<Stack>() as isize;

    let before = held();
    let now = Instant::ZERO;
    for stack in &mut machines[..PAIRS] {
        Host::new(now, 0, stack, &mut out).listen(end("0.0.0.0:80"), 16).unwrap();
    }
    let listening = (held() - before) / PAIRS as isize;

    let (servers, clients) = machines.split_at_mut(PAIRS);
    let before = held();
    for (number, (server, client)) in servers.iter_mut().zip(clients).enumerate() {
        let remote = SocketAddr::new(format!("10.0.0.{}", number + 1).parse().unwrap(), 80);
        connect(server, client, remote, &mut out);
    }
    let established = (held() - before) / (2 * PAIRS) as isize;
    println!(
        "a machine with a card {idle} B, a listener {listening} B, a side of a connection {established} B"
    );
    assert!(idle <= 256, "a machine with a card takes {idle} bytes");
    assert!(listening <= 256, "a listener takes {listening} bytes");
    assert!(established <= 1_024, "a side of a connection takes {established} bytes");
}

/// Makes a connection of one machine to the other, with a hundred bytes each way, and lets it fall silent.
fn connect(server: &mut Stack, client: &mut Stack, remote: SocketAddr, out: &mut Outbox) {
    let mut now = Instant::ZERO;
    let socket = Host::new(now, 0, client, out).connect(remote).unwrap();
    let mut accepted = None;
    let mut in_flight = Vec::new();
    for round in 0..60 {
        now = now.saturating_add(Duration::from_millis(100));
        while let Some((_, frame)) = out.next_frame() {
            in_flight.push((frame.source == client.interface(Port::new(0)).unwrap().mac, frame));
        }
        for (is_client, frame) in in_flight.drain(..) {
            let other = if is_client { &mut *server } else { &mut *client };
            other.handle(now, Port::new(0), frame, out);
        }
        while let Some((id, _)) = out.next_notice() {
            if accepted.is_none() {
                accepted = Host::new(now, 0, server, out).accept(id).ok().flatten();
            }
        }
        client.expire(now, out);
        server.expire(now, out);
        if round == 10 {
            Host::new(now, 0, client, out).send(socket, &[1; 100]).unwrap();
        }
        if round == 20 {
            let (id, _) = accepted.unwrap();
            Host::new(now, 0, server, out).receive(id, &mut [0; 200]).unwrap();
            Host::new(now, 0, server, out).send(id, &[2; 100]).unwrap();
        }
        if round == 30 {
            Host::new(now, 0, client, out).receive(socket, &mut [0; 200]).unwrap();
        }
    }
    assert_eq!((client.buffered_bytes(), server.buffered_bytes(), client.next_event()), (0, 0, None));
}
