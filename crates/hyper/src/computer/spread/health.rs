//! [`Health`]: whether the other hosts are well, as far as can be told from here.
//!
//! A host that is silent for longer than is usual for it is *suspected*, which is told and changes nothing: to stop the
//! computer because a host is busy would cost more than to wait for it. Who decides that it is gone is its lease, or that
//! nobody accepts a link to it any more: when a process dies its links end at once, and none can be made in its place.

use std::sync::atomic::{AtomicU64, Ordering};

use ironloom_core::{Duration, Instant};
use parking_lot::Mutex;

use super::{Host, HostEvent};
use crate::cluster::detector::{Detector, DetectorConfig, Reason};
use crate::cluster::link::LinkError;
use crate::cluster::members::{Input, Why};
use crate::cluster::{HostId, HostSet};

/// How often it is looked who was heard of; hosts say something at least as often.
pub(super) const INTERVAL: Duration = Duration::from_millis(100);

/// For how long a link may be missing. One that was lost by accident is there again after a few milliseconds.
const UNLINKED_MAX: Duration = Duration::from_millis(500);

/// What is known of how the other hosts are.
#[derive(Debug)]
pub(super) struct Health {
    /// Who was heard of since it was looked last, a bit each.
    heard: AtomicU64,
    record: Mutex<Record>,
}

#[derive(Debug)]
struct Record {
    detector: Detector,
    suspects: HostSet,
    /// Hosts to which there is no link any more, and since when.
    unlinked: Vec<(HostId, Instant)>,
}

impl Health {
    pub(super) fn new(now: Instant) -> Self {
        let config = DetectorConfig { interval: INTERVAL, ..DetectorConfig::default() };
        let record =
            Record { detector: Detector::new(config, now), suspects: HostSet::EMPTY, unlinked: Vec::new() };
        Self { heard: AtomicU64::new(0), record: Mutex::new(record) }
    }

    /// A host says something.
    pub(super) fn hear(&self, from: HostId) {
        let bit = 1 << from.number();
        if self.heard.load(Ordering::Relaxed) & bit == 0 {
            self.heard.fetch_or(bit, Ordering::Relaxed);
        }
    }
}

impl Host {
    /// What speaks for another host being dead, and how much; `None` until it was heard of.
    #[must_use]
    pub fn health(&self, host: HostId) -> Option<Reason> {
        self.health.record.lock().detector.reason(host, self.clock.now())
    }

    /// There is a link to a host.
    pub(super) fn linked(&self, host: HostId) {
        self.health.record.lock().unlinked.retain(|(other, _)| *other != host);
    }

    /// The link to a host was lost; whoever made it is making another.
    pub(super) fn unlinked(&self, host: HostId, why: LinkError) {
        if !self.others().contains(host) {
            return;
        }
        self.linked(host);
        self.health.record.lock().unlinked.push((host, self.clock.now()));
        self.letters.remember(HostEvent::Unlinked { host, why });
    }

    /// Looks who was heard of, and who is missing.
    pub(super) fn look_at_others(&self, now: Instant) {
        let heard = HostSet::from_bits(self.health.heard.swap(0, Ordering::Relaxed));
        let others = self.others();
        let mut record = self.health.record.lock();
        record.unlinked.retain(|(host, _)| others.contains(*host));
        let unlinked = |(_, since): &&(HostId, Instant)| now.saturating_since(*since) >= UNLINKED_MAX;
        let lost = record.unlinked.iter().find(unlinked).map(|(host, _)| *host);
        let suspects = record.look(heard, others, now);
        drop(record);
        for reason in suspects {
            self.letters.remember(HostEvent::Suspected(reason));
        }
        // When the computer has ended, hosts go as they like.
        if let Some(host) = lost.filter(|_| self.ended().is_none()) {
            self.tell_members(Input::Lost(host, Why::Unlinked));
        }
    }
}

impl Record {
    /// Takes note of who was heard of; who is suspected from now on, and why.
    fn look(&mut self, heard: HostSet, others: HostSet, now: Instant) -> Vec<Reason> {
        self.detector.tick(now);
        for host in HostSet::from_bits(u64::MAX).iter() {
            if !others.contains(host) {
                self.detector.forget(host);
            } else if heard.contains(host) {
                self.detector.heard(host, now);
            }
        }
        let before = std::mem::replace(&mut self.suspects, self.detector.suspects(now));
        let new = self.suspects.iter().filter(|host| !before.contains(*host));
        new.filter_map(|host| self.detector.reason(host, now)).collect()
    }
}
