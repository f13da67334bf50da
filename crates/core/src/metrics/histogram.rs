//! [`Histogram`]: how often which value occurred, over the whole range of 64 bits.
//!
//! Buckets are exact below 16. Above, each power of two is divided into 16, so a bucket is at most 6.25 % wide.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::Duration;

/// Bits of a value, after the leading one, that choose its bucket.
const PRECISION: u32 = 4;
const PER_OCTAVE: usize = 1 << PRECISION;
const BUCKETS: usize = PER_OCTAVE * (u64::BITS - PRECISION + 1) as usize;

const _: () = assert!(bucket(u64::MAX) == BUCKETS - 1);

/// The bucket that a value falls into.
#[inline]
const fn bucket(value: u64) -> usize {
    if value < PER_OCTAVE as u64 {
        return value as usize;
    }
    let octave = value.ilog2() - PRECISION;
    // The leading one of the shifted value adds the octave that is missing here.
    octave as usize * PER_OCTAVE + (value >> octave) as usize
}

/// The values that fall into a bucket.
const fn values(bucket: usize) -> RangeInclusive<u64> {
    if bucket < PER_OCTAVE {
        return bucket as u64..=bucket as u64;
    }
    let octave = bucket / PER_OCTAVE - 1;
    let first = ((bucket % PER_OCTAVE + PER_OCTAVE) as u64) << octave;
    first..=first + ((1 << octave) - 1)
}

/// The distribution of many values, in eight kilobytes. Clones record together.
///
/// ```
/// use ironloom_core::metrics::Histogram;
///
/// let latency = Histogram::new();
/// let mut mine = latency.local(); // for a hot loop
/// for nanos in 1..=1_000 {
///     mine.record(nanos);
/// }
/// let seen = latency.snapshot();
/// assert_eq!(seen.count(), 1_000);
/// assert!((940..=1_000).contains(&seen.quantile(0.99)));
/// ```
#[derive(Clone, Default)]
pub struct Histogram {
    total: Arc<Total>,
}

#[derive(Default)]
struct Total {
    /// What was recorded through the histogram itself, and by locals that are gone and were folded in.
    shared: Buckets,
    /// The buckets of the locals that exist, and of some that are gone.
    locals: Mutex<Vec<Arc<Buckets>>>,
}

impl Total {
    /// Adds what locals recorded that are gone, and forgets them.
    fn fold(&self, locals: &mut Vec<Arc<Buckets>>) {
        locals.retain_mut(|buckets| {
            let Some(buckets) = Arc::get_mut(buckets) else { return true };
            for (to, from) in self.shared.counts.iter().zip(buckets.counts.iter_mut()) {
                to.fetch_add(*from.get_mut(), Ordering::Relaxed);
            }
            self.shared.sum.fetch_add(*buckets.sum.get_mut(), Ordering::Relaxed);
            false
        });
    }
}

struct Buckets {
    counts: Box<[AtomicU64; BUCKETS]>,
    sum: AtomicU64,
}

impl Default for Buckets {
    fn default() -> Self {
        let counts: Box<[AtomicU64]> = (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        Self { counts: counts.try_into().expect("as many as were made"), sum: AtomicU64::new(0) }
    }
}

impl Histogram {
    /// An empty histogram that no registry knows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Records a value, from any thread.
    #[inline]
    pub fn record(&self, value: u64) {
        let buckets = &self.total.shared;
        buckets.counts[bucket(value)].fetch_add(1, Ordering::Relaxed);
        buckets.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Records a duration in nanoseconds, from any thread.
    #[inline]
    pub fn record_duration(&self, duration: Duration) {
        self.record(duration.as_nanos());
    }

    /// A face of this histogram for one writer, several times faster.
    #[must_use]
    pub fn local(&self) -> LocalHistogram {
        let buckets = Arc::new(Buckets::default());
        let mut locals = self.total.locals.lock();
        if locals.len() == locals.capacity() {
            self.total.fold(&mut locals); // before it grows, so that there are never many more than exist
        }
        locals.push(buckets.clone());
        LocalHistogram { buckets }
    }

    /// What was recorded so far, by everybody.
    #[must_use]
    pub fn snapshot(&self) -> HistogramSnapshot {
        let mut snapshot = HistogramSnapshot { counts: vec![0; BUCKETS].into_boxed_slice(), sum: 0 };
        let mut locals = self.total.locals.lock();
        self.total.fold(&mut locals);
        snapshot.add(&self.total.shared);
        locals.iter().for_each(|buckets| snapshot.add(buckets));
        snapshot
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.snapshot(), f)
    }
}

/// A face of a [`Histogram`] that belongs to one writer.
///
/// What it recorded stays in the histogram when it is dropped.
pub struct LocalHistogram {
    buckets: Arc<Buckets>,
}

impl LocalHistogram {
    /// Records a value.
    #[inline]
    pub fn record(&mut self, value: u64) {
        // Nobody else writes these cells, so nothing can come between a load and its store.
        let add = |cell: &AtomicU64, amount: u64| {
            cell.store(cell.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
        };
        add(&self.buckets.counts[bucket(value)], 1);
        add(&self.buckets.sum, value);
    }

    /// Records a duration in nanoseconds.
    #[inline]
    pub fn record_duration(&mut self, duration: Duration) {
        self.record(duration.as_nanos());
    }
}

impl fmt::Debug for LocalHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalHistogram").finish_non_exhaustive()
    }
}

