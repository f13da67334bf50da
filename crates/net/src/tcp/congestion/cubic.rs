//! [`Epoch`]: the curve on which a window grows after a loss (RFC 9438), in integers.
//!
//! The window follows `0.4 * (t - k)^3 + summit` segments, `t` and `k` in seconds: fast back to where the last loss
//! was, slowly around it, then ever faster. Where NewReno would have a larger window, that one counts.

use ironloom_core::Instant;

use super::Progress;

/// Where the curve is looked at is at most this far from its middle; it is out of every bound long before.
const DISTANCE_MILLIS_MAX: i64 = 1 << 17;

/// What is left of a window after a loss.
pub(super) const fn after_loss(window: u32) -> u32 {
    (window as u64 * 7 / 10) as u32
}

/// The time since a loss.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Epoch {
    /// When the window began to grow; `None` before it did.
    begin: Option<Instant>,
    /// How long it takes to be where the last loss was.
    rise_millis: u32,
    /// The window at the last loss.
    summit: u32,
    /// What NewReno's window would be.
    friendly: u32,
    /// What was acknowledged and has not yet made that one larger.
    credit: u64,
}

impl Epoch {
    /// Something was lost with this window.
    pub(super) fn lose(&mut self, window: u32, segment_bytes: u32) {
        // Whoever loses before he reached the last summit makes room for others.
        let is_lower = window.saturating_add(segment_bytes / 2) < self.summit;
        self.summit = if is_lower { (u64::from(window) * 17 / 20) as u32 } else { window };
        self.begin = None;
    }

    /// Nothing was sent for a while: the time in between does not count.
    pub(super) const fn pause(&mut self) {
        self.begin = None;
    }

    /// The window after something was acknowledged.
    pub(super) fn grow(&mut self, window: u32, progress: Progress) -> u32 {
        let Progress { now, bytes, segment_bytes, round_trip, .. } = progress;
        let begin = match self.begin {
            Some(begin) => begin,
            None => self.begin(now, window, segment_bytes),
        };
        let elapsed = now.saturating_since(begin).saturating_add(round_trip);
        let target = self.curve(elapsed.as_millis(), segment_bytes);
        let target = target.clamp(u64::from(window), u64::from(window) * 3 / 2) as u32;
        let step = u64::from(target - window) * u64::from(bytes) / u64::from(window.max(1));
        // One who acknowledges much at once does not make the window jump over the target.
        let grown = window.saturating_add(step.min(u64::from(target - window)) as u32);
        grown.max(self.grow_friendly(window, bytes, segment_bytes))
    }

    fn begin(&mut self, now: Instant, window: u32, segment_bytes: u32) -> Instant {
        self.summit = self.summit.max(window);
        // The cube of the rise in milliseconds: the difference in segments, by 0.4, by (10^3)^3.
        let cube = u64::from(self.summit - window) * 2_500_000_000 / u64::from(segment_bytes.max(1));
        self.rise_millis = cube_root(cube);
        self.friendly = window;
        self.credit = 0;
        self.begin = Some(now);
        now
    }

    /// The window on the curve, so long after it began.
    fn curve(&self, millis: u64, segment_bytes: u32) -> u64 {
        let elapsed = i64::try_from(millis).unwrap_or(i64::MAX).min(DISTANCE_MILLIS_MAX * 2);
        let distance =
            (elapsed - i64::from(self.rise_millis)).clamp(-DISTANCE_MILLIS_MAX, DISTANCE_MILLIS_MAX);
        // 0.4 segments per cubic second, in 1/1024 of a segment: below 2^60.
        let fractions = distance * distance * distance * 410 / 1_000_000_000;
        let bytes = fractions * i64::from(segment_bytes) / 1_024;
        u64::try_from(i64::from(self.summit) + bytes).unwrap_or(0)
    }

    /// What NewReno's window would be, with the same mean (RFC 9438, 4.3).
    fn grow_friendly(&mut self, window: u32, bytes: u32, segment_bytes: u32) -> u32 {
        // 9/17 of a segment each round trip, as long as less than the summit was reached.
        let (times, of) = if self.friendly < self.summit { (9, 17) } else { (1, 1) };
        self.credit += u64::from(bytes) * u64::from(segment_bytes) * times / of;
        let step = self.credit / u64::from(window.max(1));
        self.credit -= step * u64::from(window.max(1));
        self.friendly = self.friendly.saturating_add(u32::try_from(step).unwrap_or(u32::MAX));
        self.friendly
    }
}

/// The integer below the cube root.
fn cube_root(cube: u64) -> u32 {
    let mut root = 0u64;
    for bit in (0..22).rev() {
        let larger: u64 = root | 1 << bit;
        if larger.checked_pow(3).is_some_and(|larger| larger <= cube) {
            root = larger;
        }
    }
    root as u32
}

#[cfg(test)]
mod tests {
    use ironloom_core::Duration;

    use super::*;

    #[test]
    fn finds_cube_roots() {
        for root in [0u64, 1, 2, 3, 7, 999, 1_000, 65_535, 1 << 20, 2_642_245] {
            assert_eq!(u64::from(cube_root(root.pow(3))), root);
            assert_eq!(u64::from(cube_root((root + 1).checked_pow(3).unwrap_or(u64::MAX) - 1)), root);
        }
    }

    /// The curve is back at the summit when it should be: `(0.3 * 100 / 0.4)^(1/3)` = 4.217 s for 100 segments.
    #[test]
    fn returns_to_the_summit_in_time() {
        let segment_bytes = 1_000;
        let mut epoch = Epoch::default();
        epoch.lose(100_000, segment_bytes);
        let mut window = after_loss(100_000);
        let round_trip = Duration::from_millis(100);
        let mut now = Instant::ZERO;
        let mut back = None;
        for _ in 0..80 {
            let progress = Progress { now, bytes: window, flight: window, segment_bytes, round_trip };
            let grown = epoch.grow(window, progress);
            assert!(grown >= window && grown <= window * 3 / 2, "{window} to {grown}");
            window = grown;
            back = back.or((window >= 99_900).then_some(now));
            now = now.saturating_add(round_trip);
        }
        let back = back.unwrap().as_nanos() / 1_000_000;
        assert!((3_500..4_500).contains(&back), "{back} ms");
        assert!((118_000..126_000).contains(&window), "{window}");
    }
}
