//! The tour: a thousand hosts call each other for ten seconds that pass in a moment, twice, to the same digest; then
//! each gets a file tree of its own, forked from one image, and one of them is rolled back.
//!
//! `cargo run --release --example quickstart`
//!
//! It shows what is built so far. Running machines and a network of real packets join it as their layers land.

use std::error::Error;
use std::sync::Arc;

use ironloom_node::blob::tree::{Attributes, Config};
use ironloom_node::blob::{BlobStore, Durability, MemoryStore, Tree};
use ironloom_node::core::metrics::{Registry, Unit};
use ironloom_node::core::trace::first_difference;
use ironloom_node::core::{Clock, Duration, Instant, Rng, Seed, TimerWheel, Trace, WallClock, Zipf};

const HOSTS: u64 = 1_000;
const HORIZON: Instant = Instant::from_nanos(10_000_000_000);
const THINKING: f64 = 40e6; // nanoseconds between two calls of a host, on average

/// What the timers of the world stand for.
enum Event {
    Call { from: u64 },
    Reply { to: u64, sent: Instant },
}

/// Runs a world and records what happens in it. The first call after `fault` takes a second.
fn simulate(
    seed: Seed,
    registry: &Registry,
    trace: &mut Trace,
    mut fault: Option<Instant>,
) -> Result<(), Box<dyn Error>> {
    let scope = registry.scope("quickstart");
    let mut calls = scope.counter("calls", "Calls that were made.")?.local();
    let mut round_trips = scope.histogram("round_trip", "From call to reply.", Unit::Nanoseconds)?.local();

    let world = Rng::new(seed);
    let mut hosts: Vec<Rng> = (0..HOSTS).map(|host| world.split("host", host)).collect();
    let popularity = Zipf::new(HOSTS, 1.0);
    let mut timers = TimerWheel::new(2 * HOSTS as usize);
    for from in 0..HOSTS {
        timers.insert(Instant::from_nanos(from), Event::Call { from })?;
    }

    while let Some(expired) = timers.poll(HORIZON) {
        let now = expired.deadline;
        match expired.value {
            Event::Call { from } => {
                let rng = &mut hosts[from as usize];
                let to = popularity.sample(rng);
                let mut round_trip = Duration::from_nanos(rng.exponential(2e6) as u64);
                if fault.take_if(|fault| now >= *fault).is_some() {
                    round_trip = Duration::from_secs(1);
                }
                trace.record(now, "call", &(from, to, round_trip));
                calls.add(1);
                timers.insert(now.saturating_add(round_trip), Event::Reply { to: from, sent: now })?;
            }
            Event::Reply { to, sent } => {
                round_trips.record_duration(now.saturating_since(sent));
                trace.record(now, "reply", &to);
                let pause = Duration::from_nanos(hosts[to as usize].exponential(THINKING) as u64);
                timers.insert(now.saturating_add(pause), Event::Call { from: to })?;
            }
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let seed = Seed::new(7);
    println!("A world of {HOSTS} hosts from seed {seed}.\n");

    let (registry, clock) = (Registry::new(100), WallClock::start());
    let mut trace = Trace::new();
    simulate(seed, &registry, &mut trace, None)?;
    let took = clock.now().as_nanos().max(1);
    println!(
        "  10 s passed in {} ms, {} times as fast as life.",
        took / 1_000_000,
        HORIZON.as_nanos() / took
    );
    println!("  {} events. How long the replies took:\n", trace.events());
    draw(&registry)?;

    let mut again = Trace::new();
    simulate(seed, &Registry::new(100), &mut again, None)?;
    assert_eq!(trace.digest(), again.digest(), "a run is its seed");
    println!("\n  Digest of the run:       {}", trace.digest());
    println!("  The same seed once more: {}  equal", again.digest());

    println!("\nNow one call at 4 s takes a second. Where do the runs part?\n");
    let fault = Instant::ZERO.saturating_add(Duration::from_secs(4));
    let run = |trace: &mut Trace, fault| {
        simulate(seed, &Registry::new(100), trace, fault).expect("the same world as before");
    };
    let parted = first_difference(|trace| run(trace, None), |trace| run(trace, Some(fault)))?;
    println!("  {}", parted.expect("one call is delayed").to_string().replace('\n', "\n  "));
    trees(seed)
}

/// Gives every host a file tree, lets one ruin its own, and goes back.
fn trees(seed: Seed) -> Result<(), Box<dyn Error>> {
    let clock = WallClock::start();
    let file = Attributes::new(0o644, Instant::ZERO);
    let store: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
    let mut image = Tree::new(Arc::clone(&store), Config::default());
    image.mkdir("/etc", Attributes::new(0o755, Instant::ZERO))?;
    image.put("/etc/motd", b"Welcome to Ironloom.\n", file.clone())?;
    let mut system = vec![0; 4 << 20];
    Rng::new(seed).fill(&mut system);
    image.put("/system", &system, file.clone())?;
    let image_id = image.commit(Durability::Buffered)?;

    let mut machines: Vec<Tree> = (0..HOSTS).map(|_| image.fork()).collect();
    for (number, machine) in machines.iter_mut().enumerate() {
        machine.put("/etc/hostname", format!("host-{number}\n").as_bytes(), file.clone())?;
        machine.commit(Durability::Buffered)?;
    }
    let millis = clock.now().as_nanos() / 1_000_000;
    println!("\n{HOSTS} file trees, forked from image {image_id} of 4 MiB, in {millis} ms:\n");

    let victim = &mut machines[7];
    let snapshot = victim.commit(Durability::Buffered)?;
    victim.put("/etc/motd", b"0wned\n", file)?;
    victim.remove("/system", Instant::ZERO)?;
    let before = Tree::open(Arc::clone(&store), snapshot, Config::default())?;
    for difference in before.diff(victim) {
        println!("  host-7, after a visitor, differs in {}", difference?.path);
    }
    *victim = before;
    print!("  host-7, rolled back to {snapshot}: {}", String::from_utf8(victim.read_all("/etc/motd")?)?);
    Ok(())
}

/// Draws how long the replies took.
fn draw(registry: &Registry) -> Result<(), Box<dyn Error>> {
    let scope = registry.scope("quickstart");
    let seen = scope.histogram("round_trip", "From call to reply.", Unit::Nanoseconds)?.snapshot();
    for (from, to) in [(0, 1), (1, 2), (2, 4), (4, 8), (8, 16), (16, 64)] {
        let nanos = from * 1_000_000..to * 1_000_000;
        let count: u64 =
            seen.buckets().filter(|(values, _)| nanos.contains(values.start())).map(|(_, count)| count).sum();
        let bar = "█".repeat((count * 60 / seen.count().max(1)) as usize);
        println!("    {from:>2} to {to:>2} ms {count:>8}  {bar}");
    }
    Ok(())
}
