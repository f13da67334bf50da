//! [`Chance`]: what happens to the n-th frame of a lane, as a function of the seed.

use ironloom_core::{Duration, Instant, Rng};

/// The kinds of faults, each with a stream of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Loss,
    Burst,
    Jitter,
    Duplicate,
    Reorder,
    Corrupt,
}

const FAMILIES: usize = Family::Corrupt as usize + 1;

/// Draws that depend on nothing but the seed, the kind of fault, the lane and the number of the packet.
///
/// There is no state: what one lane draws cannot depend on what others did, nor on which thread carries it.
#[derive(Debug, Clone)]
pub(crate) struct Chance {
    keys: [u64; FAMILIES],
}

/// What a draw is about: the n-th frame that was offered to a lane.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occasion {
    pub(super) lane: u32,
    pub(super) offered: u32,
}

impl Chance {
    pub(crate) fn new(rng: &Rng) -> Self {
        Self { keys: std::array::from_fn(|family| rng.split("fault", family as u64).next_u64()) }
    }

    #[inline]
    pub(super) fn draw(&self, family: Family, occasion: Occasion, piece: u32) -> u64 {
        let place = u64::from(occasion.lane) << 32 | u64::from(occasion.offered);
        let frame = mix(self.keys[family as usize] ^ mix(place));
        mix(frame.wrapping_add(u64::from(piece).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }

    /// By how much longer than its latency a lane takes at an instant: at the most `jitter`.
    ///
    /// It sways between values that are drawn for every multiple of `jitter`, so what is sent later does not arrive
    /// earlier. It is a function of the instant alone, so frames can be offered in any order.
    #[inline]
    pub(super) fn sway(&self, lane: u32, sent: Instant, jitter: Duration) -> Duration {
        let jitter = jitter.as_nanos();
        let (number, within) = (sent.as_nanos() / jitter, sent.as_nanos() % jitter);
        let value = |number: u64| {
            let occasion = Occasion { lane, offered: number as u32 };
            below(self.draw(Family::Jitter, occasion, (number >> 32) as u32), jitter.saturating_add(1))
        };
        let (before, after) = (u128::from(value(number)), u128::from(value(number + 1)));
        let (jitter, within) = (u128::from(jitter), u128::from(within));
        Duration::from_nanos(((before * (jitter - within) + after * within) / jitter) as u64)
    }

    /// Whether something happens that happens to `ppm` of a million.
    #[inline]
    pub(super) fn happens(&self, family: Family, occasion: Occasion, piece: u32, ppm: u32) -> bool {
        ppm > 0 && below(self.draw(family, occasion, piece), 1_000_000) < u64::from(ppm)
    }
}

/// A draw as a number below `bound`.
#[inline]
pub(super) fn below(draw: u64, bound: u64) -> u64 {
    ((u128::from(draw) * u128::from(bound)) >> 64) as u64
}

/// The finisher of SplitMix64: every bit of the result depends on every bit of the number.
#[inline]
const fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
