//! A run is its seed: a small world of hosts and timers gives the same digest again, and another for another seed.

use ironloom_node::core::trace::first_difference;
use ironloom_node::core::{Duration, Instant, Rng, Seed, TimerWheel, Trace};

const HOSTS: u64 = 50;
const EVENTS: u64 = 5_000;

/// Every host sleeps, wakes, and sometimes calls off the timer of another. `order` is the order in which the hosts
/// are created, which must not matter: each draws from a stream of its own.
fn simulate(seed: Seed, order: impl Iterator<Item = u64>, trace: &mut Trace) {
    let world = Rng::new(seed);
    let mut hosts: Vec<(u64, Rng)> = order.map(|host| (host, world.split("host", host))).collect();
    hosts.sort_unstable_by_key(|(host, _)| *host);
    let mut timers = TimerWheel::new(2 * HOSTS as usize);
    let mut ids: Vec<_> =
        (0..HOSTS).map(|host| timers.insert(Instant::from_nanos(host), host).unwrap()).collect();

    while let (Some(expired), true) = (timers.poll(Instant::MAX), trace.events() < EVENTS) {
        let host = expired.value;
        let rng = &mut hosts[host as usize].1;
        let sleep = Duration::from_nanos(rng.below(1 << rng.clone().range(1..40)));
        let victim = rng.chance(1, 10).then(|| rng.below(HOSTS));
        trace.record(expired.deadline, "wake", &(host, sleep, victim));
        ids[host as usize] = timers.insert(expired.deadline.saturating_add(sleep), host).unwrap();
        let spared =
            victim.filter(|victim| *victim != host && timers.cancel(ids[*victim as usize]).is_some());
        if let Some(victim) = spared {
            let later = expired.deadline.saturating_add(Duration::from_secs(1));
            ids[victim as usize] = timers.insert(later, victim).unwrap();
        }
    }
}

fn digest(seed: u64, order: impl Iterator<Item = u64>) -> String {
    let mut trace = Trace::new();
    simulate(Seed::new(seed), order, &mut trace);
    assert_eq!(trace.events(), EVENTS);
    trace.digest().to_string()
}

#[test]
fn a_run_is_its_seed() {
    for seed in 0..20 {
        assert_eq!(digest(seed, 0..HOSTS), digest(seed, (0..HOSTS).rev()), "seed {seed}");
        assert_ne!(digest(seed, 0..HOSTS), digest(seed + 1, 0..HOSTS), "seed {seed}");
    }
}

#[test]
fn two_seeds_part_at_their_first_draw() {
    let run = |seed| move |trace: &mut Trace| simulate(Seed::new(seed), 0..HOSTS, trace);
    let parted = first_difference(run(1), run(2)).unwrap().expect("they differ");
    assert_eq!((parted.common, parted.left.unwrap().label), (0, "wake"));
    assert_eq!(first_difference(run(1), run(1)).unwrap(), None);
}
