//! What a state costs that has nothing to do: the time that all threads of this program run in half a second.

use std::time::Duration;

use ironloom_benches::{Goal, OURS, Suite, Unit};
use ironloom_state::Roots;

use crate::bench::{Bench, Place};
use crate::pattern::Pattern;
use crate::rounds::Rounds;
use crate::work::Work;

const NAME: &str = "state::idle/time=500ms";
const TIME: Duration = Duration::from_millis(500);
/// The goal is nothing. To look at the clock of every thread costs something itself.
const TOLERANCE: f64 = 1e6;

pub(crate) fn benches(suite: &mut Suite) {
    if !suite.selects(NAME) {
        return;
    }
    println!("{NAME}: measuring");
    let mut rounds = Rounds::default();
    for _ in 0..if suite.is_quick() { 1 } else { 5 } {
        rounds.add(OURS, idle(Some(Place::Disk)));
        rounds.add("ironloom, in memory", idle(Some(Place::Memory)));
        rounds.add("limit: nothing", idle(None));
    }
    let mut compare = suite.compare_values(NAME, Unit::Nanos, [Goal::Nanos(TOLERANCE)]);
    rounds.quantiles(500).for_each(|(name, value)| _ = compare.found(name, value));
}

/// After a thousand small batches.
fn idle(place: Option<Place>) -> f64 {
    let bench = place.map(|place| Bench::new(place, Work::Count, Roots::On));
    if let Some(bench) = &bench {
        bench.settle(Pattern::Zipf.batches(0..10_000, 10));
    }
    sleep(TIME); // what was begun is finished
    let before = ran();
    sleep(TIME);
    ran() - before
}

/// How long all threads of this program have run, in nanoseconds.
fn ran() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").expect("the system tells");
    let times = threads.map(|thread| {
        let path = thread.expect("the system tells").path().join("schedstat");
        // A thread that just ended has no time any more.
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.split_whitespace().next().map_or(0.0, |nanos| nanos.parse().expect("a number"))
    });
    times.sum()
}

#[expect(clippy::disallowed_methods, reason = "the bench watches how nothing happens for a time")]
fn sleep(time: Duration) {
    std::thread::sleep(time);
}
