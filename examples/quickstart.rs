//! The tour: a thousand processes call each other for ten seconds that pass in a moment, on one worker and on two, to the
//! same digest; then each gets a machine of its own, with programs in Luau; one is ruined, and rolled back.
//!
//! `cargo run --release --example quickstart`

use std::error::Error;
use std::mem::swap;
use std::sync::{Arc, OnceLock};

use ironloom_node::blob::tree::Attributes;
use ironloom_node::core::metrics::{Histogram, Registry, Unit};
use ironloom_node::core::trace::first_difference;
use ironloom_node::core::{Clock, Duration, Instant, Seed, Trace, WallClock};
use ironloom_node::net::fabric::Place;
use ironloom_node::sched::{self, Address, Context, Reply, VirtualKernel};
use ironloom_node::vm::{self, Command, Heap, Image, MachineSpec, Machines};

const HOSTS: u64 = 1_000;
const HORIZON: Duration = Duration::from_secs(10);
const THINKING: f64 = 40e6; // nanoseconds between two calls of a host, on average
const WORKING: f64 = 2e6; // nanoseconds that an answer takes, on average

/// What runs on every machine, and what one of them asks the others.
const GREET: &str = "net.listen(1007) while true do local from = net.recv() net.send(from.src_ip, from.src_port, os.hostname()) end";
const ASK: &str = "local count, last = tonumber((...)) - 1, nil for i = 1, count do
    local other = net.connect(`10.0.{i // 250}.{i % 250 + 1}`, 1007) other:send('who are you?')
    last = other:recv({timeout = 1}).data other:close() end print(`{count} have answered, the last was {last}`)";

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
    machines()
}

/// Gives every host a machine with a small Unix. One greets all the others, and one is ruined and rolled back.
fn machines() -> Result<(), Box<dyn Error>> {
    let clock = WallClock::start();
    let mut tree = Image::base().tree().fork();
    for (path, text) in [("/bin/greet", GREET), ("/bin/ask", ASK), ("/etc/bootstrap", "greet\n")] {
        tree.put(path, text.as_bytes(), Attributes::new(0o755, Instant::ZERO))?;
    }
    let image = Image::new(tree);
    let mut machines = Machines::new(vm::Config::default(), Seed::new(7));
    let lan = machines.fabric_mut().add_switch("lan", Place::Apart, <_>::default())?;
    let mut ids = Vec::new();
    for number in 0..HOSTS {
        let address = format!("10.0.{}.{}/16", number / 250, number % 250 + 1).parse()?;
        let spec = MachineSpec::new(format!("host-{number}"), &image).heap(Heap::Cell).at(lan, address);
        ids.push(machines.create(&spec)?);
        machines.boot(ids[number as usize])?;
    }
    println!(
        "\n{HOSTS} machines, each with a shell, files and a network card, after {} ms.\n",
        millis(&clock)
    );
    let mut run = |machines: &mut Machines, host: usize, line: &str| match machines.run(
        ids[host],
        &Command::shell(line),
        HORIZON,
    ) {
        Ok(finished) => {
            println!("  host-{host}# {line}\n  {}", finished.text().trim_end().replace('\n', "\n  "))
        }
        Err(error) => println!("  host-{host}# {line}\n  {error}"),
    };
    run(&mut machines, 0, &format!("ask {HOSTS}"));
    let snapshot = machines.snapshot(ids[7])?;
    run(&mut machines, 7, "rm -rf /bin /etc");
    run(&mut machines, 7, "ls /");
    machines.rollback(ids[7], snapshot)?;
    println!("\n  rolled back to {snapshot}:");
    run(&mut machines, 7, "ls / | head -n 2; ls /bin | wc -l");
    println!("\n  All of that took {} ms.", millis(&clock));
    Ok(())
}

fn millis(clock: &WallClock) -> u64 {
    clock.now().as_nanos() / 1_000_000
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
