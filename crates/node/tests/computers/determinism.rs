//! The same seed is the same run, on any number of workers.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use ironloom_node::Log;
use ironloom_node::core::trace::Digest;
use ironloom_node::prelude::*;

use crate::asker::asker;
use crate::guests::{busy, clock, echo, rivals, waits};
use crate::{pass, text};

/// Asks one of the computers whether it is there.
const PINGER: &str = r#"#!/bin/lua
while true do
	net.ping(`10.1.0.{math.random(20, 24)}`, { timeout = 0.002 })
	os.sleep(math.random() / 500)
end
"#;

/// Machines that ping, computers that ask each other for addresses, harts that race, and clocks.
fn town(seed: u64, workers: u16) -> Description {
    let mut builder = World::builder(seed)
        .workers(workers)
        .tracing_frames()
        .network("lan", "10.1.0.0/24")
        .plan("line", "latency = '200 us', jitter = '100 us', loss = '5 %'")
        .machine("desk", |desk| desk.at("lan").count(3).file("/bin/job", PINGER).runs("job"))
        .computer("racers", |racers| racers.harts(2).memory_mib(8).kernel(rivals()))
        .computer("typist", |typist| typist.memory_mib(8).kernel(echo()))
        .computer("clock", |it| it.memory_mib(8).kernel(clock(333)));
    for number in 0..5 {
        let (own, asked) = ([10, 1, 0, 20 + number], [10, 1, 0, 20 + (number + 1) % 5]);
        builder = builder.computer(&format!("asker-{number}"), |it| {
            it.at("lan").address(own).plan("line").memory_mib(8).kernel(asker(
                own,
                asked,
                900 + u64::from(number) * 137,
            ))
        });
    }
    builder.describe().unwrap()
}

/// Lets a world run while much is done to it; its digest, and what was said.
fn run(seed: u64, workers: u16) -> (Digest, Vec<String>) {
    let world = World::new(&town(seed, workers)).unwrap();
    let names = ["asker-0", "asker-3", "racers", "typist", "clock"];
    let consoles = names.map(|name| world.open_serial(name).wait().unwrap());
    pass(&world, 7);
    let snapshot = world.snapshot("asker-3").wait().unwrap();
    world.type_in(consoles[3], "hello").wait().unwrap();
    world.fork("asker-1", "twin").wait().unwrap();
    world.inject(Fault::cut("asker-2")).wait().unwrap();
    pass(&world, 5);
    world.suspend("racers").wait().unwrap();
    world.inject(Fault::mend("asker-2")).wait().unwrap();
    world.inject(Fault::kill("asker-4")).wait().unwrap();
    pass(&world, 4);
    world.roll_back("asker-3", snapshot).wait().unwrap();
    world.resume("racers").wait().unwrap();
    world.start("asker-4").wait().unwrap();
    world.destroy("clock").wait().unwrap();
    pass(&world, 10);
    let said = names[..4].iter().zip(consoles).map(|(_, console)| text(&world, console)).collect();
    (world.digest(), said)
}

#[test]
fn the_same_seed_is_the_same_run_on_any_number_of_workers() {
    let mut digests = Vec::new();
    for seed in 0..3 {
        let alone = run(seed, 1);
        for workers in [2, 8] {
            assert_eq!(run(seed, workers), alone, "seed {seed} on {workers} workers");
        }
        let said = &alone.1;
        assert!(said[0].matches('2').count() >= 3, "it was answered: {said:?}");
        assert!(said[2].contains(|letter: char| letter.is_ascii_lowercase()), "{said:?}");
        assert!(said[2].contains(|letter: char| letter.is_ascii_uppercase()), "{said:?}");
        assert!(said[3].contains("h1e2l3l4o5"), "{said:?}");
        digests.push(alone.0);
    }
    digests.dedup();
    assert_eq!(digests.len(), 3, "another seed is another run");
}

/// Computers, machines that ask for them, and what comes in meanwhile, in real time: all of it follows from what came in.
#[test]
fn a_run_with_computers_is_played_again() {
    let log = Log::in_memory();
    let world = World::record(&town(4, 2), &log).unwrap();
    let node = Node::start(world.clone()).unwrap();
    let listener = Listener::tcp("127.0.0.1:0").to_command("desk-1", "cat");
    let address = node.listen("door", listener).unwrap().tcp().unwrap();
    let typist = node.open_serial("typist").wait().unwrap();
    for round in 0..20 {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"warp and weft").unwrap();
        stream.read_exact(&mut [0; 13]).unwrap();
        node.type_in(typist, "hello").wait().unwrap();
        node.exec(&format!("desk-{}", round % 3 + 1), "sleep 0.01").wait().unwrap();
    }
    node.fork("asker-1", "twin").wait().unwrap();
    node.inject(Fault::kill("asker-4")).wait().unwrap();
    node.exec("desk-2", "sleep 0.1").wait().unwrap();
    node.stop();
    let played = World::replay(&log).unwrap().finish().unwrap();
    assert_eq!((played.now(), played.digest()), (world.now(), world.digest()));
}

/// What a computer says is part of the digest, when it says it, and how many instructions it has behind it.
#[test]
fn a_digest_tells_computers_apart() {
    let digest = |kernel: Vec<u8>| {
        let world = World::builder(1).computer("it", |it| it.memory_mib(8).kernel(kernel)).build().unwrap();
        pass(&world, 10);
        world.digest()
    };
    assert_eq!(digest(clock(900)), digest(clock(900)));
    assert_ne!(digest(clock(5_100)), digest(clock(6_100)), "it says the same, in another window");
    assert_ne!(digest(busy()), digest(waits()), "both say nothing");
}
