//! What a policy sees: [`Fault`], [`View`]. Plain values, to be stored and to be learned from.

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::{Duration, Instant};

use crate::PageNumber;
use crate::cluster::harts::HartId;
use crate::cluster::{HostId, HostSet};

/// What a hart wants of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub enum Access {
    /// To read or to fetch.
    Read,
    /// To write.
    Write,
}

/// A hart wants a page that its host does not hold, or not so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Fault {
    /// Who wants it.
    pub hart: HartId,
    /// What it wants.
    pub page: PageNumber,
    /// What for.
    pub access: Access,
    /// Who would send it.
    pub holder: HostId,
    /// Who has a copy, the holder among them.
    pub copies: HostSet,
    /// Whether the host has had the page before and it was taken away.
    pub returns: bool,
    /// How many bytes must travel.
    pub bytes: u32,
}

/// What one host knows of the machine when something is to be decided.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct View {
    /// The host that decides.
    pub here: HostId,
    /// Every host.
    pub hosts: Vec<HostView>,
    /// The harts of this host.
    pub harts: Vec<HartView>,
    /// What it costs to move something.
    pub costs: Costs,
}

/// What is known of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct HostView {
    /// Which.
    pub host: HostId,
    /// How many harts can run there at a time.
    pub cores: u16,
    /// How many want to.
    pub load: u16,
    /// Whether it takes harts.
    pub open: bool,
}

/// What is known of a hart of this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct HartView {
    /// Which.
    pub hart: HartId,
    /// Since when it has been here.
    pub since: Instant,
    /// How many pages it has used lately that no other host holds, and which would have to follow it.
    pub pages: u32,
    /// How long its faults took lately, with all waiting for others; zero if that is not known.
    pub stall: Duration,
    /// Whether it wants to run.
    pub busy: bool,
}

/// What it costs to move something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Costs {
    /// How long it takes for a short message to be answered.
    pub round_trip: Duration,
    /// How many bytes travel in a second.
    pub bytes_per_second: u64,
    /// How many bytes a hart is.
    pub hart_bytes: u32,
}

impl Default for Costs {
    /// Those between processes of one computer, until some are measured.
    fn default() -> Self {
        Self { round_trip: Duration::from_micros(50), bytes_per_second: 1 << 30, hart_bytes: 1_200 }
    }
}

impl Costs {
    /// Takes a measured exchange into account: how many bytes came, and how long after being asked for.
    ///
    /// Short ones tell the round trip, long ones the bandwidth; each counts for an eighth.
    pub fn observe(&mut self, bytes: u32, took: Duration) {
        const SHORT: u32 = 1_024;
        if bytes <= SHORT {
            let nanos = blend(self.round_trip.as_nanos(), took.as_nanos());
            self.round_trip = Duration::from_nanos(nanos);
            return;
        }
        let travel = took.saturating_sub(self.round_trip).as_nanos().max(1);
        let rate = u64::from(bytes).saturating_mul(1_000_000_000) / travel;
        self.bytes_per_second = blend(self.bytes_per_second, rate.min(1 << 40)).max(1);
    }

    /// How long it takes to fetch so many bytes.
    #[must_use]
    pub fn fetch(&self, bytes: u32) -> Duration {
        let travel = u64::from(bytes) * 1_000_000_000 / self.bytes_per_second.max(1);
        self.round_trip.saturating_add(Duration::from_nanos(travel))
    }

    /// How long a hart stands still when it moves: its state, the answer, and the word to run.
    #[must_use]
    pub fn hart(&self) -> Duration {
        let half = Duration::from_nanos(self.round_trip.as_nanos() / 2);
        self.fetch(self.hart_bytes).saturating_add(half)
    }
}

const fn blend(old: u64, new: u64) -> u64 {
    (old - old / 8).saturating_add(new / 8)
}

impl View {
    /// What is known of a host.
    #[must_use]
    pub fn host(&self, host: HostId) -> Option<&HostView> {
        self.hosts.iter().find(|known| known.host == host)
    }

    /// What is known of a hart of this host.
    #[must_use]
    pub fn hart(&self, hart: HartId) -> Option<&HartView> {
        self.harts.iter().find(|known| known.hart == hart)
    }

    /// Whether a hart may go to a host.
    #[must_use]
    pub fn is_open(&self, host: HostId) -> bool {
        host != self.here && self.host(host).is_some_and(|known| known.open)
    }
}
