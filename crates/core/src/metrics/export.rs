//! The text format of OpenMetrics, written by the encoder of the Prometheus project.

use std::collections::BTreeMap;

use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::registry::{Family, Instrument, Labels};
use super::{HistogramSnapshot, Unit};

/// All families in the text format.
pub(super) fn openmetrics(families: &BTreeMap<String, Family>) -> String {
    let rows = families.iter().map(|(name, family)| Row::of(name, family)).collect();
    let mut registry = prometheus_client::registry::Registry::default();
    registry.register_collector(Box::new(Collected(rows)));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("a string takes any text");
    text
}

/// One family as it was when it was looked at. The encoder keeps what it is given, so it is given a copy.
#[derive(Debug)]
struct Row {
    name: String,
    help: &'static str,
    series: Vec<(Vec<(&'static str, String)>, Value)>,
}

#[derive(Debug)]
enum Value {
    Counter(u64),
    Gauge(i64),
    Histogram { sum: f64, count: u64, buckets: Vec<(f64, u64)> },
}

impl Row {
    fn of(name: &str, family: &Family) -> Self {
        let owned = |labels: &Labels| labels.iter().map(|(label, value)| (*label, value.clone())).collect();
        let series = family.series.iter().map(|(labels, instrument)| (owned(labels), Value::of(instrument)));
        Self { name: name.to_owned(), help: family.help, series: series.collect() }
    }
}

impl Value {
    fn of(instrument: &Instrument) -> Self {
        match instrument {
            Instrument::Counter(counter) => Self::Counter(counter.value()),
            Instrument::Gauge(gauge) => Self::Gauge(gauge.value()),
            Instrument::Histogram(histogram, unit) => Self::histogram(&histogram.snapshot(), *unit),
        }
    }

    /// A coarse picture of the histogram, whose bounds are the same in every export as Prometheus needs it.
    fn histogram(snapshot: &HistogramSnapshot, unit: Unit) -> Self {
        let (per_unit, octaves) = match unit {
            Unit::Nanoseconds => (1e9, 8..40), // 256 ns to 18 minutes
            Unit::Bytes | Unit::Count => (1.0, 0..40),
        };
        let mut buckets = Vec::new();
        let mut counted = 0;
        for octave in octaves {
            let below = snapshot.count_below(1 << octave);
            // Values are whole numbers, so "at most one less" is "below".
            buckets.push((((1u64 << octave) - 1) as f64 / per_unit, below - counted));
            counted = below;
        }
        buckets.push((f64::INFINITY, snapshot.count() - counted));
        Self::Histogram { sum: snapshot.sum() as f64 / per_unit, count: snapshot.count(), buckets }
    }

    fn encode(&self, metric: &mut MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        match self {
            Self::Counter(value) => metric.encode_counter::<NoLabelSet, _, u64>(value, None),
            Self::Gauge(value) => metric.encode_gauge(value),
            Self::Histogram { sum, count, buckets } => {
                metric.encode_histogram::<NoLabelSet>(*sum, *count, buckets, None)
            }
        }
    }

    const fn metric_type(&self) -> MetricType {
        match self {
            Self::Counter(_) => MetricType::Counter,
            Self::Gauge(_) => MetricType::Gauge,
            Self::Histogram { .. } => MetricType::Histogram,
        }
    }
}

#[derive(Debug)]
struct Collected(Vec<Row>);

impl prometheus_client::collector::Collector for Collected {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for Row { name, help, series } in &self.0 {
            let metric_type = series[0].1.metric_type();
            let mut metric = encoder.encode_descriptor(name, help, None, metric_type)?;
            for (labels, value) in series {
                if labels.is_empty() {
                    value.encode(&mut metric)?; // or the encoder would write an empty pair of braces
                } else {
                    value.encode(&mut metric.encode_family(labels)?)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Registry, Unit};

    #[test]
    fn the_text_is_ordered_and_complete() {
        let registry = Registry::new(100);
        let scope = registry.scope("test");
        scope.gauge("machines", "Machines that run.").unwrap().set(-2);
        scope.with("at", "b").counter("hits", "Hits.").unwrap().add(2);
        scope.with("at", "a\"\n").counter("hits", "Hits.").unwrap().add(1);
        let expected = "# HELP test_hits Hits.\n\
             # TYPE test_hits counter\n\
             test_hits_total{at=\"a\\\"\\n\"} 1\n\
             test_hits_total{at=\"b\"} 2\n\
             # HELP test_machines Machines that run.\n\
             # TYPE test_machines gauge\n\
             test_machines -2\n\
             # EOF\n";
        assert_eq!(registry.openmetrics(), expected);
    }

    #[test]
    fn histograms_are_cumulative_and_in_base_units() {
        let registry = Registry::new(100);
        let latency = registry.scope("test").histogram("latency", "Latency.", Unit::Nanoseconds).unwrap();
        [100, 255, 256, 1_000_000_000, u64::MAX / 2].into_iter().for_each(|nanos| latency.record(nanos));
        let text = registry.openmetrics();
        for line in [
            "# TYPE test_latency_seconds histogram",
            "test_latency_seconds_count 5",
            "test_latency_seconds_bucket{le=\"2.55e-7\"} 2",
            "test_latency_seconds_bucket{le=\"5.11e-7\"} 3",
            "test_latency_seconds_bucket{le=\"1.073741823\"} 4",
            "test_latency_seconds_bucket{le=\"+Inf\"} 5",
        ] {
            assert!(text.lines().any(|found| found == line), "no `{line}` in\n{text}");
        }
    }
}
