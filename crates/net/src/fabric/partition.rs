//! [`Partitions`]: who cannot reach whom at present.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ironloom_core::{Map, local_id};

use super::StationId;

local_id! {
    /// A partition that was made, and will be healed.
    pub struct PartitionId(u32) = "partition";
}

/// Which way nothing passes between two sets of stations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Barrier {
    /// Neither way.
    Both,
    /// From the first set to the second nothing passes; the other way everything does.
    Forth,
}

/// The partitions that are in force.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    partitions: BTreeMap<PartitionId, Partition>,
    next: u32,
}

#[derive(Debug)]
struct Partition {
    barrier: Barrier,
    sides: Map<StationId, Side>,
    addresses: Map<IpAddr, Side>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    First,
    Second,
}

/// A station and the address by which packets are known to be meant for it.
pub(super) type Member = (StationId, Option<IpAddr>);

impl Partitions {
    pub(super) fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    pub(super) fn add(
        &mut self,
        barrier: Barrier,
        first: impl Iterator<Item = Member>,
        second: impl Iterator<Item = Member>,
    ) -> PartitionId {
        let mut partition = Partition { barrier, sides: Map::default(), addresses: Map::default() };
        first.for_each(|member| partition.enter(member, Side::First));
        second.for_each(|member| partition.enter(member, Side::Second));
        let id = PartitionId::new(self.next);
        self.next = self.next.wrapping_add(1);
        self.partitions.insert(id, partition);
        id
    }

    pub(super) fn remove(&mut self, id: PartitionId) -> bool {
        self.partitions.remove(&id).is_some()
    }

    /// Whether a frame that `from` sends to `to` cannot pass: because of who they are, or of whom it is meant for.
    pub(super) fn part(&self, from: StationId, to: StationId, addressee: Option<IpAddr>) -> bool {
        self.partitions.values().any(|partition| partition.parts(from, to, addressee))
    }
}

impl Partition {
    fn enter(&mut self, (station, address): Member, side: Side) {
        self.sides.insert(station, side);
        if let Some(address) = address {
            self.addresses.insert(address, side);
        }
    }

    fn parts(&self, from: StationId, to: StationId, addressee: Option<IpAddr>) -> bool {
        let Some(here) = self.sides.get(&from) else { return false };
        let is_across = |there: Option<&Side>| {
            there
                .is_some_and(|there| here != there && (self.barrier == Barrier::Both || *here == Side::First))
        };
        is_across(self.sides.get(&to))
            || is_across(addressee.and_then(|address| self.addresses.get(&address)))
    }
}
