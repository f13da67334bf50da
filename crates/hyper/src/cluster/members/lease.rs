//! [`Leases`]: how long this host may still run.

use std::collections::{BTreeMap, VecDeque};

use ironloom_core::{Duration, Instant};

use crate::cluster::{HostId, HostSet};

/// How many beats are remembered, so that an answer to one of them counts.
const BEATS_MAX: usize = 1_024;

/// What this host holds from each of the others.
#[derive(Debug)]
pub(super) struct Leases {
    lease: Duration,
    /// How often this host has beaten.
    number: u64,
    /// When it did lately.
    sent: VecDeque<(u64, Instant)>,
    others: BTreeMap<HostId, Lease>,
}

#[derive(Debug)]
struct Lease {
    /// The last beat that was heard.
    heard: u64,
    /// When the machine stops unless something is heard.
    until: Instant,
    /// Whether the host has ever answered.
    is_granted: bool,
}

impl Leases {
    pub(super) const fn new(lease: Duration) -> Self {
        Self { lease, number: 0, sent: VecDeque::new(), others: BTreeMap::new() }
    }

    /// Needs leases of these hosts from now on. Those that are new have until `until` to answer.
    pub(super) fn need(&mut self, hosts: HostSet, until: Instant) {
        self.others.retain(|host, _| hosts.contains(*host));
        for host in hosts.iter() {
            self.others.entry(host).or_insert(Lease { heard: 0, until, is_granted: false });
        }
    }

    /// The number of a beat that is sent now.
    pub(super) fn beat(&mut self, now: Instant) -> u64 {
        self.number += 1;
        if self.sent.len() == BEATS_MAX {
            self.sent.pop_front();
        }
        self.sent.push_back((self.number, now));
        self.number
    }

    /// The last beat that was heard of a host.
    pub(super) fn heard_of(&self, host: HostId) -> u64 {
        self.others.get(&host).map_or(0, |lease| lease.heard)
    }

    /// A host has beaten, and has answered one of ours.
    pub(super) fn hear(&mut self, now: Instant, host: HostId, number: u64, answered: u64) {
        let Some(lease) = self.others.get_mut(&host) else { return };
        lease.heard = lease.heard.max(number);
        if let Ok(index) = self.sent.binary_search_by_key(&answered, |(number, _)| *number) {
            let until = self.sent[index].1.saturating_add(self.lease);
            if lease.is_granted {
                lease.until = lease.until.max(until);
            } else if now < until {
                // An answer to what was said long ago says nothing of now.
                (lease.until, lease.is_granted) = (until, true);
            }
        }
    }

    /// A host whose lease has run out.
    pub(super) fn expired(&self, now: Instant) -> Option<HostId> {
        self.others.iter().find(|(_, lease)| lease.until <= now).map(|(host, _)| *host)
    }

    /// Whether every host has answered, none of them too long ago.
    pub(super) fn are_held(&self, now: Instant) -> bool {
        self.others.values().all(|lease| lease.is_granted && now < lease.until)
    }

    /// When the first of them runs out.
    pub(super) fn next_event(&self) -> Option<Instant> {
        self.others.values().map(|lease| lease.until).min()
    }
}
