//! [`Reason`]: what a suspicion rests on.

use std::f64::consts::LN_10;
use std::fmt;

use ironloom_core::{Duration, Instant};

use super::DetectorConfig;
use super::history::History;
use crate::cluster::HostId;

/// What a suspicion rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reason {
    /// Who is suspected, or not.
    pub host: HostId,
    /// When it was heard of last, or later by as much as this process was stopped since.
    pub heard: Instant,
    /// For how long it has been silent.
    pub silence: Duration,
    /// How long it usually takes from one time to the next.
    pub mean: Duration,
    /// By how much that varies.
    pub deviation: Duration,
    /// How much it is suspected.
    pub suspicion: f64,
    /// From where on it is suspect.
    pub threshold: f64,
    /// After how long a silence it is suspect anyway.
    pub silence_max: Duration,
}

impl Reason {
    pub(super) fn new(host: HostId, history: &History, config: &DetectorConfig, now: Instant) -> Self {
        let (mean, deviation) = history.usual().unwrap_or((config.interval, config.deviation_min));
        let deviation = deviation.max(config.deviation_min).max(Duration::from_nanos(1));
        let silence = history.silence(now);
        let beyond = silence.saturating_sub(mean).saturating_sub(config.tolerance);
        let deviations = beyond.as_nanos() as f64 / deviation.as_nanos() as f64;
        // What the logistic approximation makes of the tail of a normal distribution, where the tail is thin.
        let suspicion = deviations * (1.5976 + 0.070_566 * deviations * deviations) / LN_10;
        let (threshold, silence_max) = (config.threshold, config.silence_max);
        Self { host, heard: history.last(), silence, mean, deviation, suspicion, threshold, silence_max }
    }

    /// Whether the host must be taken to be dead.
    #[must_use]
    pub fn is_suspect(&self) -> bool {
        self.suspicion >= self.threshold || self.silence >= self.silence_max
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, silence, mean, deviation, suspicion, threshold, .. } = self;
        write!(
            f,
            "{host} has been silent for {silence}, is usually heard of every {mean} give or take {deviation}: "
        )?;
        write!(f, "suspicion {suspicion:.1} of {threshold:.1}")
    }
}
