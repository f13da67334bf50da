//! [`MembersConfig`]: how long hosts wait for each other.

use ironloom_core::{Duration, Instant};

use crate::cluster::link::Incarnation;

/// How long hosts wait for each other. All hosts of a machine need the same `lease`.
#[derive(Debug, Clone)]
pub struct MembersConfig {
    /// Which run of the host this is.
    pub run: Incarnation,
    /// How often a host tells the others that it is there, and repeats what was not confirmed.
    pub beat: Duration,
    /// How long a host may run after it said something that was answered.
    pub lease: Duration,
    /// How long the first hosts of a machine wait for each other.
    pub start_timeout: Duration,
    /// How long a step of an operation may take.
    pub step_timeout: Duration,
    /// How long a host that leaves may take to give away what it holds.
    pub drain_timeout: Duration,
    /// How long who asks for something waits for it.
    pub ask_timeout: Duration,
    /// How many operations may wait.
    pub operations_max: usize,
}

impl MembersConfig {
    /// What suits a few hosts on a network without detours.
    #[must_use]
    pub const fn new(run: Incarnation) -> Self {
        Self {
            run,
            beat: Duration::from_millis(50),
            lease: Duration::from_secs(2),
            start_timeout: Duration::from_secs(20),
            step_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(60),
            ask_timeout: Duration::from_secs(180),
            operations_max: 16,
        }
    }

    /// When no host of a machine runs any more that one host saw stop: its clock may be slower than theirs by a tenth.
    pub(super) const fn fenced(&self, stopped: Instant) -> Instant {
        stopped.saturating_add(self.lease).saturating_add(Duration::from_nanos(self.lease.as_nanos() / 10))
    }
}
