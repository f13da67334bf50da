//! What comes and goes leaves nothing behind. It is measured, so nothing else runs in this process.
//!
//! `IRONLOOM_CYCLES=100000 cargo test --release -p ironloom-node --test cycles -- --nocapture` makes a soak of it, which tells
//! what the process holds on its way.

use std::fs;

use ironloom_node::core::{Clock, WallClock};
use ironloom_node::prelude::*;

/// How much memory the process has, in bytes.
fn resident_bytes() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").expect("this is Linux");
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("the second number is what is resident") * 4_096
}

fn cycle(world: &World, round: usize) {
    let name = format!("guest-{round}");
    let table = MachineTable::default().at("lan").in_cell().runs("httpd -q -p 80");
    world.create(&name, table).wait().unwrap();
    let finished = world.exec(&name, "echo hello > /tmp/file; cat /tmp/file").wait().unwrap();
    assert_eq!(finished.text(), "hello\n");
    if round.is_multiple_of(3) {
        world.open_console(&name, Size::default(), "sleep 100").wait().unwrap();
        world.fork(&name, "twin").wait().unwrap();
        world.destroy("twin").wait().unwrap();
    }
    world.destroy(&name).wait().unwrap();
}

/// How many machines come and go: 1,500, or as many as `IRONLOOM_CYCLES` says.
#[expect(clippy::disallowed_methods, reason = "who runs the test says how long it may take")]
fn cycles() -> usize {
    let cycles = std::env::var("IRONLOOM_CYCLES");
    cycles.map_or(1_500, |cycles| cycles.parse().expect("a number of machines")).max(3)
}

/// After how many of them it is told what the process holds.
const TOLD: usize = 10_000;

#[test]
fn machines_that_come_and_go_leave_nothing_behind() {
    let world = World::builder(5)
        .network("lan", "10.1.0.0/24")
        .machine("host", |host| host.at("lan"))
        .build()
        .unwrap();
    let (cycles, clock) = (cycles(), WallClock::start());
    let mut before = 0;
    for round in 0..cycles {
        if round == cycles / 3 {
            before = resident_bytes(); // whatever grows at first has grown
        }
        cycle(&world, round);
        if (round + 1).is_multiple_of(TOLD) {
            let (held, took) = (resident_bytes() >> 10, clock.now().as_nanos() / 1_000_000_000);
            println!("{} machines came and went in {took} s, and {held} KiB are held", round + 1);
        }
    }
    let grown = resident_bytes().saturating_sub(before);
    assert_eq!(world.machines(), ["host"]);
    assert_eq!(world.visit(|machines| machines.len()), 1);
    // A machine takes ten times of this.
    let rounds = (cycles - cycles / 3) as u64;
    assert!(grown / rounds < 4 << 10, "{} bytes are left of each", grown / rounds);
}