/// What a [`Histogram`] held at one moment.
#[derive(Clone, PartialEq, Eq)]
pub struct HistogramSnapshot {
    counts: Box<[u64]>,
    sum: u64,
}

impl HistogramSnapshot {
    fn add(&mut self, buckets: &Buckets) {
        for (to, from) in self.counts.iter_mut().zip(buckets.counts.iter()) {
            *to += from.load(Ordering::Relaxed);
        }
        self.sum = self.sum.wrapping_add(buckets.sum.load(Ordering::Relaxed));
    }

    /// How many values were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The sum of all values, modulo 2⁶⁴.
    #[must_use]
    pub const fn sum(&self) -> u64 {
        self.sum
    }

    /// The mean of all values; zero if there are none.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.sum as f64 / self.count().max(1) as f64
    }

    /// A value that the fraction `quantile` of all values does not exceed; zero if there are none.
    ///
    /// It is the upper end of a bucket, so it is at most 6.25 % too large.
    ///
    /// # Panics
    ///
    /// If `quantile` is not in `0.0..=1.0`.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> u64 {
        assert!((0.0..=1.0).contains(&quantile), "a quantile of {quantile}");
        let rank = (quantile * self.count() as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let reached = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        reached.map_or(0, |bucket| *values(bucket).end())
    }

    /// The buckets that hold anything: the values that fall into them, and how many did.
    pub fn buckets(&self) -> impl Iterator<Item = (RangeInclusive<u64>, u64)> {
        let occupied = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        occupied.map(|(bucket, count)| (values(bucket), *count))
    }

    /// How many values were below `bound`, which must be a power of two.
    pub(super) fn count_below(&self, bound: u64) -> u64 {
        debug_assert!(bound.is_power_of_two(), "buckets end at powers of two");
        self.counts[..bucket(bound)].iter().sum()
    }
}

impl fmt::Debug for HistogramSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quantile = |quantile| self.quantile(quantile);
        f.debug_struct("Histogram")
            .field("count", &self.count())
            .field("p50", &quantile(0.5))
            .field("p99", &quantile(0.99))
            .field("max", &quantile(1.0))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_tile_the_range_without_gaps() {
        let mut next = Some(0);
        for bucket in 0..BUCKETS {
            let range = values(bucket);
            assert_eq!(Some(*range.start()), next);
            let width = range.end() - range.start() + 1;
            assert!(
                width == 1 || width * PER_OCTAVE as u64 <= *range.start(),
                "{range:?} is wider than a sixteenth"
            );
            next = range.end().checked_add(1);
        }
        assert_eq!(next, None);
    }

    #[test]
    fn an_empty_histogram_says_zero() {
        let seen = Histogram::new().snapshot();
        assert_eq!((seen.count(), seen.quantile(0.99), seen.buckets().count()), (0, 0, 0));
        assert!(seen.mean().abs() < f64::EPSILON);
    }

    #[test]
    fn locals_leave_what_they_recorded() {
        let histogram = Histogram::new();
        let mut local = histogram.local();
        local.record(5);
        let alive = histogram.snapshot();
        drop(local);
        assert_eq!(alive, histogram.snapshot());
        assert_eq!((alive.count(), alive.sum()), (1, 5));
    }

    proptest! {
        #[test]
        fn a_value_falls_into_its_bucket(value: u64, shift in 0..64u32) {
            let value = value >> shift;
            prop_assert!(values(bucket(value)).contains(&value));
        }

        #[test]
        fn quantiles_are_those_of_the_sorted_values(
            mut recorded in prop::collection::vec((0..u64::MAX, 0..60u32).prop_map(|(value, shift)| value >> shift), 1..200),
            quantile in 0.0..=1.0f64,
        ) {
            let histogram = Histogram::new();
            recorded.iter().for_each(|&value| histogram.record(value));
            recorded.sort_unstable();
            let rank = (quantile * recorded.len() as f64).ceil().max(1.0) as usize;
            let exact = recorded[rank - 1];
            let told = histogram.snapshot().quantile(quantile);
            prop_assert!(told >= exact && told - exact <= exact / 16, "told {told}, exactly {exact}");
        }
    }
}
