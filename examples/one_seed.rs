//! A thousand processes call each other for ten seconds that pass in a moment, on one worker and on two, to the same digest;
//! and where a run parts from another is found.
//!
//! `cargo run --release --example one_seed`

use std::error::Error;
use std::mem::swap;
use std::sync::{Arc, OnceLock};

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
    let scope = registry.scope("one_seed");
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
    let (mut trace, mut again) = (Trace::new(), Trace::new());
    simulate((seed, 1), &registry, &mut trace, None)?;
    let took = clock.now().as_nanos().max(1);
    println!(
        "  10 s passed in {} ms, {} times as fast as life.",
        took / 1_000_000,
        HORIZON.as_nanos() / took
    );
    let scope = registry.scope("one_seed");
    let seen = scope.histogram("round_trip", "From call to reply.", Unit::Nanoseconds)?.snapshot();
    let [half, most] = [0.5, 0.99].map(|part| seen.quantile(part) as f64 / 1e6);
    println!("  {} events. Half of the replies took {half:.1} ms, 99 % {most:.1} ms.", trace.events());

    simulate((seed, 2), &Registry::new(100), &mut again, None)?;
    assert_eq!(trace.digest(), again.digest(), "a run is its seed");
    println!("  Its digest, and that of the same with two workers: {}", trace.digest());

    println!("\nNow host 7 falls asleep at 4 s for half a second. Where do the runs part?\n");
    let fault = Instant::ZERO.saturating_add(Duration::from_secs(4));
    let run = |trace: &mut Trace, fault| {
        simulate((seed, 2), &Registry::new(100), trace, fault).expect("the same world as before");
    };
    let parted = first_difference(|trace| run(trace, None), |trace| run(trace, Some(fault)))?;
    println!("  {}", parted.expect("one host is late").to_string().replace('\n', "\n  "));
    Ok(())
}
