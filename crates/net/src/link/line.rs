//! [`Line`]: a [`LinkProfile`] made ready for arithmetic.

use ironloom_core::Duration;

use super::{LinkProfile, Loss};

/// A [`LinkProfile`], and what follows from it. Links that are alike share one.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) profile: LinkProfile,
    /// How long a byte takes to be sent, in parts of 2³² of a nanosecond; 0 for no time.
    byte_time: u64,
    /// How long a full queue takes to be sent.
    pub(super) queue_time: u64,
    /// Whether a frame's fate is its latency alone.
    pub(super) is_plain: bool,
    /// Whether a frame's fate depends on nothing that was sent before it.
    pub(crate) is_stateless: bool,
}

/// A super-segment is cut where sending it would take longer than this: as network stacks do, so that who receives it
/// need not wait for all of it before it can acknowledge some.
pub(super) const BURST: Duration = Duration::from_millis(1);

impl Line {
    pub(crate) fn new(profile: LinkProfile) -> Self {
        let byte_time = profile.rate.map_or(0, |rate| {
            let time = ((8_000_000_000u128 << 32) + u128::from(rate / 2)) / u128::from(rate.max(1));
            u64::try_from(time).unwrap_or(u64::MAX)
        });
        let queue_time = (u128::from(byte_time) * u128::from(profile.queue_bytes_max)) >> 32;
        Self {
            profile,
            byte_time,
            queue_time: u64::try_from(queue_time).unwrap_or(u64::MAX),
            is_plain: profile.rate.is_none() && profile.is_faultless(),
            is_stateless: profile.rate.is_none() && !matches!(profile.loss, Loss::Bursts { .. }),
        }
    }

    /// How long so many bytes take to be sent, in parts of 2³² of a nanosecond.
    #[inline]
    pub(super) fn time_of(&self, bytes: u32) -> u128 {
        u128::from(self.byte_time) * u128::from(bytes)
    }
}
