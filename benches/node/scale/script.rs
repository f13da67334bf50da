//! HTTP through the scripts of machines, over the network between them, on two workers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ironloom_benches::{Goal, OURS, Suite, Unit, now};
use ironloom_core::Duration;
use ironloom_node::World;

use crate::alone;
use crate::questions::Questions;

/// What answers.
const SERVING: &str = "http.serve(80, function() return 'Hello, World!' end)";
/// How many connections a client has to its server, all of which it always waits on.
const CONNECTIONS: usize = 30;
/// For how long is counted.
const COUNTED: std::time::Duration = std::time::Duration::from_secs(4);

pub(crate) fn benches(suite: &mut Suite) {
    for (name, servers) in [("one server", 1), ("two servers", 2)] {
        let name = format!("node::script/{name}");
        if suite.selects(&name) {
            let goals = [Goal::PerSecond(60_000.0)];
            let found = alone::measure(&format!("script {servers}"));
            suite.compare_values(&name, Unit::PerSecond, goals).found(OURS, found[0]);
        }
    }
}

/// How many requests are answered in a second, by so many servers, each with a client of its own. The clients are native,
/// on the network of the world; each message goes through the stacks of two machines and a switch.
pub(crate) fn measure(servers: usize) -> f64 {
    let mut builder = World::builder(7)
        .workers(2)
        .network("lan", "10.0.0.0/8")
        .image("serving", |image| image.file("/bin/serve", SERVING).runs("serve"));
    for number in 1..=servers {
        let address = [10, 1, 0, number as u8];
        let web = |web: ironloom_node::MachineTable| web.at("lan").address(address).image("serving");
        builder = builder.machine(&format!("web-{number}"), web);
        builder = builder.machine(&format!("client-{number}"), |client| client.at("lan"));
    }
    let world = builder.build().expect("the description makes sense");
    world.run_for(Duration::from_secs(1));
    let answered = Arc::<AtomicU64>::default();
    for number in 1..=servers {
        let id = world.machine_id(&format!("client-{number}")).expect("it was described");
        let server = SocketAddr::from(([10, 1, 0, number as u8], 80));
        let answered = Arc::clone(&answered);
        let questions = Questions { server, connections: CONNECTIONS, answered, asking: <_>::default() };
        let served = world.visit(|machines| machines.fabric_mut().serve(id, Box::new(questions)));
        served.expect("nothing else runs there");
    }
    world.run_for(Duration::from_millis(200));
    let (before, began) = (answered.load(Ordering::Relaxed), now());
    assert!(before > 0, "somebody was answered");
    while now() - began < COUNTED {
        world.run_for(Duration::from_millis(1));
    }
    let count = answered.load(Ordering::Relaxed) - before;
    count as f64 / (now() - began).as_secs_f64()
}
