//! [`Alarms`]: the timers of services.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use ironloom_core::{Duration, Instant};

use crate::Outbox;

use super::Stack;

/// The timers of a machine's services, by when they are due and then by when they were set.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    heap: BinaryHeap<Reverse<(Instant, u64, u64)>>,
    set: u64,
}

impl Alarms {
    pub(super) fn next_event(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }
}

impl Stack {
    /// Sets a timer that rings in the outbox, at the next nanosecond at the earliest, so that who sets one whenever one
    /// rings does not stop the clock. `false` if as many are set as may be.
    pub fn set_timer(&mut self, now: Instant, at: Instant, token: u64) -> bool {
        let limit = self.egress.config.timers_max;
        let alarms = &mut self.egress.rare().alarms;
        if alarms.heap.len() >= limit {
            return false;
        }
        let at = at.max(now.saturating_add(Duration::from_nanos(1)));
        alarms.heap.push(Reverse((at, alarms.set, token)));
        alarms.set += 1;
        true
    }

    /// Rings the timers that are due.
    pub(super) fn ring(&mut self, now: Instant, out: &mut Outbox) {
        let Some(rare) = &mut self.egress.rare else { return };
        let heap = &mut rare.alarms.heap;
        while let Some(&Reverse((at, _, token))) = heap.peek().filter(|Reverse((at, ..))| *at <= now) {
            debug_assert!(at <= now, "only what is due rings");
            heap.pop();
            out.ring(token);
        }
    }
}
