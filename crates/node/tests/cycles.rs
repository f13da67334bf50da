//! What comes and goes leaves nothing behind. It is measured, so nothing else runs in this process.

use std::fs;

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

/// How many machines come and go.
const CYCLES: usize = 1_500;

#[test]
fn machines_that_come_and_go_leave_nothing_behind() {
    let world = World::builder(5)
        .network("lan", "10.1.0.0/24")
        .machine("host", |host| host.at("lan"))
        .build()
        .unwrap();
    for round in 0..CYCLES / 3 {
        cycle(&world, round);
    }
    let before = resident_bytes();
    for round in CYCLES / 3..CYCLES {
        cycle(&world, round);
    }
    let grown = resident_bytes().saturating_sub(before);
    assert_eq!(world.machines(), ["host"]);
    assert_eq!(world.visit(|machines| machines.len()), 1);
    // A machine takes ten times of this.
    let rounds = (CYCLES - CYCLES / 3) as u64;
    assert!(grown / rounds < 4 << 10, "{} bytes are left of each", grown / rounds);
}
