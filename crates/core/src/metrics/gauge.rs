//! [`Gauge`]: how much of something there is.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A number that goes up and down. Clones are the same gauge.
///
/// ```
/// use ironloom_core::metrics::Gauge;
///
/// let machines = Gauge::new();
/// machines.add(3);
/// machines.add(-1);
/// assert_eq!(machines.value(), 2);
/// ```
#[derive(Clone, Default)]
pub struct Gauge {
    value: Arc<AtomicI64>,
}

impl Gauge {
    /// A gauge at zero that no registry knows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises the gauge, or lowers it by a negative amount.
    #[inline]
    pub fn add(&self, amount: i64) {
        self.value.fetch_add(amount, Ordering::Relaxed);
    }

    /// Sets the gauge.
    #[inline]
    pub fn set(&self, value: i64) {
        self.value.store(value, Ordering::Relaxed);
    }

    /// Where it stands.
    #[must_use]
    pub fn value(&self) -> i64 {
        self.value.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gauge({})", self.value())
    }
}
