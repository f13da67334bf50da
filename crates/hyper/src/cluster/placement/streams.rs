//! [`Streams`]: the faults of one hart, by groups of pages and by the hosts that held them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use ironloom_core::{Duration, Instant};

use super::Fault;
use super::count::Count;
use crate::PageNumber;
use crate::cluster::HostId;

/// How many pages are counted together.
pub const GROUP_PAGES: u64 = 64;

/// How many groups of pages are remembered of each hart; of more the one with the fewest faults is forgotten.
pub const GROUPS_MAX: usize = 64;

/// How often a hart had to wait for pages lately, and for whose.
#[derive(Debug, Clone, Default)]
pub(super) struct Streams {
    groups: BTreeMap<u64, Count>,
    /// Faults by who held the page, and of those how many were for pages that were here before.
    holders: BTreeMap<HostId, (Count, Count)>,
}

impl Streams {
    /// Counts a fault.
    pub(super) fn note(&mut self, now: Instant, half_life: Duration, fault: &Fault) {
        let (all, returns) = self.holders.entry(fault.holder).or_default();
        all.add(now, half_life, 1);
        returns.add(now, half_life, u32::from(fault.returns));
        let group = fault.page.get() / GROUP_PAGES;
        if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&group) {
            self.drop_least(now, half_life);
        }
        self.groups.entry(group).or_default().add(now, half_life, 1);
    }

    fn drop_least(&mut self, now: Instant, half_life: Duration) {
        let least = self.groups.iter().min_by_key(|(_, count)| count.at(now, half_life));
        if let Some(group) = least.map(|(group, _)| *group) {
            self.groups.remove(&group);
        }
    }

    /// How many faults there were lately for pages of a host, and how many of them for pages that were here before.
    pub(super) fn of_holder(&self, now: Instant, half_life: Duration, host: HostId) -> (u32, u32) {
        let (all, returns) = self.holders.get(&host).copied().unwrap_or_default();
        (all.at(now, half_life), returns.at(now, half_life))
    }

    /// How many faults there were lately.
    pub(super) fn total(&self, now: Instant, half_life: Duration) -> u32 {
        self.holders.values().fold(0, |sum, (all, _)| sum.saturating_add(all.at(now, half_life)))
    }

    /// The first page of each group, and how many faults it had lately, the most first.
    pub(super) fn hot(&self, now: Instant, half_life: Duration) -> Vec<(PageNumber, u32)> {
        let page = |group: u64| PageNumber::new(group * GROUP_PAGES);
        let counts = self.groups.iter().map(|(group, count)| (page(*group), count.at(now, half_life)));
        let mut hot: Vec<(PageNumber, u32)> = counts.filter(|(_, count)| *count > 0).collect();
        hot.sort_by_key(|(page, count)| (Reverse(*count), *page));
        hot
    }
}
