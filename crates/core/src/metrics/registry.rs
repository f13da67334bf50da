//! [`Registry`]: the metrics of one embedder, by name and labels.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use thiserror::Error;

use super::{Counter, Gauge, Histogram, export};

/// What the values of a [`Histogram`] are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// Nanoseconds, exported as seconds under a name that ends in `_seconds`.
    Nanoseconds,
    /// Bytes, exported under a name that ends in `_bytes`.
    Bytes,
    /// Things.
    Count,
}

impl Unit {
    const fn suffix(self) -> &'static str {
        match self {
            Self::Nanoseconds => "_seconds",
            Self::Bytes => "_bytes",
            Self::Count => "",
        }
    }
}

/// Labels and their values, in order of the labels.
pub(super) type Labels = BTreeMap<&'static str, String>;

#[derive(Debug, Clone)]
pub(super) enum Instrument {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(Histogram, Unit),
}

impl Instrument {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Counter(_) => "counter",
            Self::Gauge(_) => "gauge",
            Self::Histogram(_, Unit::Nanoseconds) => "histogram of nanoseconds",
            Self::Histogram(_, Unit::Bytes) => "histogram of bytes",
            Self::Histogram(_, Unit::Count) => "histogram of counts",
        }
    }
}

/// All series of one name, which differ in their labels.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) help: &'static str,
    /// Never empty; all of one kind.
    pub(super) series: BTreeMap<Labels, Instrument>,
}

/// The metrics of one embedder. Clones are the same registry.
///
/// ```
/// use ironloom_core::metrics::Registry;
///
/// let registry = Registry::new(10_000);
/// let net = registry.scope("ironloom_net");
/// let dropped = net.with("router", "edge").counter("frames_dropped", "Frames that found their queue full.")?;
/// dropped.add(3);
/// assert!(registry.openmetrics().contains("ironloom_net_frames_dropped_total{router=\"edge\"} 3\n"));
/// # Ok::<(), ironloom_core::metrics::MetricError>(())
/// ```
#[derive(Clone)]
pub struct Registry {
    families: Arc<Mutex<BTreeMap<String, Family>>>,
    series_max: usize,
}

impl Registry {
    /// An empty registry for at most `series_max` combinations of name and labels.
    #[must_use]
    pub fn new(series_max: usize) -> Self {
        Self { families: Arc::default(), series_max }
    }

    /// A part of this registry in which every name begins with `prefix` and an underscore.
    #[must_use]
    pub fn scope(&self, prefix: &'static str) -> Scope {
        Scope { registry: self.clone(), prefix, labels: Labels::new() }
    }

    /// Removes every series that carries this label: its subject is gone.
    ///
    /// Instruments that are still held go on counting, unseen. It looks at every series once, so forget a subject when it
    /// is gone for good, not when it pauses.
    pub fn forget(&self, label: &str, value: &str) {
        let mut families = self.families.lock();
        for family in families.values_mut() {
            family.series.retain(|labels, _| labels.get(label).is_none_or(|found| found != value));
        }
        families.retain(|_, family| !family.series.is_empty());
    }

    /// All metrics in the text format of OpenMetrics, ordered by name and labels.
    #[must_use]
    pub fn openmetrics(&self) -> String {
        export::openmetrics(&self.families.lock())
    }

    /// The instrument of this name and these labels, made if there is none.
    fn instrument(
        &self,
        name: String,
        labels: &Labels,
        help: &'static str,
        made: Instrument,
    ) -> Result<Instrument, MetricError> {
        let mut families = self.families.lock();
        let series: usize = families.values().map(|family| family.series.len()).sum();
        if let Some(family) = families.get(&name) {
            let any = family.series.values().next().expect("a family is never empty");
            if any.kind() != made.kind() {
                return Err(MetricError::Kind { name, existing: any.kind(), wanted: made.kind() });
            }
            if let Some(existing) = family.series.get(labels) {
                return Ok(existing.clone());
            }
        }
        if series >= self.series_max {
            return Err(MetricError::TooMany { name, series_max: self.series_max });
        }
        let family = families.entry(name).or_insert_with(|| Family { help, series: BTreeMap::new() });
        Ok(family.series.entry(labels.clone()).or_insert(made).clone())
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let families = self.families.lock();
        f.debug_struct("Registry")
            .field("families", &families.len())
            .field("series_max", &self.series_max)
            .finish()
    }
}

/// A part of a [`Registry`] with a prefix for names and labels for every series.
///
/// Asking twice for the same name and labels gives the same instrument.
#[derive(Debug, Clone)]
pub struct Scope {
    registry: Registry,
    prefix: &'static str,
    labels: Labels,
}

impl Scope {
    /// This scope with one more label, or with another value for one it has.
    #[must_use]
    pub fn with(&self, label: &'static str, value: impl Into<String>) -> Self {
        let mut scope = self.clone();
        scope.labels.insert(label, value.into());
        scope
    }

    /// A counter; `help` is a sentence that says what it counts.
    ///
    /// # Errors
    ///
    /// If the name is taken by another kind or malformed, or the registry is full.
    pub fn counter(&self, name: &str, help: &'static str) -> Result<Counter, MetricError> {
        match self.instrument(name, help, Instrument::Counter(Counter::new()))? {
            Instrument::Counter(counter) => Ok(counter),
            other => unreachable!("the registry gave a {}", other.kind()),
        }
    }

