//! [`Fixed`], [`AlwaysMove`] and [`JumpAfter`]: simple policies, to compare others with.

use std::collections::BTreeMap;

use ironloom_core::Instant;

use super::{Decision, Fault, Past, Placement, View, fetch};
use crate::cluster::HostId;
use crate::cluster::harts::HartId;

/// Harts stay where they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fixed;

impl Placement for Fixed {
    fn decide(&mut self, _now: Instant, fault: &Fault, _view: &View) -> Decision {
        fetch(fault.access)
    }
}

/// Harts go to every page that is not here.
#[derive(Debug, Clone, Copy, Default)]
pub struct AlwaysMove;

impl Placement for AlwaysMove {
    fn decide(&mut self, _now: Instant, fault: &Fault, view: &View) -> Decision {
        if view.is_open(fault.holder) { Decision::MoveHart(fault.holder) } else { fetch(fault.access) }
    }
}

/// A hart goes to a host after so many faults for pages of that host, as in `ElasticOS`.
#[derive(Debug, Clone)]
pub struct JumpAfter {
    faults: u32,
    counts: BTreeMap<HartId, BTreeMap<HostId, u32>>,
}

impl JumpAfter {
    /// After so many faults.
    #[must_use]
    pub const fn new(faults: u32) -> Self {
        Self { faults, counts: BTreeMap::new() }
    }
}

impl Placement for JumpAfter {
    fn decide(&mut self, _now: Instant, fault: &Fault, view: &View) -> Decision {
        let counts = self.counts.entry(fault.hart).or_default();
        let count = counts.entry(fault.holder).or_default();
        *count += 1;
        if *count < self.faults || !view.is_open(fault.holder) {
            return fetch(fault.access);
        }
        counts.clear();
        Decision::MoveHart(fault.holder)
    }

    fn departs(&mut self, _now: Instant, hart: HartId) -> Past {
        self.counts.remove(&hart);
        Past::default()
    }
}
