//! Time, and who is touched in a window.

use ironloom_node::prelude::*;

use crate::guests::{busy, clock, echo, waits};
use crate::{pass, say, text};

fn alone(kernel: Vec<u8>) -> World {
    World::builder(1).computer("big", |big| big.memory_mib(8).kernel(kernel)).build().unwrap()
}

fn retired(world: &World, name: &str) -> u64 {
    world.visit_computer(name, |computer| computer.retired()).unwrap()
}

/// An hour in which a clock ticks once a minute takes 60 windows, and what waits for nothing takes none.
#[test]
fn time_jumps_to_the_next_timer() {
    let world = alone(clock(60_000_000));
    let console = world.open_serial("big").wait().unwrap();
    let mut windows = 0;
    while world.now() < Instant::from_nanos(3_600_000_000_000) {
        assert!(world.step());
        windows += 1;
    }
    assert!((60..=70).contains(&windows), "{windows} windows");
    assert_eq!(text(&world, console).len(), 60);

    let world = alone(waits());
    pass(&world, 5);
    let (at, before) = (world.now(), retired(&world, "big"));
    assert!(world.run_to_idle(Duration::from_secs(10)), "nothing will ever happen");
    world.run_for(Duration::from_secs(3_600));
    assert_eq!(world.now().saturating_since(at), Duration::from_secs(3_600));
    assert_eq!(retired(&world, "big"), before, "it was not touched");
}

/// Instructions take the time that they take: a computer runs a thousand in a microsecond, on time and not ahead of it.
#[test]
fn a_computer_keeps_step_with_its_world() {
    let world = alone(busy());
    pass(&world, 20);
    let instructions = retired(&world, "big");
    assert!((19_999_000..=20_001_000).contains(&instructions), "{instructions}");
    world.run_for(Duration::from_micros(1_500));
    assert_eq!(world.visit_computer("big", |big| big.now()).unwrap(), world.now());
}

/// A machine's command takes as long as it takes, whoever runs beside it.
#[test]
fn machines_and_computers_share_time() {
    let world = World::builder(1)
        .machine("loom", |loom| loom)
        .computer("big", |big| big.memory_mib(8).kernel(clock(250_000)))
        .build()
        .unwrap();
    let console = world.open_serial("big").wait().unwrap();
    world.exec("loom", "sleep 2").wait().unwrap();
    assert_eq!(world.now().as_nanos() / 1_000_000, 2_000);
    // The eighth is due now.
    assert!(matches!(text(&world, console).as_str(), "abcdefg" | "abcdefgh"));
}

/// Who is started later begins then, and who stands still misses the time, but nothing else.
#[test]
fn own_time_stands_still_with_the_computer() {
    let world = alone(clock(10_000));
    let console = world.open_serial("big").wait().unwrap();
    pass(&world, 45);
    assert_eq!(text(&world, console), "abcd");
    world.suspend("big").wait().unwrap();
    let before = retired(&world, "big");
    world.run_for(Duration::from_secs(100));
    assert_eq!((text(&world, console).as_str(), retired(&world, "big")), ("", before));
    world.resume("big").wait().unwrap();
    pass(&world, 4);
    assert_eq!(text(&world, console), "", "five milliseconds were left");
    pass(&world, 12);
    assert_eq!(text(&world, console), "ef");

    let world = World::builder(1)
        .computer("late", |late| late.memory_mib(8).kernel(clock(10_000)).off())
        .build()
        .unwrap();
    let console = world.open_serial("late").wait().unwrap();
    world.run_for(Duration::from_secs(100));
    world.start("late").wait().unwrap();
    pass(&world, 25);
    assert_eq!(text(&world, console), "ab");
}

/// In real time it is the same: typing wakes a computer, and it is heard.
#[test]
fn a_node_has_computers_as_well() {
    let world = alone(echo());
    let node = Node::start(world.clone()).unwrap();
    let console = node.open_serial("big").wait().unwrap();
    assert_eq!(node.type_in(console, "hi").wait(), Ok(2));
    let mut said = Vec::new();
    while !said.ends_with(b"h1i2") {
        said.extend(node.see(console, 100).wait().unwrap().map(|seen| seen.bytes).unwrap_or_default());
    }
    assert_eq!(said, b">h1i2");
    drop(node);
    assert_eq!(say(&world, console, "!"), "!3", "it goes on in virtual time");
}