    /// A gauge; `help` is a sentence that says what it shows.
    ///
    /// # Errors
    ///
    /// If the name is taken by another kind or malformed, or the registry is full.
    pub fn gauge(&self, name: &str, help: &'static str) -> Result<Gauge, MetricError> {
        match self.instrument(name, help, Instrument::Gauge(Gauge::new()))? {
            Instrument::Gauge(gauge) => Ok(gauge),
            other => unreachable!("the registry gave a {}", other.kind()),
        }
    }

    /// A histogram of values in `unit`; `help` is a sentence that says what is measured.
    ///
    /// # Errors
    ///
    /// If the name is taken by another kind or malformed, or the registry is full.
    pub fn histogram(&self, name: &str, help: &'static str, unit: Unit) -> Result<Histogram, MetricError> {
        let name = format!("{name}{}", unit.suffix());
        match self.instrument(&name, help, Instrument::Histogram(Histogram::new(), unit))? {
            Instrument::Histogram(histogram, _) => Ok(histogram),
            other => unreachable!("the registry gave a {}", other.kind()),
        }
    }

    fn instrument(
        &self,
        name: &str,
        help: &'static str,
        made: Instrument,
    ) -> Result<Instrument, MetricError> {
        let name = format!("{}_{name}", self.prefix);
        if RESERVED_SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) || help.contains('\n') {
            return Err(MetricError::Reserved { name });
        }
        if let Some(&reserved) = self.labels.keys().find(|label| RESERVED_LABELS.contains(label)) {
            return Err(MetricError::Reserved { name: reserved.to_owned() });
        }
        if let Some(&malformed) = self.labels.keys().find(|label| !is_name(label)) {
            return Err(MetricError::Name { name: malformed.to_owned() });
        }
        if !is_name(&name) {
            return Err(MetricError::Name { name });
        }
        self.registry.instrument(name, &self.labels, help, made)
    }
}

/// What the exposition appends to names; a name that ends like this could be two metrics at once.
const RESERVED_SUFFIXES: [&str; 6] = ["_total", "_count", "_sum", "_bucket", "_created", "_info"];

/// The labels that the exposition itself gives to series.
const RESERVED_LABELS: [&str; 2] = ["le", "quantile"];

/// Whether OpenMetrics allows this as the name of a metric or label.
fn is_name(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Why a metric could not be registered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MetricError {
    /// The name belongs to something else.
    #[error("`{name}` is a {existing} and cannot be a {wanted} too: choose another name")]
    Kind {
        /// The name with its prefix.
        name: String,
        /// What it is.
        existing: &'static str,
        /// What it was to be.
        wanted: &'static str,
    },
    /// The name of the metric or of a label is not one that OpenMetrics allows.
    #[error(
        "`{name}` is no name for a metric or label: use letters, digits and underscores, not beginning with a digit"
    )]
    Name {
        /// The name that was refused.
        name: String,
    },
    /// The name or label has a meaning in the exposition, or the help would break its line.
    #[error(
        "`{name}` would be misread: avoid the suffixes {RESERVED_SUFFIXES:?}, the labels {RESERVED_LABELS:?}, and line breaks in the help"
    )]
    Reserved {
        /// The name or label that was refused.
        name: String,
    },
    /// There are as many series as there may be.
    #[error("`{name}` would be one series too many: series_max is {series_max}; is a label unbounded?")]
    TooMany {
        /// The name with its prefix.
        name: String,
        /// How many series there may be.
        series_max: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_and_labels_are_the_same_instrument() {
        let scope = Registry::new(10).scope("test");
        scope.counter("hits", "Hits.").unwrap().add(1);
        scope.counter("hits", "Hits.").unwrap().add(1);
        scope.with("at", "door").counter("hits", "Hits.").unwrap().add(5);
        assert_eq!(scope.counter("hits", "Hits.").unwrap().value(), 2);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let registry = Registry::new(1);
        let scope = registry.scope("test");
        scope.counter("hits", "Hits.").unwrap();
        assert!(matches!(scope.gauge("hits", "Hits."), Err(MetricError::Kind { existing: "counter", .. })));
        assert!(matches!(scope.gauge("a b", "Space."), Err(MetricError::Name { .. })));
        assert!(matches!(registry.scope("9").gauge("x", "Digit."), Err(MetricError::Name { .. })));
        assert!(matches!(scope.with("a-b", "").gauge("x", "Dash."), Err(MetricError::Name { .. })));
        for (name, help) in [("hits_total", "Hits."), ("hits_count", "Hits."), ("x", "Two\nlines.")] {
            assert!(matches!(scope.gauge(name, help), Err(MetricError::Reserved { .. })), "{name}");
        }
        assert!(matches!(scope.with("le", "1").gauge("x", "X."), Err(MetricError::Reserved { .. })));
        assert!(matches!(scope.gauge("more", "More."), Err(MetricError::TooMany { series_max: 1, .. })));
        assert!(scope.counter("hits", "Hits.").is_ok(), "a full registry still knows what it has");
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let registry = Registry::new(2);
        let scope = registry.scope("test");
        let stay = scope.with("machine", "b").counter("hits", "Hits.").unwrap();
        for _ in 0..100 {
            scope.with("machine", "a").counter("hits", "Hits.").unwrap().add(1);
            registry.forget("machine", "a");
        }
        stay.add(7);
        let text = registry.openmetrics();
        assert!(text.contains("machine=\"b\"} 7") && !text.contains("machine=\"a\""), "{text}");
    }
}
