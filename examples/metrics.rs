//! Counting and measuring without globals: a registry, instruments for hot loops, and the text that Prometheus reads.
//!
//! `cargo run --release --example metrics`

use std::error::Error;

use ironloom_node::core::metrics::{Registry, Unit};
use ironloom_node::core::{Rng, Seed};

fn main() -> Result<(), Box<dyn Error>> {
    // The embedder owns the registry and decides how many series there may be.
    let registry = Registry::new(1_000);
    let router = registry.scope("demo_net").with("router", "edge-1");

    // Threads that record a lot hold local instruments: no atomic read-modify-write, no shared cache line.
    let frames = router.counter("frames", "Frames that were routed.")?;
    let latency = router.histogram("latency", "Time that a frame spent in the router.", Unit::Nanoseconds)?;
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (mut frames, mut latency) = (frames.local(), latency.local());
            scope.spawn(move || {
                let mut rng = Rng::new(Seed::new(1)).split("worker", worker);
                for _ in 0..500_000 {
                    frames.add(1);
                    latency.record(rng.exponential(20_000.0) as u64);
                }
            });
        }
    });
    router.gauge("flows", "Connections that are tracked.")?.set(4_211);

    let seen = latency.snapshot();
    println!(
        "{} frames; half of them within {} ns, 99 % within {} ns.\n",
        frames.value(),
        seen.quantile(0.5),
        seen.quantile(0.99)
    );

    println!("What a scrape would see, without the finer buckets:\n");
    let interesting =
        |line: &&str| !line.contains("_bucket") || line.contains("0.0000") || line.contains("Inf");
    registry.openmetrics().lines().filter(interesting).for_each(|line| println!("  {line}"));

    // A router that is gone takes its series along.
    registry.forget("router", "edge-1");
    assert_eq!(registry.openmetrics(), "# EOF\n");
    Ok(())
}
