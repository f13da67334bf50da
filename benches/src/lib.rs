//! What the benches of all layers share: measuring something beside its peers, and saying how they compare.
//!
//! Criterion samples and judges; on top of it, [`Suite`] remembers every result and closes with a table of ratios,
//! because on a shared machine only numbers from the same run can be compared.

mod arguments;
mod table;

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};

use arguments::Arguments;
use table::{Comparison, Outcome};
pub use table::{Goal, LIMIT, OURS, Unit};

/// All benches of one layer, in one run.
pub struct Suite {
    criterion: Criterion,
    arguments: Arguments,
    comparisons: Vec<Comparison>,
}

impl Suite {
    /// A suite that follows the arguments after `cargo bench --`.
    #[must_use]
    pub fn from_args() -> Self {
        let criterion = Criterion::default()
            .sample_size(20)
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(2))
            .configure_from_args();
        Self { criterion, arguments: Arguments::new(std::env::args().skip(1)), comparisons: Vec::new() }
    }

    /// Whether the caller is content with short runs.
    #[must_use]
    pub fn is_quick(&self) -> bool {
        self.arguments.quick
    }

    /// Begins measuring how long something takes; what is [`run`](Compare::run) next is measured under its name.
    pub fn compare(&mut self, name: &str, goals: impl IntoIterator<Item = Goal>) -> Compare<'_> {
        self.compare_values(name, Unit::Nanos, goals)
    }

    /// Begins comparing values that are found in another way than by timing; see [`Compare::value`].
    pub fn compare_values(
        &mut self,
        name: &str,
        unit: Unit,
        goals: impl IntoIterator<Item = Goal>,
    ) -> Compare<'_> {
        let goals = goals.into_iter().collect();
        self.comparisons.push(Comparison { name: name.to_owned(), unit, goals, results: Vec::new() });
        Compare { index: self.comparisons.len() - 1, suite: self, bytes: None, parts: 1 }
    }

    /// Whether something of this name is to be measured; needed only where [`Compare`] cannot see to it.
    #[must_use]
    pub fn selects(&self, name: &str) -> bool {
        self.arguments.selects(name)
    }

    /// Prints what was found, ours against the others and against the goals.
    pub fn finish(&mut self) {
        println!("\n{:<46} {:>12} {:>24}   beside peers (above 1: ours is better)", "what", "ours", "goal");
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
    /// How many of the thing one iteration does.
    parts: u64,
}

impl Compare<'_> {
    /// Shows throughput too, for so many bytes an iteration.
    pub fn bytes(&mut self, bytes: u64) -> &mut Self {
        self.bytes = Some(bytes);
        self
    }

    /// Says how many of the thing one iteration of what is run next does; the table shows the time of one.
    pub fn parts(&mut self, parts: u64) -> &mut Self {
        self.parts = parts;
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
        if self.parts > 1 {
            // Long iterations: as few samples as criterion takes.
            group.throughput(Throughput::Elements(self.parts)).sample_size(10);
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
            let value = nanos / self.parts as f64;
            comparison.results.push(Outcome { implementation: implementation.to_owned(), value });
        }
        self
    }

    /// Records what was found for an implementation. `measure` is called only if it is asked for.
    pub fn value(&mut self, implementation: &str, measure: impl FnOnce() -> f64) -> &mut Self {
        let comparison = &self.suite.comparisons[self.index];
        if self.suite.arguments.selects(&format!("{}/{implementation}", comparison.name)) {
            self.found(implementation, measure());
        }
        self
    }

    /// Records what was already found for an implementation.
    pub fn found(&mut self, implementation: &str, value: f64) -> &mut Self {
        let comparison = &mut self.suite.comparisons[self.index];
        comparison.results.push(Outcome { implementation: implementation.to_owned(), value });
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
pub fn timed(work: impl FnOnce()) -> Duration {
    let start = now();
    work();
    now() - start
}

/// The present, on the host's clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "benches measure the host's time")]
pub fn now() -> Instant {
    Instant::now()
}
