//! Whatever describes a network, it is built within its limits or refused with a reason, and built twice it is the same.
//!
//! `cargo +nightly fuzz run net_topology`

#![no_main]

use ironloom_core::{Instant, Seed};
use ironloom_net::fabric::Config;
use ironloom_net::topology::{Network, Topology};
use libfuzzer_sys::fuzz_target;

/// What descriptions can refer to, so that not everything has to be guessed.
const BASE: &str = r#"
[clouds.c]
network = "100.64.0.0/28"
interfaces = [{ to = "w", plan = "p" }]
[subnets.s]
network = "10.0.0.0/29"
[subnets.t]
network = "10.1.0.0/29"
[switches.l]
subnet = "s"
[switches.w]
subnet = "t"
[routers.r]
interfaces = [{ to = "l" }, { to = "c", masquerade = true }]
[plans.p]
down = "50 Mbps"
latency = "30 ms"
[machines.m]
at = "l"
"#;

const STATIONS_MAX: usize = 200;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    check(text);
    check(&format!("{BASE}\n{text}"));
});

fn check(text: &str) {
    let built = build(text);
    let again = build(text);
    match (built, again) {
        (Ok(mut network), Ok(again)) => {
            assert_eq!(network.machines, again.machines);
            assert!(network.machines.len() + network.stations.len() <= STATIONS_MAX);
            for machine in again.machines.values() {
                let target = machine.address.unwrap_or([10, 0, 0, 1].into());
                let _ = network.fabric.host(machine.id, |host| host.connect((target, 80).into()));
            }
            network.fabric.run_until(Instant::from_nanos(2_000_000));
        }
        (Err(error), Err(again)) => {
            assert_eq!(error, again);
            assert!(!error.to_string().is_empty());
        }
        (built, again) => panic!("built {}, then {}", built.is_ok(), again.is_ok()),
    }
}

fn build(text: &str) -> Result<Network, String> {
    let topology: Topology = text.parse().map_err(|error| format!("{error}"))?;
    let config = Config { stations_max: STATIONS_MAX, ..Config::default() };
    topology.build(config, Seed::new(1)).map_err(|error| error.to_string())
}
