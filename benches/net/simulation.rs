//! A day in the life of ten thousand hosts, and of a hundred thousand, as seconds of theirs in a second of ours.
//!
//! A tenth are servers; everybody else asks one for 8 KiB, thinks for 0.2 to 1.8 s and asks another. Links have a latency
//! of 0.5 to 25 ms with jitter, and lose one frame in a hundred; a fifth of the hosts is cut off from the third second
//! to the fifth.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ironloom_benches::{Goal, OURS, Suite, Unit, timed};
use ironloom_core::{Duration, Instant, MachineId, Rng};
use ironloom_net::fabric::{Config, Fabric, Place, StationId, Way};
use ironloom_net::ipnet::Ipv4Net;
use ironloom_net::link::{LinkProfile, Loss};
use ironloom_net::switch;

use crate::browse::{Client, Flows, Server};
use crate::world::{SEED, add_machine, address};

pub(crate) fn benches(suite: &mut Suite) {
    for (hosts, seconds, workers, goal) in [(10_000, 10, 1, 20.0), (100_000, 5, 2, 1.2)] {
        let name = format!("net::simulation/hosts={hosts},workers={workers}");
        if !suite.selects(&name) {
            continue;
        }
        let seconds = if suite.is_quick() { 2 } else { seconds };
        let mut world = World::new(hosts, workers);
        let took = timed(|| world.run(seconds));
        let (done, failed) = (&world.flows.done, &world.flows.failed);
        let tally = world.fabric.tally();
        println!(
            "{name}: {} flows done, {} failed, {} events in {took:.2?}: {:.0} ns each, digest {:032x}",
            done.load(Ordering::Relaxed),
            failed.load(Ordering::Relaxed),
            tally.events,
            took.as_nanos() as f64 / tally.events as f64,
            world.fabric.digest().unwrap_or_default(),
        );
        let mut compare = suite.compare_values(&name, Unit::PerSecond, [Goal::PerSecond(goal)]);
        compare.found(OURS, seconds as f64 / took.as_secs_f64());
    }
}

struct World {
    fabric: Fabric,
    machines: Vec<MachineId>,
    flows: Arc<Flows>,
    workers: u16,
}

impl World {
    fn new(hosts: u32, workers: u16) -> Self {
        let config =
            Config { shards: workers, group_latency_min: Duration::from_millis(1), ..Config::default() };
        let mut fabric = Fabric::new(config, SEED);
        let network: Ipv4Net = "10.0.0.0/8".parse().expect("it is a network");
        // A switch for each worker, and behind the port of a trunk half of all cards.
        let config = switch::Config { port_cards_max: hosts, ..switch::Config::default() };
        let add = |_| fabric.add_switch("switch", Place::Apart, config.clone()).expect("there is room");
        let switches: Vec<StationId> = (0..workers).map(add).collect();
        let trunk = LinkProfile { latency: Duration::from_millis(1), ..LinkProfile::default() };
        for pair in switches.windows(2) {
            fabric.connect(pair[0], pair[1], trunk, trunk).expect("there is room");
        }
        let mut rng = Rng::new(SEED).split("simulation", 0);
        let flows = Arc::<Flows>::default();
        let servers: Arc<[SocketAddr]> =
            (0..hosts / 10).map(|number| SocketAddr::new(address(network, number + 1), 80)).collect();
        let mut machines = Vec::new();
        for number in 0..hosts {
            let profile = LinkProfile {
                latency: Duration::from_micros(rng.range(500..25_000)),
                jitter: Duration::from_micros(500),
                loss: Loss::Even { ppm: 10_000 },
                ..LinkProfile::default()
            };
            let id = add_machine(
                &mut fabric,
                switches[number as usize % switches.len()],
                network,
                number + 1,
                profile,
            );
            if number < hosts / 10 {
                fabric.serve(id, Box::new(Server::new(80))).expect("it is there");
            } else {
                let client =
                    Client::new(Arc::clone(&servers), Arc::clone(&flows), rng.split("client", number.into()));
                fabric.serve(id, Box::new(client)).expect("it is there");
            }
            machines.push(id);
        }
        Self { fabric, machines, flows, workers }
    }

    fn run(&mut self, seconds: u64) {
        for (from, to, is_cut) in [(0, 3, false), (3, 5, true), (5, u64::MAX, false)] {
            if from < seconds {
                self.cut(is_cut);
                self.run_to(to.min(seconds));
            }
        }
    }

    fn run_to(&mut self, second: u64) {
        let until = Instant::ZERO.saturating_add(Duration::from_secs(second));
        if self.workers == 1 {
            self.fabric.run_until(until);
        } else {
            self.fabric.run_until_on(until, usize::from(self.workers));
        }
    }

    /// Cuts a fifth of the hosts off, or connects it again.
    fn cut(&mut self, is_cut: bool) {
        for machine in self.machines.iter().step_by(5) {
            let link = self.fabric.link_of(*machine).expect("it is there");
            for way in [Way::Forth, Way::Back] {
                self.fabric.set_down(link, way, is_cut).expect("it is there");
            }
        }
    }
}
