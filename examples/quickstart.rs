//! The tour: a thousand processes call each other for ten seconds that pass in a moment, on one worker and on two, to the
//! same digest; then each gets a file tree of its own, forked from one image, and one of them is rolled back.
//!
//! `cargo run --release --example quickstart`

use std::error::Error;
use std::mem::swap;
use std::sync::{Arc, OnceLock};

use ironloom_node::blob::tree::{Attributes, Config};
use ironloom_node::blob::{BlobStore, Durability, MemoryStore, Tree};
use ironloom_node::core::metrics::{Histogram, Registry, Unit};
use ironloom_node::core::trace::first_difference;
use ironloom_node::core::{Clock, Duration, Instant, Seed, Trace, WallClock};
use ironloom_node::sched::{self, Address, Context, Reply, VirtualKernel};

const HOSTS: u64 = 1_000;
const HORIZON: Duration = Duration::from_secs(10);
const THINKING: f64 = 40e6; // nanoseconds between two calls of a host, on average
const WORKING: f64 = 2e6; // nanoseconds that an answer takes, on average

/// All hosts. What each is sent is the right to reply.
type Hosts = Arc<OnceLock<Vec<Address<Reply<()>>>>>;

/// Runs a world and records what happens in it. Host 7 falls asleep for half a second at `fault`.
fn simulate(
    (seed, workers): (Seed, usize),
    registry: &Registry,
    trace: &mut Trace,
    fault: Option<Instant>,
) -> Result<(), Box<dyn Error>> {
    let scope = registry.scope("quickstart");
    let round_trips = scope.histogram("round_trip", "From call to reply.", Unit::Nanoseconds)?;
    let kernel = VirtualKernel::new(sched::Config { seed, workers, ..sched::Config::default() });
    kernel.with_trace(|own| swap(own, trace));
    let hosts = Hosts::default();
    let spawn = |number| {
        let (hosts, round_trips) = (Arc::clone(&hosts), round_trips.clone());
        let fault = fault.filter(|_| number == 7);
        kernel.spawn(async move |ctx| {
            drop(ctx.thread(answer(ctx.clone(), fault))?);
            call(ctx, hosts, round_trips).await
        })
    };
    let spawned = (0..HOSTS).map(spawn).collect::<Result<_, _>>()?;
    hosts.set(spawned).expect("the hosts are spawned once");
    kernel.run_for(HORIZON, Duration::from_millis(1));
    kernel.with_trace(|own| swap(own, trace));
    Ok(())
}

/// What a host does by itself: it thinks, and calls another.
async fn call(ctx: Context<Reply<()>>, hosts: Hosts, round_trips: Histogram) -> Result<(), Box<dyn Error>> {
    let hosts = hosts.get().ok_or("the hosts are spawned before the first step")?;
    let mut rng = ctx.rng();
    loop {
        ctx.sleep(Duration::from_nanos(rng.exponential(THINKING) as u64)).await;
        let (sent, to) = (ctx.now(), rng.below(HOSTS));
        let answered = hosts[to as usize].call(Duration::from_secs(1), |reply| reply).await;
        ctx.record("call", &(to, answered.is_ok()));
        round_trips.record_duration(ctx.now().saturating_since(sent));
    }
}

/// What it does for others.
async fn answer(ctx: Context<Reply<()>>, mut fault: Option<Instant>) {
    let mut rng = ctx.rng().split("answers", 0);
    loop {
        let reply = ctx.receive().await;
        if fault.take_if(|fault| ctx.now() >= *fault).is_some() {
            ctx.sleep(Duration::from_millis(500)).await;
        }
        ctx.sleep(Duration::from_nanos(rng.exponential(WORKING) as u64)).await;
        reply.send(());
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let seed = Seed::new(7);
    println!("A world of {HOSTS} processes from seed {seed}.\n");

    let (registry, clock) = (Registry::new(100), WallClock::start());
    let mut trace = Trace::new();
    simulate((seed, 1), &registry, &mut trace, None)?;
    let took = clock.now().as_nanos().max(1);
    let (millis, faster) = (took / 1_000_000, HORIZON.as_nanos() / took);
    println!("  10 s passed in {millis} ms, {faster} times as fast as life.");
    println!("  {} events. How long the replies took:\n", trace.events());
    draw(&registry)?;

    let mut again = Trace::new();
    simulate((seed, 2), &Registry::new(100), &mut again, None)?;
    assert_eq!(trace.digest(), again.digest(), "a run is its seed");
    println!("\n  Digest of the run:         {}", trace.digest());
    println!("  The same with two workers: {}  equal", again.digest());

    println!("\nNow host 7 falls asleep at 4 s for half a second. Where do the runs part?\n");
    let fault = Instant::ZERO.saturating_add(Duration::from_secs(4));
    let run = |trace: &mut Trace, fault| {
        simulate((seed, 2), &Registry::new(100), trace, fault).expect("the same world as before");
    };
    let parted = first_difference(|trace| run(trace, None), |trace| run(trace, Some(fault)))?;
    println!("  {}", parted.expect("one host is late").to_string().replace('\n', "\n  "));
    trees()
}

/// Gives every host a file tree, lets one ruin its own, and goes back.
fn trees() -> Result<(), Box<dyn Error>> {
    let (clock, file) = (WallClock::start(), Attributes::new(0o644, Instant::ZERO));
    let store: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
    let mut image = Tree::new(Arc::clone(&store), Config::default());
    image.mkdir("/etc", Attributes::new(0o755, Instant::ZERO))?;
    image.put("/etc/motd", b"Welcome to Ironloom.\n", file.clone())?;
    image.put("/system", &vec![0; 4 << 20], file.clone())?;
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
