//! What the benches of all layers share: measuring something beside its peers, and saying how they compare.
//!
//! Criterion samples and judges; on top of it, [`Suite`] remembers every result and closes with a table of ratios,
//! because on a shared machine only numbers from the same run can be compared.

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};

/// All benches of one layer, in one run.
pub struct Suite {
    criterion: Criterion,
    comparisons: Vec<Comparison>,
}

/// One thing that was measured, ours and others'.
struct Comparison {
    name: String,
    goal: Option<Goal>,
    results: Vec<Outcome>,
}

/// What one implementation took.
struct Outcome {
    implementation: String,
    nanos: f64,
}

/// What a result of ours is to reach.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// At most so many nanoseconds an iteration.
    Nanos(f64),
    /// At least so many gigabytes a second, with so many bytes an iteration.
    GigabytesPerSecond(f64, u64),
}

/// The name under which our own implementation is measured.
pub const OURS: &str = "ironloom";

impl Suite {
    /// A suite that follows the arguments after `cargo bench --`.
    #[must_use]
    pub fn from_args() -> Self {
        let criterion = Criterion::default()
            .sample_size(20)
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(2))
            .configure_from_args();
        Self { criterion, comparisons: Vec::new() }
    }

    /// Begins measuring one thing; what is [`run`](Compare::run) next is measured under its name.
    pub fn compare(&mut self, name: &str, goal: Option<Goal>) -> Compare<'_> {
        self.comparisons.push(Comparison { name: name.to_owned(), goal, results: Vec::new() });
        Compare { index: self.comparisons.len() - 1, suite: self, bytes: None }
    }

    /// Prints what was found, ours against the others and against the goals.
    pub fn finish(&mut self) {
        println!("\n{:<46} {:>12} {:>24}   beside peers (their time / ours)", "what", "ours", "goal");
        for comparison in self.comparisons.iter().filter(|comparison| !comparison.results.is_empty()) {
            println!("{}", comparison.row());
        }
        self.criterion.final_summary();
    }
}

impl std::fmt::Debug for Suite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Suite").field("comparisons", &self.comparisons.len()).finish_non_exhaustive()
    }
}

/// One thing being measured.
#[derive(Debug)]
pub struct Compare<'a> {
    suite: &'a mut Suite,
    /// Which of the suite's comparisons this is.
    index: usize,
    bytes: Option<u64>,
}

impl Compare<'_> {
    /// Shows throughput too, for so many bytes an iteration.
    pub fn bytes(&mut self, bytes: u64) -> &mut Self {
        self.bytes = Some(bytes);
        self
    }

    /// Measures an implementation. `setup` makes what it works on, once and only if it is to run;
    /// `routine` is one iteration.
    pub fn run<S>(
        &mut self,
        implementation: &str,
        setup: impl FnOnce() -> S,
        mut routine: impl FnMut(&mut S),
    ) -> &mut Self {
        self.run_many(implementation, setup, |state, iterations| {
            timed(|| (0..iterations).for_each(|_| routine(state)))
        })
    }

    /// Like [`run`](Compare::run), for a routine that runs so many iterations itself and says how long they took.
    pub fn run_many<S>(
        &mut self,
        implementation: &str,
        setup: impl FnOnce() -> S,
        mut routine: impl FnMut(&mut S, u64) -> Duration,
    ) -> &mut Self {
        let comparison = &mut self.suite.comparisons[self.index];
        let mut group = self.suite.criterion.benchmark_group(comparison.name.clone());
        if let Some(bytes) = self.bytes {
            group.throughput(Throughput::Bytes(bytes));
        }
        let (mut setup, mut state) = (Some(setup), None);
        let mut samples: Vec<(u64, f64)> = Vec::new();
        group.bench_function(implementation, |bencher| {
            let state = match (&mut state, setup.take()) {
                (Some(state), _) => state,
                (empty, Some(setup)) => empty.insert(setup()),
                (None, None) => unreachable!("the setup is taken when the state is made"),
            };
            bencher.iter_custom(|iterations| {
                let took = routine(state, iterations);
                samples.push((iterations, took.as_nanos() as f64 / iterations as f64));
                took
            });
        });
        group.finish();
        if let Some(nanos) = typical(&samples) {
            comparison.results.push(Outcome { implementation: implementation.to_owned(), nanos });
        }
        self
    }
}

/// The median over the samples, without those so short that they only warmed things up.
fn typical(samples: &[(u64, f64)]) -> Option<f64> {
    let longest = samples.iter().map(|(iterations, _)| *iterations).max()?;
    let mut nanos: Vec<f64> = samples
        .iter()
        .filter(|(iterations, _)| *iterations >= longest / 8)
        .map(|(_, nanos)| *nanos)
        .collect();
    nanos.sort_unstable_by(f64::total_cmp);
    Some(nanos[nanos.len() / 2])
}

/// How long something takes.
#[expect(clippy::disallowed_methods, reason = "benches measure the host's time")]
pub fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

impl Comparison {
    fn row(&self) -> String {
        let ours = self.results.iter().find(|result| result.implementation == OURS);
        let others = self.results.iter().filter(|result| result.implementation != OURS);
        let Some(ours) = ours else {
            let times: Vec<String> =
                others.map(|other| format!("{} {}", other.implementation, show(other.nanos))).collect();
            return format!("{:<46} {}", self.name, times.join(", "));
        };
        let ratios: Vec<String> = others
            .map(|other| format!("{} {:.2}×", other.implementation, other.nanos / ours.nanos))
            .collect();
        let goal = self.goal.map_or_else(String::new, |goal| goal.verdict(ours.nanos));
        format!("{:<46} {:>12} {:>24}   {}", self.name, show(ours.nanos), goal, ratios.join(", "))
    }
}

impl Goal {
    fn verdict(self, nanos: f64) -> String {
        let (text, reached) = match self {
            Self::Nanos(most) => (format!("≤ {}", show(most)), nanos <= most),
            Self::GigabytesPerSecond(least, bytes) => {
                let found = bytes as f64 / nanos;
                (format!("≥ {least:.1} GB/s ({found:.1})"), found >= least)
            }
        };
        format!("{text} {}", if reached { "reached" } else { "MISSED" })
    }
}

/// A time as a person reads it.
fn show(nanos: f64) -> String {
    match nanos {
        nanos if nanos < 1e3 => format!("{nanos:.2} ns"),
        nanos if nanos < 1e6 => format!("{:.2} µs", nanos / 1e3),
        nanos => format!("{:.2} ms", nanos / 1e6),
    }
}
