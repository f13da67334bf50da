//! [`Offer`]: what two sides agree on with their first segments.

use super::Config;
use crate::frame::{Flags, Options, Segment, Timestamps};

/// What is assumed of somebody who does not say what he takes.
const SEGMENT_BYTES_DEFAULT: u16 = 536;
/// Whoever takes less than this gets this, so that he cannot make us send headers only.
pub(super) const SEGMENT_BYTES_MIN: u16 = 48;
/// A window is shifted by at most so many bits.
const SHIFT_MAX: u8 = 14;
/// How many bytes timestamps take of every segment.
const STAMPS_BYTES: u16 = 12;

/// What the other side's first segment says, as far as we want it, too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offer {
    /// Its time, if timestamps are used.
    pub(super) stamp: u32,
    /// Its window; never shifted in this segment.
    pub(super) window: u16,
    /// The largest segment that it takes and that we send.
    pub(super) segment_bytes: u16,
    /// By how many bits its windows are shifted, if windows are shifted.
    pub(super) shift: Option<u8>,
    pub(super) selective: bool,
    pub(super) timestamps: bool,
}

impl Offer {
    /// Reads a segment that begins a connection.
    pub(super) fn of(syn: &Segment, config: &Config) -> Self {
        let options = &syn.options;
        let stamps = options.timestamps.filter(|_| config.timestamps);
        let taken = options.segment_bytes_max.unwrap_or(SEGMENT_BYTES_DEFAULT);
        let whole = taken.min(config.segment_bytes_max).max(SEGMENT_BYTES_MIN + STAMPS_BYTES);
        Self {
            stamp: stamps.map_or(0, |stamps| stamps.value),
            window: syn.window,
            segment_bytes: if stamps.is_some() { whole - STAMPS_BYTES } else { whole },
            shift: options.window_shift.map(|shift| shift.min(SHIFT_MAX)),
            selective: options.selective && config.selective,
            timestamps: stamps.is_some(),
        }
    }

    /// The options that accept it.
    pub(super) fn answer(&self, config: &Config, shift: u8, stamps: Timestamps) -> Options {
        Options {
            segment_bytes_max: Some(config.segment_bytes_max.max(SEGMENT_BYTES_MIN)),
            window_shift: self.shift.map(|_| shift),
            selective: self.selective,
            timestamps: self.timestamps.then_some(stamps),
            received: None,
        }
    }
}

/// The options of the first segment of all.
pub(super) fn first_options(config: &Config, shift: u8, stamps: Timestamps) -> Options {
    Options {
        segment_bytes_max: Some(config.segment_bytes_max.max(SEGMENT_BYTES_MIN)),
        window_shift: Some(shift),
        selective: config.selective,
        timestamps: config.timestamps.then_some(stamps),
        received: None,
    }
}

/// The window in a segment that begins a connection.
pub(super) fn offered_window(config: &Config) -> u16 {
    u16::try_from(config.receive_bytes_max).unwrap_or(u16::MAX)
}

/// By how many bits our windows must be shifted to fit into 16.
pub(super) fn window_shift(config: &Config) -> u8 {
    let bits = 32 - config.receive_bytes_max.leading_zeros();
    (bits.saturating_sub(16) as u8).min(SHIFT_MAX)
}

/// How many sequence numbers a segment takes.
pub(super) fn span(segment: &Segment) -> u32 {
    let ends = [Flags::SYN, Flags::FIN].into_iter().filter(|flag| segment.flags.contains(*flag)).count();
    segment.payload.len() as u32 + ends as u32
}
