//! Whatever links do, every byte arrives once and in order, or the program is told of an error.
//!
//! The way of the bytes is that of real ones: a program, its stack, a link, a switch, a router that translates, another
//! link, a switch, and all of it back.

mod common;

use std::sync::Arc;

use common::talk::{Listen, Plan, Report, Reports, Talk};
use common::world::{World, end, seconds};
use ironloom_core::{Duration, Instant, Rng, Seed};
use ironloom_net::fabric::{Barrier, Config, LinkId, PartitionId, Way};
use ironloom_net::link::{LinkProfile, Loss};
use ironloom_net::{router, stack, tcp};

/// How many seeds each kind of bad day is tried with: 10,000 in all.
const SEEDS: u64 = 2_500;

/// A bad day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Day {
    /// Packets are lost, evenly or in bursts.
    Losses,
    /// Packets come twice, late, in another order or damaged.
    Disorder,
    /// Links are slow, and their queues tiny.
    Narrows,
    /// All of that, and links go down and networks fall apart in the middle of it.
    Partitions,
}

/// A number below a limit, more often a small one.
fn any_below(rng: &mut Rng, limit: u64) -> u64 {
    let bits = rng.below(u64::from(limit.ilog2()) + 1);
    rng.below((2 << bits).min(limit))
}

fn profile(rng: &mut Rng, day: Day) -> LinkProfile {
    let latency = Duration::from_micros(50 + any_below(rng, 100_000));
    let mut profile = LinkProfile { latency, ..LinkProfile::default() };
    let all = day == Day::Partitions;
    if day == Day::Losses || (all && rng.chance(1, 4)) {
        profile.loss = match rng.below(3) {
            0 => Loss::None,
            1 => Loss::Even { ppm: any_below(rng, 200_000) as u32 },
            _ => Loss::Bursts {
                worsen_ppm: any_below(rng, 50_000) as u32,
                recover_ppm: 50_000 + any_below(rng, 900_000) as u32,
                good_ppm: any_below(rng, 20_000) as u32,
                bad_ppm: any_below(rng, 1_000_000) as u32,
            },
        };
    }
    if day == Day::Disorder || (all && rng.chance(1, 4)) {
        profile.jitter = Duration::from_micros(any_below(rng, 50_000));
        profile.duplicate_ppm = any_below(rng, 300_000) as u32;
        profile.reorder_ppm = any_below(rng, 300_000) as u32;
        profile.reorder_delay = Duration::from_micros(1 + any_below(rng, 300_000));
        profile.corrupt_ppm = any_below(rng, 100_000) as u32;
    }
    if day == Day::Narrows || (all && rng.chance(1, 4)) {
        profile.rate = Some(50_000 + any_below(rng, 100_000_000));
        profile.queue_bytes_max = 1_600 + any_below(rng, 60_000);
    }
    profile
}

fn tcp_config(rng: &mut Rng) -> tcp::Config {
    let congestion = [tcp::Congestion::NewReno, tcp::Congestion::Cubic, tcp::Congestion::Unlimited];
    tcp::Config {
        send_bytes_max: 1 << rng.range(10..19),
        receive_bytes_max: 1 << rng.range(11..19),
        offload_bytes_max: *rng.choose(&[0, 4_096, 64 << 10]).unwrap(),
        congestion: *rng.choose(&congestion).unwrap(),
        nagle: rng.chance(1, 2),
        acknowledgement_delay: Duration::from_millis(if rng.chance(1, 2) { 40 } else { 0 }),
        selective: rng.chance(3, 4),
        timestamps: rng.chance(1, 3),
        keepalive: Some(tcp::Keepalive {
            idle: Duration::from_secs(60),
            interval: Duration::from_secs(10),
            questions_max: 6,
        }),
        ..tcp::Config::default()
    }
}

/// What happens to the network while bytes travel.
enum Turn {
    Down(LinkId, Way, bool),
    Part(Barrier),
    Heal,
    Profile(LinkId, Way, LinkProfile),
}

fn turns(rng: &mut Rng, links: &[LinkId]) -> Vec<(Instant, Turn)> {
    let mut turns = Vec::new();
    for _ in 0..rng.below(5) {
        let at = Instant::ZERO.saturating_add(Duration::from_micros(any_below(rng, 4_000_000)));
        let later = at.saturating_add(Duration::from_micros(any_below(rng, 200_000_000)));
        let (link, way) = (*rng.choose(links).unwrap(), *rng.choose(&[Way::Forth, Way::Back]).unwrap());
        match rng.below(3) {
            0 => {
                turns.push((at, Turn::Down(link, way, true)));
                if rng.chance(5, 6) {
                    turns.push((later, Turn::Down(link, way, false)));
                }
            }
            1 => {
                turns.push((at, Turn::Part(*rng.choose(&[Barrier::Both, Barrier::Forth]).unwrap())));
                turns.push((later, Turn::Heal));
            }
            _ => turns.push((at, Turn::Profile(link, way, profile(rng, Day::Partitions)))),
        }
    }
    turns.sort_by_key(|(at, _)| *at);
    turns
}

