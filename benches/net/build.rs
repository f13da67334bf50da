//! How long it takes to build a large network, and what its machines cost while they do nothing.

use ironloom_benches::{Goal, OURS, Suite, timed};
use ironloom_core::{Duration, Instant};
use ironloom_net::fabric::{Config, Fabric, Place};
use ironloom_net::ipnet::Ipv4Net;
use ironloom_net::link::LinkProfile;
use ironloom_net::switch;

use crate::world::{add_machine, one_switch};

const MACHINES: u32 = 500_000;

pub(crate) fn benches(suite: &mut Suite) {
    suite.compare("net::build/machines=500000", [Goal::Nanos(2e9)]).run_many(
        OURS,
        || (),
        |(), iterations| (0..iterations).map(|_| timed(|| drop(build()))).sum(),
    );
    suite.compare("net::idle/machines=500000,1s", [Goal::Nanos(1_000.0)]).run(
        OURS,
        || (build(), Instant::ZERO),
        |(fabric, now)| {
            *now = now.saturating_add(Duration::from_secs(1));
            fabric.run_until(*now);
        },
    );
}

fn build() -> Fabric {
    let (mut fabric, _) = one_switch(Config { digest: false, ..Config::default() });
    let network: Ipv4Net = "10.0.0.0/8".parse().expect("it is a network");
    let mut switches = Vec::new();
    for number in 0..MACHINES {
        if number % 1_000 == 0 {
            let place = Place::Apart;
            let config = switch::Config::default();
            switches.push(fabric.add_switch("switch", place, config).expect("there is room"));
        }
        let switch = *switches.last().expect("there is one");
        add_machine(&mut fabric, switch, network, number + 1, LinkProfile::default());
    }
    fabric
}
