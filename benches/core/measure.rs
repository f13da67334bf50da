//! Counters and histograms, uncontended: one writer, in the cache.

use std::hint::black_box;

use ironloom_benches::{Goal, OURS, Suite};
use ironloom_core::metrics::{Counter, Histogram};
use prometheus_client::metrics::histogram::exponential_buckets;

pub(crate) fn benches(suite: &mut Suite) {
    counters(suite);
    histograms(suite);
}

fn counters(suite: &mut Suite) {
    suite
        .compare("core::counter::add/local", Some(Goal::Nanos(2.0)))
        .run(OURS, || Counter::new().local(), |counter| black_box(counter).add(1))
        .run("prometheus-client", prometheus_client::metrics::counter::Counter::<u64>::default, |counter| {
            black_box(counter).inc();
        });
    suite
        .compare("core::counter::add/shared", None)
        .run(OURS, Counter::new, |counter| black_box(counter).add(1))
        .run("prometheus-client", prometheus_client::metrics::counter::Counter::<u64>::default, |counter| {
            black_box(counter).inc();
        });
}

/// Values as latencies are: spread over several powers of two.
fn next(value: &mut u64) -> u64 {
    *value = value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    *value >> 44
}

fn histograms(suite: &mut Suite) {
    let hdr = || hdrhistogram::Histogram::<u64>::new_with_bounds(1, 1 << 40, 2).expect("valid bounds");
    let prometheus =
        || prometheus_client::metrics::histogram::Histogram::new(exponential_buckets(1.0, 2.0, 40));
    suite
        .compare("core::histogram::record/local", Some(Goal::Nanos(10.0)))
        .run(OURS, || (Histogram::new().local(), 1), |(histogram, value)| histogram.record(next(value)))
        .run(
            "hdrhistogram, one thread",
            || (hdr(), 1),
            |(histogram, value)| histogram.saturating_record(next(value)),
        )
        .run(
            "prometheus-client",
            || (prometheus(), 1),
            |(histogram, value)| histogram.observe(next(value) as f64),
        );
    suite
        .compare("core::histogram::record/shared", Some(Goal::Nanos(10.0)))
        .run(OURS, || (Histogram::new(), 1), |(histogram, value)| histogram.record(next(value)))
        .run(
            "prometheus-client",
            || (prometheus(), 1),
            |(histogram, value)| histogram.observe(next(value) as f64),
        );
}