/// A client at home and a server in the office; what became of both.
fn run(seed: u64, day: Day) -> (World, [Plan; 2], [Reports; 2]) {
    let mut rng = Rng::new(Seed::new(seed)).split("transfer", day as u64);
    let stack = stack::Config { tcp: tcp_config(&mut rng), ..stack::Config::default() };
    let config = Config { stack: Arc::new(stack), digest: false, ..Config::default() };
    // All links of a network take packets of the same size, or what does not fit would vanish at a switch.
    let office_mtu =
        if day == Day::Narrows { *rng.choose(&[576, 1_000, 1_500, 9_000]).unwrap() } else { 1_500 };
    let home_mtu = if day == Day::Narrows { *rng.choose(&[576, 1_000, 1_500]).unwrap() } else { 1_500 };
    let mut pair = |mtu| [(); 2].map(|()| LinkProfile { mtu, ..profile(&mut rng, day) });
    let (uplink, server, client) = (pair(office_mtu), pair(office_mtu), pair(home_mtu));
    let mut world = World::with(seed, config, router::Config::default(), uplink);
    let office = world.add_office(server[0], server[1]);
    let home = world.add_home(client[0], client[1]);
    let mut plan = || Plan {
        bytes: any_below(&mut rng, 40_000),
        chunk: 1 + any_below(&mut rng, 20_000) as usize,
        reads: true,
    };
    let plans = [plan(), plan()];
    let (listen, heard) = Listen::new(end("0.0.0.0:80"), plans[1]);
    let (talk, said) = Talk::new(end("203.0.113.2:80"), plans[0]);
    world.fabric.serve(office, Box::new(listen)).unwrap();
    world.fabric.serve(home, Box::new(talk)).unwrap();
    let links = [home, office].map(|id| world.fabric.link_of(id).unwrap());
    let links = [links[0], links[1], world.uplink];
    let turns = if day == Day::Partitions { turns(&mut rng, &links) } else { Vec::new() };
    let parted = [home, office].map(|id| world.fabric.station_of(id).unwrap());
    let mut partitions: Vec<PartitionId> = Vec::new();
    for (at, turn) in turns {
        world.run_until(at);
        match turn {
            Turn::Down(link, way, is_down) => world.fabric.set_down(link, way, is_down).unwrap(),
            Turn::Part(barrier) => {
                partitions.push(world.fabric.part(&parted[..1], &parted[1..], barrier).unwrap());
            }
            Turn::Heal => {
                partitions.pop().map(|id| world.fabric.heal(id));
            }
            Turn::Profile(link, way, profile) => world.fabric.set_profile(link, way, profile).unwrap(),
        }
    }
    world.run_until(seconds(4 * 3_600));
    for id in [home, office] {
        let kept = world.fabric.host(id, |host| (host.stack().sockets(), host.stack().buffered_bytes()));
        let told = || {
            format!(
                "{plans:?}
{:?}
{:?}",
                said.lock(),
                heard.lock()
            )
        };
        assert_eq!(kept, Ok((u32::from(id == office), 0)), "seed {seed} of {day:?}: left behind: {}", told());
    }
    (world, plans, [said, heard])
}

/// Whether a side received all that the other planned to send.
fn is_whole(report: &Report, other: &Plan) -> bool {
    report.error.is_none() && report.saw_end && report.received == other.bytes
}

/// Whether all went well.
fn check(seed: u64, day: Day) -> bool {
    let (_, plans, [said, heard]) = run(seed, day);
    let (said, heard) = (said.lock(), heard.lock());
    let told = || format!("seed {seed} of {day:?}: {plans:?}\n{said:?}\n{heard:?}");
    assert!(heard.len() <= 1, "{}", told());
    for (report, other) in
        said.iter().map(|report| (report, &plans[1])).chain(heard.iter().map(|report| (report, &plans[0])))
    {
        assert_eq!(report.wrong_at, None, "{}", told());
        assert!(report.received <= other.bytes, "{}", told());
        assert!(report.ended.is_some(), "{}", told());
        assert!(report.error.is_some() || is_whole(report, other), "{}", told());
    }
    let is_well = is_whole(&said[0], &plans[1]);
    assert!(
        !is_well
            || heard
                .first()
                .is_some_and(|report| report.received == plans[0].bytes || report.error.is_some()),
        "{}",
        told()
    );
    is_well
}

fn check_all(day: Day, well_min: u64) {
    let well = (0..SEEDS).filter(|seed| check(*seed, day)).count() as u64;
    println!("{day:?}: {well} of {SEEDS} transfers went well, the others were told");
    assert!(well >= well_min, "{day:?}: only {well} of {SEEDS} transfers went well");
}

#[test]
fn bytes_arrive_though_packets_are_lost() {
    check_all(Day::Losses, SEEDS * 99 / 100);
}

#[test]
fn bytes_arrive_though_packets_come_twice_late_or_damaged() {
    check_all(Day::Disorder, SEEDS * 99 / 100);
}

#[test]
fn bytes_arrive_though_links_are_narrow() {
    check_all(Day::Narrows, SEEDS * 99 / 100);
}

#[test]
fn bytes_arrive_or_errors_are_told_though_networks_fall_apart() {
    check_all(Day::Partitions, SEEDS / 2);
}
