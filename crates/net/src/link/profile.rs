//! [`LinkProfile`]: what one way of a link is like.

use ironloom_core::Duration;
use thiserror::Error;

/// One million parts of a million: always.
pub(super) const PARTS: u32 = 1_000_000;

/// Rates below this would make a frame last for hours.
const RATE_MIN: u64 = 1_000;

/// Rates above this are not told apart by the arithmetic, which counts in parts of 2³² of a nanosecond.
const RATE_MAX: u64 = 10_000_000_000_000;

/// A link carries at least what every internet host must take.
const MTU_MIN: u16 = 576;

/// What one way of a link is like.
///
/// Frames leave it in the order in which they entered, however their delays vary; only those that
/// [`reorder_ppm`](Self::reorder_ppm) picks are overtaken, and those that entered before it became shorter.
///
/// ```
/// use ironloom_core::Duration;
/// use ironloom_net::link::{LinkProfile, Loss};
///
/// let slow = LinkProfile {
///     latency: Duration::from_millis(30),
///     rate: Some(50_000_000),
///     loss: Loss::Even { ppm: 10_000 },
///     ..LinkProfile::default()
/// };
/// assert!(slow.check().is_ok());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkProfile {
    /// How long a frame is under way after its last bit was sent.
    pub latency: Duration,
    /// How much longer it may take by chance: anything up to this. The delay sways, as that of a queue of others does:
    /// frames that are sent within a fraction of this time are delayed by nearly the same.
    pub jitter: Duration,
    /// How many bits a second can be sent; `None` for any number at once.
    pub rate: Option<u64>,
    /// How many bytes may wait to be sent, if there is a rate; what finds no room is dropped.
    pub queue_bytes_max: u64,
    /// The largest IP packet that it carries. A larger one is dropped here: to cut it, or to tell its sender, is the
    /// business of routers.
    pub mtu: u16,
    /// Which packets are lost.
    pub loss: Loss,
    /// How many of a million packets arrive twice.
    pub duplicate_ppm: u32,
    /// How many of a million packets are held back, so that others overtake them.
    pub reorder_ppm: u32,
    /// For how long packets are held back that are to be overtaken.
    pub reorder_delay: Duration,
    /// How many of a million packets arrive with a bit that is wrong.
    pub corrupt_ppm: u32,
}

/// Which packets are lost on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Loss {
    /// None.
    #[default]
    None,
    /// Each with the same chance.
    Even {
        /// How many of a million.
        ppm: u32,
    },
    /// In bursts (Gilbert and Elliott): the link changes between a good and a bad state.
    Bursts {
        /// After how many of a million packets in the good state it becomes bad.
        worsen_ppm: u32,
        /// After how many of a million packets in the bad state it becomes good again.
        recover_ppm: u32,
        /// How many of a million are lost in the good state.
        good_ppm: u32,
        /// How many of a million are lost in the bad state.
        bad_ppm: u32,
    },
}

impl Default for LinkProfile {
    /// A cable without faults: no delay, any rate, packets of 1,500 bytes.
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            rate: None,
            queue_bytes_max: 256 * 1024,
            mtu: 1_500,
            loss: Loss::None,
            duplicate_ppm: 0,
            reorder_ppm: 0,
            reorder_delay: Duration::from_millis(5),
            corrupt_ppm: 0,
        }
    }
}

impl LinkProfile {
    /// Whether a link can be like this.
    ///
    /// # Errors
    ///
    /// If a number is out of its range.
    pub fn check(&self) -> Result<(), ProfileError> {
        let parts = [
            ("duplicate_ppm", self.duplicate_ppm),
            ("reorder_ppm", self.reorder_ppm),
            ("corrupt_ppm", self.corrupt_ppm),
        ];
        parts.into_iter().chain(self.loss.parts()).try_for_each(|(name, ppm)| {
            if ppm <= PARTS { Ok(()) } else { Err(ProfileError::Parts { name, ppm }) }
        })?;
        if let Some(rate) = self.rate.filter(|rate| !(RATE_MIN..=RATE_MAX).contains(rate)) {
            return Err(ProfileError::Rate { rate });
        }
        if self.mtu < MTU_MIN {
            return Err(ProfileError::Mtu { mtu: self.mtu });
        }
        Ok(())
    }

    /// Whether nothing happens by chance.
    pub(super) fn is_faultless(&self) -> bool {
        let parts = self.duplicate_ppm | self.reorder_ppm | self.corrupt_ppm;
        self.loss == Loss::None && parts == 0 && self.jitter.is_zero()
    }
}

impl Loss {
    fn parts(self) -> Vec<(&'static str, u32)> {
        match self {
            Self::None => Vec::new(),
            Self::Even { ppm } => vec![("loss ppm", ppm)],
            Self::Bursts { worsen_ppm, recover_ppm, good_ppm, bad_ppm } => vec![
                ("loss worsen_ppm", worsen_ppm),
                ("loss recover_ppm", recover_ppm),
                ("loss good_ppm", good_ppm),
                ("loss bad_ppm", bad_ppm),
            ],
        }
    }
}

/// Why a link cannot be like a [`LinkProfile`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// More than all.
    #[error("{name} is {ppm}, which is more than a million of a million")]
    Parts {
        /// Which number.
        name: &'static str,
        /// What it is.
        ppm: u32,
    },
    /// A rate that the arithmetic does not cover.
    #[error(
        "a rate of {rate} bits a second is out of range: it is {RATE_MIN} to {RATE_MAX}, or none for no limit"
    )]
    Rate {
        /// The rate.
        rate: u64,
    },
    /// Packets would be too small.
    #[error("an mtu of {mtu} bytes is too small: every host must take packets of {MTU_MIN}")]
    Mtu {
        /// The size.
        mtu: u16,
    },
}
