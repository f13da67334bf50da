//! [`Window`]: how much may be on its way, so that the network is not overrun.

use ironloom_core::{Duration, Instant};

use super::{Config, Congestion};

mod cubic;

use cubic::Epoch;

/// No window is larger than this: what no other side can ask for.
const WINDOW_BYTES_MAX: u32 = 1 << 30;
/// What an idle connection begins with again is at least this many segments.
const LOSS_SEGMENTS_MIN: u32 = 2;

/// How much may be on its way.
#[derive(Debug)]
pub(super) struct Window {
    bytes: u32,
    /// Below it the window doubles each round trip.
    threshold: u32,
    /// What was acknowledged and has not yet made the window larger.
    credit: u32,
    /// Exists from the first loss on, with CUBIC.
    epoch: Option<Box<Epoch>>,
}

/// What was acknowledged, and in which circumstances.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    pub(super) now: Instant,
    /// How many bytes are new.
    pub(super) bytes: u32,
    /// How many bytes were on their way before.
    pub(super) flight: u32,
    pub(super) segment_bytes: u32,
    pub(super) round_trip: Duration,
}

impl Window {
    pub(super) fn new(config: &Config, segment_bytes: u32) -> Self {
        let bytes = match config.congestion {
            Congestion::Unlimited => WINDOW_BYTES_MAX,
            _ => initial(config, segment_bytes),
        };
        Self { bytes, threshold: u32::MAX, credit: 0, epoch: None }
    }

    pub(super) const fn bytes(&self) -> u32 {
        self.bytes
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.epoch.as_ref().map_or(0, |_| size_of::<Epoch>())
    }

    /// Something was acknowledged, and nothing is missing.
    #[inline]
    pub(super) fn grow(&mut self, config: &Config, progress: Progress) {
        if config.congestion == Congestion::Unlimited || !self.was_used(progress) {
            return;
        }
        let Progress { bytes, segment_bytes, .. } = progress;
        if self.bytes < self.threshold {
            let grown = self.bytes.saturating_add(bytes).min(self.threshold).min(WINDOW_BYTES_MAX);
            self.bytes = grown.max(self.bytes);
            return;
        }
        if let Some(epoch) = self.epoch.as_deref_mut().filter(|_| config.congestion == Congestion::Cubic) {
            self.bytes = epoch.grow(self.bytes, progress).min(WINDOW_BYTES_MAX);
            return;
        }
        self.credit = self.credit.saturating_add(bytes);
        if self.credit >= self.bytes {
            self.credit -= self.bytes;
            self.bytes = self.bytes.saturating_add(segment_bytes).min(WINDOW_BYTES_MAX);
        }
    }

    /// Whether so much was on its way that a larger window would have made a difference.
    const fn was_used(&self, progress: Progress) -> bool {
        let Progress { flight, segment_bytes, .. } = progress;
        if self.bytes < self.threshold {
            return flight >= self.bytes / 2;
        }
        let unused = self.bytes / 4;
        flight.saturating_add(if unused > segment_bytes { unused } else { segment_bytes }) >= self.bytes
    }

    /// Something was lost: less is to be on its way from now on.
    pub(super) fn lose(&mut self, config: &Config, flight: u32, segment_bytes: u32) {
        if config.congestion == Congestion::Unlimited {
            return;
        }
        let floor = LOSS_SEGMENTS_MIN * segment_bytes;
        self.threshold = match config.congestion {
            Congestion::Cubic => {
                let epoch = self.epoch.get_or_insert_default();
                epoch.lose(self.bytes, segment_bytes);
                cubic::after_loss(self.bytes.min(flight.max(floor)))
            }
            _ => flight / 2,
        }
        .max(floor);
        self.bytes = self.threshold;
        self.credit = 0;
    }

    /// Nothing was heard for so long that nothing seems to be on its way any more.
    pub(super) fn collapse(&mut self, config: &Config, flight: u32, segment_bytes: u32, is_first: bool) {
        if config.congestion == Congestion::Unlimited {
            return;
        }
        if is_first {
            self.lose(config, flight, segment_bytes);
        }
        self.bytes = segment_bytes;
        self.credit = 0;
    }

    /// Nothing was sent for so long that what was learnt says nothing any more.
    pub(super) fn restart(&mut self, config: &Config, segment_bytes: u32) {
        if config.congestion != Congestion::Unlimited {
            self.threshold = self.threshold.max(self.bytes / 4 * 3);
            self.bytes = self.bytes.min(initial(config, segment_bytes));
            if let Some(epoch) = self.epoch.as_deref_mut() {
                epoch.pause();
            }
        }
    }
}

fn initial(config: &Config, segment_bytes: u32) -> u32 {
    (u32::from(config.initial_segments.max(1)) * segment_bytes).min(WINDOW_BYTES_MAX)
}
