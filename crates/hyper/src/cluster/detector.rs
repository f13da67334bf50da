//! [`Detector`]: how much a host that is not heard of is to be suspected of being dead.
//!
//! After Hayashibara et al., "The φ accrual failure detector" (2004): a host is expected to be heard of as regularly as
//! it was lately, and the suspicion grows with the time for which it is silent beyond that. A suspicion of 8 means that
//! of 10⁸ such silences one ends. The distribution's tail is the logistic approximation that is usual, kept to
//! multiplications, so that every platform suspects at the same nanosecond.
//!
//! A process that was stopped itself has heard of nobody. It notices because it comes late to its own
//! [`tick`](Detector::tick), and blames nobody for that time.

mod history;
mod reason;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use ironloom_core::{Duration, Instant};

use crate::cluster::{HostId, HostSet};
use history::History;

pub use reason::Reason;

/// When a host is suspected.
#[derive(Debug, Clone)]
pub struct DetectorConfig {
    /// How often a host is to be heard of; what is expected until it was heard of often enough to know.
    pub interval: Duration,
    /// How many times are remembered for each host.
    pub window: usize,
    /// The suspicion from which on a host is suspect.
    pub threshold: f64,
    /// How long any host may be silent beyond what is usual for it without being suspected at all.
    pub tolerance: Duration,
    /// How irregular a host is taken to be at least.
    pub deviation_min: Duration,
    /// After how long a silence a host is suspect however irregular it is.
    pub silence_max: Duration,
    /// By how much a tick must come late to mean that this process was stopped.
    pub pause_min: Duration,
}

impl Default for DetectorConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(50),
            window: 64,
            threshold: 8.0,
            tolerance: Duration::from_millis(200),
            deviation_min: Duration::from_millis(50),
            silence_max: Duration::from_secs(3),
            pause_min: Duration::from_millis(200),
        }
    }
}

/// How much each of some hosts is to be suspected of being dead.
///
/// ```
/// use ironloom_core::{Duration, Instant};
/// use ironloom_hyper::cluster::HostId;
/// use ironloom_hyper::cluster::detector::{Detector, DetectorConfig};
///
/// let at = |millis| Instant::ZERO.saturating_add(Duration::from_millis(millis));
/// let (mut detector, host) = (Detector::new(DetectorConfig::default(), at(0)), HostId::new(1).unwrap());
/// for millis in (0..1_000).step_by(50) {
///     detector.tick(at(millis));
///     detector.heard(host, at(millis));
/// }
/// assert!(!detector.is_suspect(host, at(1_200)));
/// assert!(detector.is_suspect(host, at(1_900)));
/// ```
#[derive(Debug)]
pub struct Detector {
    config: DetectorConfig,
    hosts: BTreeMap<HostId, History>,
    ticked: Instant,
}

impl Detector {
    /// One that knows no host yet.
    ///
    /// # Panics
    ///
    /// If it is to remember nothing.
    #[must_use]
    pub const fn new(config: DetectorConfig, now: Instant) -> Self {
        assert!(config.window > 0, "a detector remembers something");
        Self { config, hosts: BTreeMap::new(), ticked: now }
    }

    /// A host was heard of, or is to be from now on.
    pub fn heard(&mut self, host: HostId, now: Instant) {
        let window = self.config.window;
        self.hosts.entry(host).or_insert_with(|| History::new(now)).heard(now, window);
    }

    /// A host is not to be heard of any more.
    pub fn forget(&mut self, host: HostId) {
        self.hosts.remove(&host);
    }

    /// To be called once every interval; for how long this process was stopped, if it was.
    pub fn tick(&mut self, now: Instant) -> Option<Duration> {
        let passed = now.saturating_since(self.ticked);
        self.ticked = self.ticked.max(now);
        let late = passed.saturating_sub(self.config.interval);
        if late < self.config.pause_min {
            return None;
        }
        for history in self.hosts.values_mut() {
            history.forgive(late, now);
        }
        Some(late)
    }

    /// How much a host is suspected; not at all if nothing is expected of it.
    #[must_use]
    pub fn suspicion(&self, host: HostId, now: Instant) -> f64 {
        self.reason(host, now).map_or(0.0, |reason| reason.suspicion)
    }

    /// Whether a host is suspected so much that it must be taken to be dead.
    #[must_use]
    pub fn is_suspect(&self, host: HostId, now: Instant) -> bool {
        self.reason(host, now).is_some_and(|reason| reason.is_suspect())
    }

    /// All who are.
    #[must_use]
    pub fn suspects(&self, now: Instant) -> HostSet {
        self.hosts.keys().copied().filter(|host| self.is_suspect(*host, now)).collect()
    }

    /// What a suspicion rests on; `None` if nothing is expected of the host.
    #[must_use]
    pub fn reason(&self, host: HostId, now: Instant) -> Option<Reason> {
        Some(Reason::new(host, self.hosts.get(&host)?, &self.config, now))
    }
}
