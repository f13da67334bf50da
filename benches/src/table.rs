//! The table that closes a run: what was measured, ours beside the others and beside what it is to reach.

/// The name under which our own implementation is measured.
pub const OURS: &str = "ironloom";
/// What the name of something begins with that is no peer but what the machine can do at best.
pub const LIMIT: &str = "limit: ";

/// One thing that was measured, ours and others'.
pub(crate) struct Comparison {
    pub(crate) name: String,
    pub(crate) unit: Unit,
    pub(crate) goals: Vec<Goal>,
    pub(crate) results: Vec<Outcome>,
}

/// What was found for one implementation.
pub(crate) struct Outcome {
    pub(crate) implementation: String,
    pub(crate) value: f64,
}

/// What the values of a comparison are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Times, in nanoseconds; less is better.
    Nanos,
    /// Sizes, in bytes; less is better.
    Bytes,
    /// Shares of what would be ideal, in percent; more is better.
    Percent,
    /// How often something is done in a second; more is better.
    PerSecond,
}

/// What a result of ours is to reach.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// At most so many nanoseconds an iteration.
    Nanos(f64),
    /// At least so many gigabytes a second, with so many bytes an iteration.
    GigabytesPerSecond(f64, u64),
    /// At most so many bytes.
    Bytes(f64),
    /// At least so many percent.
    Percent(f64),
    /// At least so often in a second.
    PerSecond(f64),
    /// At least so many times as good as the named other one in the same run.
    Better(f64, &'static str),
    /// At most so many times what the named other one takes in the same run.
    Times(f64, &'static str),
    /// Better than every peer in the same run.
    Ahead,
}

impl Comparison {
    /// The line of the table.
    pub(crate) fn row(&self) -> String {
        let ours = self.results.iter().find(|result| result.implementation == OURS);
        let others = self.results.iter().filter(|result| result.implementation != OURS);
        let Some(ours) = ours else {
            let values: Vec<String> = others
                .map(|other| format!("{} {}", other.implementation, self.unit.show(other.value)))
                .collect();
            return format!("{:<46} {}", self.name, values.join(", "));
        };
        let ratios: Vec<String> = others
            .map(|other| {
                format!("{} {:.2}×", other.implementation, self.unit.better(ours.value, other.value))
            })
            .collect();
        let goals: Vec<String> =
            self.goals.iter().filter_map(|goal| goal.verdict(ours.value, self)).collect();
        let value = self.unit.show(ours.value);
        format!("{:<46} {value:>12} {:>24}   {}", self.name, goals.join(", "), ratios.join(", "))
    }

    /// What was found for the named implementation.
    fn of(&self, implementation: &str) -> Option<f64> {
        let mut results = self.results.iter();
        results.find(|result| result.implementation == implementation).map(|result| result.value)
    }

    /// The peers: neither ours in any variant, nor limits of the machine.
    fn peers(&self) -> impl Iterator<Item = &Outcome> {
        let ours_or_limit = |name: &str| name.starts_with(OURS) || name.starts_with(LIMIT);
        self.results.iter().filter(move |result| !ours_or_limit(&result.implementation))
    }
}

impl Unit {
    /// A value as a person reads it.
    fn show(self, value: f64) -> String {
        match self {
            Self::Nanos if value < 1e3 => format!("{value:.2} ns"),
            Self::Nanos if value < 1e6 => format!("{:.2} µs", value / 1e3),
            Self::Nanos => format!("{:.2} ms", value / 1e6),
            Self::Bytes => format!("{value:.0} B"),
            Self::Percent => format!("{value:.1} %"),
            Self::PerSecond if value < 1e3 => format!("{value:.1} /s"),
            Self::PerSecond if value < 1e9 => format!("{:.0} k/s", value / 1e3),
            Self::PerSecond => format!("{:.1} G/s", value / 1e9),
        }
    }

    /// How many times better ours is.
    fn better(self, ours: f64, other: f64) -> f64 {
        match self {
            Self::Percent | Self::PerSecond => ours / other,
            Self::Nanos | Self::Bytes => other / ours,
        }
    }
}

impl Goal {
    /// Says whether it is reached; nothing, if what it refers to was not measured.
    fn verdict(self, ours: f64, comparison: &Comparison) -> Option<String> {
        let unit = comparison.unit;
        let (text, reached) = match self {
            Self::Nanos(most) | Self::Bytes(most) => (format!("≤ {}", unit.show(most)), ours <= most),
            Self::Percent(least) | Self::PerSecond(least) => {
                (format!("≥ {}", unit.show(least)), ours >= least)
            }
            Self::Better(least, name) => {
                let times = unit.better(ours, comparison.of(name)?);
                (format!("≥ {least} × {name} ({times:.2})"), times >= least)
            }
            Self::GigabytesPerSecond(least, bytes) => {
                let found = bytes as f64 / ours;
                (format!("≥ {least:.1} GB/s ({found:.1})"), found >= least)
            }
            Self::Times(most, name) => {
                let times = ours / comparison.of(name)?;
                (format!("≤ {most} × {name} ({times:.2})"), times <= most)
            }
            Self::Ahead => {
                let ratios = comparison.peers().map(|peer| unit.better(ours, peer.value));
                ("ahead".to_owned(), ratios.reduce(f64::min)? > 1.0)
            }
        };
        Some(format!("{text} {}", if reached { "reached" } else { "MISSED" }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(unit: Unit, goal: Goal, results: &[(&str, f64)], expect: Option<&str>) {
        let outcome =
            |(name, value): &(&str, f64)| Outcome { implementation: (*name).to_owned(), value: *value };
        let results: Vec<Outcome> = results.iter().map(outcome).collect();
        let comparison = Comparison { name: "it".to_owned(), unit, goals: vec![goal], results };
        let ours = comparison.of(OURS).expect("ours is among the results");
        assert_eq!(goal.verdict(ours, &comparison).as_deref(), expect, "{goal:?}");
    }

    #[test]
    fn goals_are_judged_by_what_was_found() {
        use Unit::{Bytes, Nanos, PerSecond, Percent};
        check(Nanos, Goal::Nanos(60.0), &[(OURS, 59.0)], Some("≤ 60.00 ns reached"));
        check(Nanos, Goal::Nanos(60.0), &[(OURS, 61.0)], Some("≤ 60.00 ns MISSED"));
        check(Bytes, Goal::Bytes(390.0), &[(OURS, 391.0)], Some("≤ 390 B MISSED"));
        check(Percent, Goal::Percent(95.0), &[(OURS, 96.0)], Some("≥ 95.0 % reached"));
        check(PerSecond, Goal::PerSecond(3e5), &[(OURS, 2.9e5)], Some("≥ 300 k/s MISSED"));
    }

    #[test]
    fn goals_that_refer_to_others_need_them() {
        use Unit::{Nanos, Percent};
        let twice = Goal::Times(2.0, "limit: pair");
        check(
            Nanos,
            twice,
            &[(OURS, 190.0), ("limit: pair", 100.0)],
            Some("≤ 2 × limit: pair (1.90) reached"),
        );
        check(Nanos, twice, &[(OURS, 190.0)], None);
        let better = Goal::Better(1.8, "limit: loop");
        check(
            Unit::PerSecond,
            better,
            &[(OURS, 190.0), ("limit: loop", 100.0)],
            Some("≥ 1.8 × limit: loop (1.90) reached"),
        );
        check(Nanos, Goal::Ahead, &[(OURS, 2.0), ("peer", 3.0), ("limit: pair", 1.0)], Some("ahead reached"));
        check(Nanos, Goal::Ahead, &[(OURS, 2.0), ("peer", 3.0), ("other", 1.0)], Some("ahead MISSED"));
        check(Percent, Goal::Ahead, &[(OURS, 96.0), ("peer", 95.0)], Some("ahead reached"));
        check(Nanos, Goal::Ahead, &[(OURS, 2.0), ("limit: pair", 1.0)], None);
    }
}
