//! What a node does to a world, one thing after another.

use ironloom_core::Instant;
use ironloom_net::door::Crossing;

use super::{Entry, Log};
use crate::World;
use crate::world::Core;

/// Notes when it hears something.
const LISTENER: &str = r#"#!/bin/lua
local conn = net.tcp_listen(7):accept()
while #conn:read(4000) > 0 do fs.append("/var/log/heard", `{os.clock()}\n`) end"#;

/// Lets something in, as a driver does for its doors: what came before in the same instant has its effect first.
fn enter(core: &mut Core, crossing: Crossing) {
    core.write_down(|| Entry::Crossing(Box::new(crossing.clone())));
    let now = core.machines.now();
    assert!(crossing.apply(now, core.machines.fabric_mut()));
}

/// Cables take no time here, so a machine can have what was sent to it before its next window. That is at once then, but only
/// if somebody asked what came out of the network.
#[test]
fn who_was_woken_between_two_windows_is_woken_again() {
    let town = World::builder(7)
        .network("lan", "10.1.0.0/24")
        .machine("listener", |listener| listener.at("lan").file("/bin/listens", LISTENER).runs("listens"));
    let log = Log::in_memory();
    let world = World::record(&town.describe().unwrap(), &log).unwrap();
    {
        let mut core = world.core.lock();
        while core.step_until(Instant::MAX, &mut |_| ()) {}
        let route = core.route_to("listener", 7).unwrap();
        let (machine, remote) = (route.gateway, route.target);
        core.write_down(|| Entry::Crossing(Box::new(Crossing::Connect { machine, remote })));
        let connected = core.machines.fabric_mut().host(machine, |host| host.connect(remote));
        let socket = connected.unwrap().unwrap();
        let mut woken = 0;
        for round in 1..200 {
            for _ in 0..round % 4 {
                core.step_until(Instant::MAX, &mut |_| ());
            }
            enter(&mut core, Crossing::Send { machine, socket, payload: vec![7; 7 * round].into() });
            enter(&mut core, Crossing::Receive { machine, socket, bytes_max: 65_536 });
            let next = core.next_event();
            while core.poll_network().is_some() {}
            woken += u32::from(core.next_event() != next);
        }
        assert!(woken > 0);
        while core.step_until(Instant::MAX, &mut |_| ()) {}
    }
    world.core.lock().flush_recorder();
    let played = World::replay(&log).unwrap().finish().unwrap();
    let heard = world.peek("listener", "/var/log/heard").unwrap();
    assert_eq!(played.peek("listener", "/var/log/heard").unwrap(), heard);
    assert_eq!((played.now(), played.digest()), (world.now(), world.digest()));
}
