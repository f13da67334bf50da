//! [`RoundTrip`]: how long answers take, and so how long they are waited for (RFC 6298).

use ironloom_core::Duration;

use super::Config;

/// The smoothed round-trip time and how much it varies, in microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RoundTrip {
    /// Eight times the mean, so that its fractions are kept; 0 before the first sample.
    smoothed: u32,
    /// Four times the mean deviation.
    variation: u32,
}

/// What is measured is taken to be at most this.
const SAMPLE_MICROS_MAX: u64 = 60_000_000;

impl RoundTrip {
    /// Takes a sample.
    pub(super) fn sample(&mut self, time: Duration) {
        let micros = (time.as_nanos() / 1_000).clamp(1, SAMPLE_MICROS_MAX) as u32;
        if self.smoothed == 0 {
            self.smoothed = micros << 3;
            self.variation = micros << 1;
            return;
        }
        let deviation = (self.smoothed >> 3).abs_diff(micros);
        self.variation = self.variation - (self.variation >> 2) + deviation;
        self.smoothed = self.smoothed - (self.smoothed >> 3) + micros;
    }

    /// The mean, if there was a sample.
    pub(super) fn mean(&self) -> Option<Duration> {
        (self.smoothed > 0).then(|| Duration::from_micros(u64::from(self.smoothed >> 3)))
    }

    /// How long an answer is waited for, after so many times in vain.
    pub(super) fn timeout(&self, config: &Config, in_vain: u8) -> Duration {
        let first = if self.smoothed == 0 {
            config.initial_timeout
        } else {
            let micros = u64::from(self.smoothed >> 3) + u64::from(self.variation.max(1));
            Duration::from_micros(micros).max(config.retransmit_min)
        };
        first.saturating_mul(1 << in_vain.min(16)).min(config.retransmit_max.max(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_the_mean_and_four_deviations() {
        let config = Config { retransmit_min: Duration::from_millis(1), ..Config::default() };
        let mut time = RoundTrip::default();
        assert_eq!(time.timeout(&config, 0), Duration::from_secs(1));
        time.sample(Duration::from_millis(100));
        assert_eq!(time.timeout(&config, 0), Duration::from_millis(300));
        for _ in 0..100 {
            time.sample(Duration::from_millis(100));
        }
        let settled = time.timeout(&config, 0);
        assert!((100..102).contains(&settled.as_millis()), "{settled}");
        assert_eq!(time.timeout(&config, 3), settled.saturating_mul(8));
        assert_eq!(time.timeout(&config, 200), Duration::from_secs(60));
    }

    #[test]
    fn takes_any_sample() {
        let config = Config::default();
        let mut time = RoundTrip::default();
        for sample in [Duration::ZERO, Duration::MAX, Duration::ZERO, Duration::from_nanos(1)] {
            time.sample(sample);
            assert!(time.timeout(&config, 0) >= config.retransmit_min);
        }
    }
}
