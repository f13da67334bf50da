//! One night in a lighthouse: a generator that keeps failing, what a supervisor does about it, and what happens when that
//! is not enough.
//!
//! `cargo run --release --example supervisor`
//!
//! The harbour looks after the lighthouse; the lighthouse looks after a generator, a lamp that needs it, and a foghorn.
//! Everything happens in virtual time: the night passes in a moment, and every night is the same.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ironloom_node::core::trace::Digest;
use ironloom_node::core::{Duration, Instant};
use ironloom_node::sched::{Child, Config, Context, Strategy, Supervisor, SupervisorHandle, VirtualKernel};

const MINUTE: Duration = Duration::from_secs(60);
const DUSK: u64 = 21 * 60; // minutes after midnight

/// Who tells the story; the second night is not told.
#[derive(Clone, Copy)]
struct Teller {
    aloud: bool,
}

impl Teller {
    fn says(self, now: Instant, who: &str, what: &str) {
        if self.aloud {
            let minute = DUSK + now.as_nanos() / MINUTE.as_nanos();
            println!("  {:02}:{:02}  {who:<10} {what}", minute / 60 % 24, minute % 60);
        }
    }
}

/// Something that works until it is asked to stop.
fn device(name: &'static str, begins: &'static str, ends: &'static str, teller: Teller) -> Child {
    Child::new(name, async move |ctx: Context<()>| {
        teller.says(ctx.now(), name, begins);
        ctx.stopping().await;
        teller.says(ctx.now(), name, ends);
    })
    .stops_within(MINUTE)
}

/// The generator, and all that can happen to one. It counts its starts in `starts`, which outlives it.
async fn generator(ctx: Context<()>, starts: Arc<AtomicU32>, teller: Teller) -> Result<(), &'static str> {
    let number = starts.fetch_add(1, Ordering::Relaxed) + 1;
    teller.says(ctx.now(), "generator", &format!("starts, for the {} time", ordinal(number)));
    let (minutes, trouble) = match number {
        1 => (150, "runs out of oil"),
        2 => (95, "blows a fuse"),
        3..=5 => (1, "has water in its engine"),
        _ => (1_440, "wants to be serviced"),
    };
    if ctx.within(MINUTE.saturating_mul(minutes), ctx.stopping()).await.is_ok() {
        teller.says(ctx.now(), "generator", "is switched off");
        return Ok(());
    }
    teller.says(ctx.now(), "generator", &format!("{trouble}, and fails"));
    Err(trouble)
}

fn ordinal(number: u32) -> String {
    match number {
        1 => "first".to_owned(),
        2 => "second".to_owned(),
        3 => "third".to_owned(),
        _ => format!("{number}th"),
    }
}

/// The keeper: starts the three in order, and whatever was started after the one that fails along with it.
fn lighthouse(teller: Teller) -> Supervisor {
    let starts = Arc::new(AtomicU32::new(0));
    Supervisor::new(Strategy::RestForOne)
        .restarts(3, MINUTE.saturating_mul(60))
        .backoff(MINUTE, MINUTE.saturating_mul(30))
        .child(
            Child::new("generator", move |ctx| generator(ctx, Arc::clone(&starts), teller))
                .stops_within(MINUTE),
        )
        .child(device("lamp", "shines", "goes dark", teller))
        .child(device("foghorn", "sounds", "falls silent", teller))
}

fn night(teller: Teller) -> Result<Digest, Box<dyn Error>> {
    let kernel = VirtualKernel::new(Config::with_workers(1));
    let harbour = Supervisor::new(Strategy::OneForOne)
        .restarts(1, MINUTE.saturating_mul(24 * 60))
        .child(Child::supervisor("lighthouse", lighthouse(teller)))
        .start(&kernel)?;

    let visited = harbour.clone();
    kernel.spawn(async move |ctx: Context<()>| {
        ctx.sleep(MINUTE.saturating_mul(180)).await;
        let lighthouse = visited.child("lighthouse").await.ok_or("there is no lighthouse")?;
        let lighthouse = SupervisorHandle::of(&lighthouse).ok_or("nobody looks after it")?;
        let log: Vec<String> = lighthouse
            .children()
            .await
            .map_err(|_| "the keeper has left")?
            .iter()
            .map(|child| format!("{} {}", child.name, child.restarts))
            .collect();
        teller.says(ctx.now(), "visitor", &format!("reads in the log: restarts of {}", log.join(", ")));
        Ok::<(), &str>(())
    })?;

    let keeper = harbour.clone();
    kernel.spawn(async move |ctx: Context<()>| {
        if let Some(lighthouse) = keeper.child("lighthouse").await {
            let reason = lighthouse.monitor().await;
            teller.says(ctx.now(), "lighthouse", &reason.to_string());
            teller.says(ctx.now(), "harbour", "sends a boat with a new crew");
        }
    })?;

    kernel.run_for(MINUTE.saturating_mul(9 * 60), Duration::from_secs(1));
    teller.says(kernel.now(), "harbour", "calls it a night");
    harbour.stop();
    kernel.run_until_idle();
    assert!(kernel.is_empty(), "whoever is supervised ends with the supervisor");
    Ok(kernel.digest())
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("One night in a lighthouse:\n");
    let told = night(Teller { aloud: true })?;
    let again = night(Teller { aloud: false })?;
    assert_eq!(told, again, "a run is its seed");
    println!("\nThe same night again has the same digest, {told}.");
    Ok(())
}
