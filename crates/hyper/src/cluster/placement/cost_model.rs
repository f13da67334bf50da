//! [`CostModel`]: a hart moves when the faults that it saves cost more than moving does.
//!
//! Faults are expected to go on as they did lately. A hart that would move to a host leaves the pages behind that only
//! its host holds, and makes harts there slower if they are more than cores. It moves if what it gains is twice what it
//! costs, after enough faults, and not soon after the last time.
//!
//! Two harts that take a page from each other would change places, each going to the other. So who would go to the host
//! of the higher number waits for four times as many faults, and is mostly met before that.
//!
//! What cannot be foreseen is learned: a hart that has as many faults after a move as before it was moved in vain, and
//! needs twice as much evidence and time for the next.

use std::collections::BTreeMap;

use ironloom_core::{Duration, Instant};

use super::streams::Streams;
use super::{Decision, Fault, HartView, Past, Placement, View, Weighing, fetch};
use crate::cluster::HostId;
use crate::cluster::harts::HartId;
use crate::{PAGE_BYTES, PageNumber};

/// How careful a [`CostModel`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CostModelConfig {
    /// How far it looks ahead, and back.
    pub horizon: Duration,
    /// How many times its costs a move must gain.
    pub hysteresis: u64,
    /// How many faults there must be before a hart moves.
    pub faults_min: u32,
    /// How long a hart stays where it came to.
    pub residency: Duration,
    /// How often at most the needed evidence is doubled.
    pub regrets_max: u8,
}

impl Default for CostModelConfig {
    fn default() -> Self {
        Self {
            horizon: Duration::from_millis(50),
            hysteresis: 2,
            faults_min: 8,
            residency: Duration::from_millis(10),
            regrets_max: 6,
        }
    }
}

/// Moves what costs less to move.
#[derive(Debug, Clone, Default)]
pub struct CostModel {
    config: CostModelConfig,
    harts: BTreeMap<HartId, Known>,
    weighing: Option<Weighing>,
    /// When a hart was last moved for balance.
    balanced: Option<Instant>,
}

/// What is known of a hart that lives here.
#[derive(Debug, Clone, Default)]
struct Known {
    streams: Streams,
    past: Past,
    /// When to see whether coming here has helped.
    review: Option<Instant>,
}

