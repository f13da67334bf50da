//! [`Alarms`]: when machines are to run though nothing happens to them.

use std::collections::BTreeMap;

use ironloom_core::{Duration, Instant};

use super::Place;

/// When machines are to run though nothing happens to them: each has one alarm at most.
///
/// Alarms that ring in the same window are together, so that a window costs what rings in it. In a wheel of timers, which is
/// as fast on the whole, now and then one window pays for sorting what rings in many.
#[derive(Debug)]
pub(super) struct Alarms {
    window_nanos: u64,
    /// By the number of the window, each with an alarm that counts at least.
    windows: BTreeMap<u64, Ringing>,
    /// When the alarm of each machine rings, by unit and slot; `Instant::MAX` without one.
    planned: Vec<Vec<Instant>>,
    /// How many alarms count, and how many are kept.
    live: usize,
    kept: usize,
}

/// What rings in one window.
#[derive(Debug, Default)]
struct Ringing {
    alarms: Vec<(Place, Instant)>,
    /// How many of them count: others were set anew since.
    live: usize,
}

/// So many alarms that do not count are left alone.
const STALE_FREE: usize = 1_024;

impl Alarms {
    pub(super) fn new(window: Duration) -> Self {
        let window_nanos = window.as_nanos().max(1);
        Self { window_nanos, windows: BTreeMap::new(), planned: Vec::new(), live: 0, kept: 0 }
    }

    /// Sets the alarm of a machine, in place of the one that it had.
    pub(super) fn set(&mut self, place: Place, at: Option<Instant>) {
        let at = at.unwrap_or(Instant::MAX);
        let before = std::mem::replace(self.planned_mut(place), at);
        if before == at {
            return;
        }
        if before != Instant::MAX {
            self.cancel(before);
        }
        if at != Instant::MAX {
            let ringing = self.windows.entry(self.window_of(at)).or_default();
            ringing.alarms.push((place, at));
            ringing.live += 1;
            self.live += 1;
            self.kept += 1;
        }
        if self.kept > 2 * self.live + STALE_FREE {
            self.sweep();
        }
    }

    /// When the window ends in which the next alarm rings.
    pub(super) fn next(&self) -> Option<Instant> {
        let (number, _) = self.windows.first_key_value()?;
        Some(Instant::from_nanos(number.saturating_mul(self.window_nanos)))
    }

    /// Takes all alarms that ring by now.
    pub(super) fn ring(&mut self, now: Instant, mut wake: impl FnMut(Place)) {
        let over = now.as_nanos() / self.window_nanos;
        while let Some(first) = self.windows.first_entry()
            && *first.key() <= over
        {
            let ringing = first.remove();
            self.kept -= ringing.alarms.len();
            for (place, at) in ringing.alarms {
                if self.take(place, at) {
                    wake(place);
                }
            }
        }
        // Time may stand within a window.
        let Some(mut ringing) = self.windows.remove(&(over + 1)) else { return };
        self.kept -= ringing.alarms.len();
        ringing.alarms.retain(|(place, at)| {
            let is_due = *at <= now;
            if is_due && self.take(*place, *at) {
                ringing.live -= 1;
                wake(*place);
            }
            !is_due
        });
        if ringing.live > 0 {
            self.kept += ringing.alarms.len();
            self.windows.insert(over + 1, ringing);
        }
    }

    /// Whether an alarm counts; it does not any more.
    fn take(&mut self, place: Place, at: Instant) -> bool {
        let planned = self.planned_mut(place);
        let counts = *planned == at;
        if counts {
            *planned = Instant::MAX;
            self.live -= 1;
        }
        counts
    }

    /// An alarm that was set for this time does not count any more.
    fn cancel(&mut self, at: Instant) {
        self.live -= 1;
        let number = self.window_of(at);
        let Some(ringing) = self.windows.get_mut(&number) else { return };
        ringing.live -= 1;
        if ringing.live == 0 {
            self.kept -= ringing.alarms.len();
            self.windows.remove(&number);
        }
    }

    /// Forgets alarms that do not count: half of what is kept.
    fn sweep(&mut self) {
        for ringing in self.windows.values_mut() {
            ringing.alarms.sort_unstable();
            ringing.alarms.dedup();
            ringing
                .alarms
                .retain(|(place, at)| self.planned[place.unit as usize][usize::from(place.slot)] == *at);
        }
        self.kept = self.windows.values().map(|ringing| ringing.alarms.len()).sum();
    }

    fn planned_mut(&mut self, place: Place) -> &mut Instant {
        let (unit, slot) = (place.unit as usize, usize::from(place.slot));
        if self.planned.len() <= unit {
            self.planned.resize_with(unit + 1, Vec::new);
        }
        let unit = &mut self.planned[unit];
        if unit.len() <= slot {
            unit.resize(slot + 1, Instant::MAX);
        }
        &mut unit[slot]
    }

    fn window_of(&self, at: Instant) -> u64 {
        at.as_nanos().div_ceil(self.window_nanos)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ironloom_core::{Rng, Seed};

    use super::*;

    /// Against a map from machines to times.
    #[test]
    fn alarms_ring_once_and_in_time() {
        for seed in 0..20 {
            let mut rng = Rng::new(Seed::new(seed));
            let mut alarms = Alarms::new(Duration::from_nanos(10));
            let mut model: BTreeMap<Place, Instant> = BTreeMap::new();
            let mut now = 0;
            for _ in 0..5_000 {
                let place = Place { unit: rng.below(4) as u32, slot: rng.below(40) as u8 };
                match rng.below(8) {
                    0 => {
                        alarms.set(place, None);
                        model.remove(&place);
                    }
                    1 => {
                        now += rng.below(25);
                        let at = Instant::from_nanos(now);
                        let mut rang = Vec::new();
                        alarms.ring(at, |place| rang.push(place));
                        rang.sort_unstable();
                        let due: Vec<Place> =
                            model.iter().filter(|(_, due)| **due <= at).map(|(place, _)| *place).collect();
                        model.retain(|_, due| *due > at);
                        assert_eq!(rang, due, "seed {seed}");
                    }
                    _ => {
                        let at = Instant::from_nanos(now + rng.below(300));
                        alarms.set(place, Some(at));
                        model.insert(place, at);
                    }
                }
                let next = model.values().min().map(|at| at.as_nanos().div_ceil(10) * 10);
                assert_eq!(alarms.next().map(Instant::as_nanos), next, "seed {seed}");
                assert_eq!(alarms.live, model.len(), "seed {seed}");
                assert!(alarms.kept <= 2 * alarms.live + STALE_FREE, "seed {seed}");
            }
        }
    }

    /// A script may set its alarm as often as it likes.
    #[test]
    fn what_does_not_count_is_forgotten() {
        let mut alarms = Alarms::new(Duration::from_millis(1));
        let place = Place { unit: 0, slot: 0 };
        for far in (0..100_000).rev() {
            alarms.set(place, Some(Instant::from_nanos(1_000_000 + far)));
            alarms.set(place, Some(Instant::from_nanos(1_000_000 + far % 7)));
            assert!(alarms.kept <= STALE_FREE + 3);
        }
    }
}
