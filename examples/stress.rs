//! Machines by the thousand, each with a script that does something now and then, sixty windows a second: how far it goes
//! on this host, with a line that tells how it goes and a summary.
//!
//! `cargo run --release --example stress -- --machines 100000 --seconds 10 --workers 2`

use std::error::Error;
use std::io::Write;
use std::ops::ControlFlow;

use ironloom_node::core::{Clock, Duration, Instant, WallClock};
use ironloom_node::prelude::*;
use ironloom_node::{LateWindow, NodeConfig};

/// What machines do, in turns: play against enemies, look at their files, write a log, ask a neighbour, compute.
const SCENARIOS: [(&str, &str); 5] = [
    (
        "fight",
        "while true do
        local health = {100, 100, 100}
        for enemy = 1, 3 do health[enemy] -= math.random(1, 30) end
        os.sleep(math.random() * 3)
    end",
    ),
    ("look", "while true do fs.ls('/bin') os.sleep(math.random() * 3) end"),
    (
        "write",
        "local turn = 0
    while true do
        turn += 1
        fs.write('/tmp/log', `turn {turn}\\n`)
        os.sleep(math.random() * 3)
    end",
    ),
    (
        "ask",
        "net.listen(7)
    local own = string.split(net.ip(), '.')
    local neighbour = `{own[1]}.{own[2]}.{own[3]}.{bit32.bxor(tonumber(own[4]), 1)}`
    while true do
        net.send(neighbour, 7, 'how do you do?')
        os.sleep(math.random() * 3)
        net.recv({timeout = 0.1})
    end",
    ),
    (
        "compute",
        "while true do
        local sum = 0
        for i = 1, 1000 do sum += i * i end
        os.sleep(math.random() * 3)
    end",
    ),
];
/// A sixtieth of a second.
const WINDOW: Duration = Duration::from_nanos(16_666_667);

/// What was asked for.
struct Wanted {
    machines: u32,
    seconds: u64,
    workers: u16,
}

fn wanted() -> Result<Wanted, Box<dyn Error>> {
    let mut wanted = Wanted { machines: 10_000, seconds: 8, workers: 2 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next().ok_or_else(|| format!("{word} is followed by a number"));
        match word.as_str() {
            "--machines" => wanted.machines = number()?.parse()?,
            "--seconds" => wanted.seconds = number()?.parse()?,
            "--workers" => wanted.workers = number()?.parse()?,
            other => return Err(format!("{other}: --machines, --seconds and --workers are known").into()),
        }
    }
    Ok(wanted)
}

fn main() -> Result<(), Box<dyn Error>> {
    let Wanted { machines, seconds, workers } = wanted()?;
    let clock = WallClock::start();
    let mut builder = World::builder(7).window(WINDOW).pacing(Pacing::WindowsPerSecond(60)).workers(workers);
    for (place, (name, script)) in (0..).zip(SCENARIOS) {
        let count = (machines + 4 - place) / 5;
        // One switch has 65,535 ports.
        builder = builder.network(name, &format!("10.{place}.0.0/16"));
        builder = builder.image(name, |image| image.file("/bin/job", script).runs("job"));
        if count > 0 {
            builder = builder.machine(name, |job| job.at(name).image(name).in_cell().count(count));
        }
    }
    let (description, before) = (builder.describe()?, resident_bytes());
    let mut told = Instant::ZERO;
    let world = World::watched(&description, |progress| {
        if clock.now().saturating_since(told) > Duration::from_millis(100) {
            told = clock.now();
            live(&format!("{} of {} machines", progress.made, progress.of));
        }
        ControlFlow::Continue(())
    })?;
    let built = clock.now();
    live(&format!("{machines} machines are there after {} ms\n", built.as_nanos() / 1_000_000));

    let config = NodeConfig { late_after: WINDOW, ..NodeConfig::default() };
    let node = Node::start_with(world, config, WallClock::start())?;
    let events = node.subscribe(100_000);
    let end = built.saturating_add(Duration::from_secs(seconds));
    let mut next = built;
    while clock.now() < end {
        let _ = events.wait_for(Duration::from_millis(50)); // what happened is in the report as well
        if clock.now() >= next {
            next = next.saturating_add(Duration::from_millis(250));
            let (report, passed) = (node.late_report(), clock.now().saturating_since(built));
            let (windows, late, skipped) = (report.windows, report.late, report.skipped);
            let held = resident_bytes() >> 20;
            live(&format!("{passed}: {windows} windows, {late} late, {skipped} left out, {held} MiB"));
        }
    }
    let passed = clock.now().saturating_since(built).as_nanos() as f64 / 1e9;
    let report = node.late_report();
    node.stop();
    println!("\n");
    println!(
        "  machines            {machines}, {} µs to make each",
        built.as_nanos() / 1_000 / u64::from(machines.max(1))
    );
    println!("  windows a second    {:.1} of 60", report.windows as f64 / passed);
    println!("  late, left out      {}, {}", report.late, report.skipped);
    if let Some(LateWindow { took, network, machines, settling, .. }) = report.worst {
        println!("  the worst took      {took}: network {network}, machines {machines}, settling {settling}");
    }
    println!(
        "  memory of a machine {} B",
        resident_bytes().saturating_sub(before) / u64::from(machines.max(1))
    );
    Ok(())
}

/// Writes over the line before.
fn live(text: &str) {
    print!("\r{text:<70}");
    let _ = std::io::stdout().flush(); // nobody may be looking
}

/// How much memory the process has, in bytes; nothing where the host does not say.
fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4_096
}