impl CostModel {
    /// A policy that is as careful as this.
    #[must_use]
    pub fn new(config: CostModelConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// The groups of pages that a hart of this host had faults in lately: the first page of each, and how many it had,
    /// the most first. Worth fetching ahead where the hart goes.
    #[must_use]
    pub fn hot_groups(&self, now: Instant, hart: HartId) -> Vec<(PageNumber, u32)> {
        self.harts.get(&hart).map_or_else(Vec::new, |known| known.streams.hot(now, self.half_life()))
    }

    /// After how long a fault counts half: a count that halves so holds what one horizon brings.
    fn half_life(&self) -> Duration {
        Duration::from_nanos(self.config.horizon.as_nanos() / 10 * 7)
    }

    /// What it would gain and cost to move a hart to a host.
    fn weigh(&self, fault: &Fault, hart: &HartView, faults: u32, view: &View) -> Weighing {
        let costs = &view.costs;
        let page = costs.fetch(fault.bytes.min(PAGE_BYTES as u32)).max(hart.stall).as_nanos();
        // Whoever waits long here, because hosts are busy, will do so there.
        let whole_page = costs.fetch(PAGE_BYTES as u32).as_nanos().max(page);
        let follow = u64::from(hart.pages).saturating_mul(whole_page);
        let travel = costs.hart().as_nanos().saturating_add(follow);
        let benefit = u64::from(faults).saturating_mul(page).min(self.config.horizon.as_nanos());
        Weighing { faults, benefit, cost: travel.saturating_add(self.crowding(fault.holder, view)) }
    }

    /// What harts lose in a horizon because there are more of them at a host than cores, if one more comes.
    fn crowding(&self, host: HostId, view: &View) -> u64 {
        let Some(there) = view.host(host) else { return u64::MAX };
        let (cores, load) = (u64::from(there.cores.max(1)), u64::from(there.load) + 1);
        // Each loses the share of time that the others have of its core.
        self.config.horizon.as_nanos().saturating_mul(load.saturating_sub(cores))
    }

    /// Whether a hart may be moved to a host, given how many of its faults were for pages that it had lost.
    fn is_ripe(&self, now: Instant, view: &View, hart: &HartView, to: HostId, counts: (u32, u32)) -> bool {
        let regrets = self.harts.get(&hart.hart).map_or(0, |known| known.past.regrets);
        let (faults, returns) = counts;
        // Who is at the other end of a page that comes and goes is asked the same question.
        let yields = returns > faults / 2 && to > view.here;
        let patience = (if yields { 4 } else { 1 }) << regrets.min(self.config.regrets_max);
        let stayed = now.saturating_since(hart.since);
        faults >= self.config.faults_min.saturating_mul(patience)
            && stayed >= self.config.residency.saturating_mul(u64::from(patience))
    }

    /// Sees whether coming here has helped.
    fn review(&mut self, now: Instant, hart: HartId) {
        let half_life = self.half_life();
        let regrets_max = self.config.regrets_max;
        let known = self.harts.entry(hart).or_default();
        if known.review.is_none_or(|due| now < due) {
            return;
        }
        known.review = None;
        // After a horizon the count has seen a little over half of what it would hold.
        let faults = known.streams.total(now, half_life).saturating_mul(8) / 5;
        if u64::from(faults) * 10 > u64::from(known.past.faults) * 7 {
            known.past.regrets = (known.past.regrets + 1).min(regrets_max);
        } else {
            known.past.regrets = known.past.regrets.saturating_sub(1);
        }
    }
}

impl Placement for CostModel {
    fn decide(&mut self, now: Instant, fault: &Fault, view: &View) -> Decision {
        self.review(now, fault.hart);
        let half_life = self.half_life();
        let known = self.harts.entry(fault.hart).or_default();
        known.streams.note(now, half_life, fault);
        let counts = known.streams.of_holder(now, half_life, fault.holder);
        self.weighing = None;
        if let Some(hart) = view.hart(fault.hart).filter(|_| view.is_open(fault.holder)) {
            let weighing = self.weigh(fault, hart, counts.0, view);
            self.weighing = Some(weighing);
            let worth = weighing.benefit > weighing.cost.saturating_mul(self.config.hysteresis);
            if worth && self.is_ripe(now, view, hart, fault.holder, counts) {
                return Decision::MoveHart(fault.holder);
            }
        }
        fetch(fault.access)
    }

    fn balance(&mut self, now: Instant, view: &View) -> Vec<(HartId, HostId)> {
        let rested = self.balanced.is_none_or(|at| now.saturating_since(at) >= self.config.residency);
        let Some(here) = view.host(view.here).filter(|here| here.load > here.cores && rested) else {
            return Vec::new();
        };
        let spare = |host: &&super::HostView| view.is_open(host.host) && host.load < host.cores;
        let Some(to) = view.hosts.iter().filter(spare).max_by_key(|host| host.cores - host.load) else {
            return Vec::new();
        };
        let stays = |hart: &&HartView| {
            let regrets = self.harts.get(&hart.hart).map_or(0, |known| known.past.regrets);
            let residency = self.config.residency.saturating_mul(1 << regrets);
            hart.busy && now.saturating_since(hart.since) >= residency
        };
        let mut free: Vec<&HartView> = view.harts.iter().filter(stays).collect();
        free.sort_by_key(|hart| (hart.pages, hart.hart));
        // Half of what is too much, because other hosts may see the same gap.
        let excess = usize::from((here.load - here.cores).min(to.cores - to.load)).div_ceil(2);
        self.balanced = (!free.is_empty()).then_some(now);
        free.iter().take(excess).map(|hart| (hart.hart, to.host)).collect()
    }

    fn departs(&mut self, now: Instant, hart: HartId) -> Past {
        let half_life = self.half_life();
        let Some(known) = self.harts.remove(&hart) else { return Past::default() };
        Past { faults: known.streams.total(now, half_life), ..known.past }
    }

    fn arrives(&mut self, now: Instant, hart: HartId, past: Past) {
        let regrets = past.regrets.min(self.config.regrets_max);
        let review = Some(now.saturating_add(self.config.horizon));
        let known = Known { streams: Streams::default(), past: Past { regrets, ..past }, review };
        self.harts.insert(hart, known);
    }

    fn weighing(&self) -> Option<Weighing> {
        self.weighing
    }
}
