//! Seeded days: whatever happens, no two epochs run, nobody outlives another by more than a lease, and all ends.

use ironloom_core::{Rng, Seed};

use super::world::{Weather, World};
use super::*;

/// What a day may bring.
fn day(seed: u64) -> (bool, bool) {
    let mut rng = Rng::new(Seed::new(seed)).split("day", 0);
    let founders = hosts([&[0, 1][..], &[1, 2, 3], &[0, 2, 4], &[3]][rng.below(4) as usize]);
    let weather = Weather {
        delay_max: millis([1, 20, 150][rng.below(3) as usize]),
        lost: [0, 20, 300][rng.below(3) as usize],
        doubled: [0, 100][rng.below(2) as usize],
        work_max: millis([1, 50, 1_500][rng.below(3) as usize]),
    };
    let mut world = World::new(seed, founders, weather);
    world.run(millis(rng.below(400)));
    for _ in 0..rng.below(8) {
        trouble(&mut world, &mut rng);
        world.run(millis(rng.below(400)));
    }
    // The network recovers; every operation ends.
    world.weather = Weather::fair();
    world.island = None;
    world.run(Duration::from_secs(15));
    let mut all_done = true;
    for (host, seat) in &world.seats {
        let is_idle = seat.members.asking.is_none();
        assert!(is_idle || !seat.is_alive, "seed {seed}: {host} waits for ever");
        all_done &= seat.ended.iter().all(|(_, result)| result.is_ok());
    }
    world.check_restart();
    (!world.running().is_empty(), all_done)
}

fn trouble(world: &mut World, rng: &mut Rng) {
    let seats: Vec<HostId> = world.seats.keys().copied().collect();
    let some = *rng.choose(&seats).unwrap();
    let fresh = (0..6).map(host).find(|host| !world.seats.contains_key(host));
    match rng.below(20) {
        0..=4 => world.ask(some, Wish::Snapshot),
        5..=7 => world.ask(some, Wish::Leave),
        8..=13 => {
            if let Some(fresh) = fresh {
                world.join(fresh, some);
            }
        }
        14 => world.kill(some),
        15 => world.sleep(some, millis(rng.below(5_000))),
        16 => world.island = Some(HostSet::from_bits(rng.below(64))),
        17 => world.island = None,
        18 => world.weather.lost = rng.below(400),
        _ => {
            let other = *rng.choose(&seats).unwrap();
            world.input(some, Input::Lost(other, Why::Suspected));
        }
    }
}

#[test]
fn whatever_happens_nothing_runs_that_must_not() {
    const DAYS: u64 = 3_000;
    let (mut survived, mut undisturbed) = (0, 0);
    for seed in 0..DAYS {
        let (runs, all_done) = day(seed);
        survived += u64::from(runs);
        undisturbed += u64::from(all_done);
    }
    // Or the days were all the same.
    assert!((DAYS / 10..DAYS * 9 / 10).contains(&survived), "{survived} machines ran in the evening");
    assert!(undisturbed > DAYS / 10, "{undisturbed} days without an operation that failed");
}

#[test]
fn when_the_network_is_good_everything_succeeds() {
    for seed in 0..200 {
        let mut rng = Rng::new(Seed::new(seed)).split("good", 0);
        let delays = Weather { delay_max: millis(30), lost: 30, doubled: 100, work_max: millis(20) };
        let mut world = World::new(seed, hosts(&[1, 3]), delays);
        world.run(millis(300));
        for number in [0, 2, 4] {
            let via = *rng.choose(&[host(1), host(3)]).unwrap();
            world.join(host(number), via);
            world.ask(via, Wish::Snapshot);
            world.run(millis(rng.below(2_000)));
        }
        world.run(Duration::from_secs(4));
        assert_eq!(world.running(), hosts(&[0, 1, 2, 3, 4]), "seed {seed}");
        for number in [0, 1, 2] {
            world.ask(host(number), Wish::Leave);
            world.run(millis(rng.below(500)));
        }
        world.run(Duration::from_secs(4));
        assert_eq!(world.running(), hosts(&[3, 4]), "seed {seed}");
    }
}
