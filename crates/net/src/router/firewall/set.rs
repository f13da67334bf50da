//! [`Ranges`]: the addresses that a set of networks covers.

use std::net::IpAddr;

use ipnet::IpNet;

/// Addresses as ranges that neither touch nor overlap, in order, so that a lookup is a binary search.
#[derive(Debug, Clone, Default)]
pub(super) struct Ranges {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl Ranges {
    pub(super) fn new(networks: &[IpNet]) -> Self {
        let mut ranges = Self::default();
        for network in networks {
            match network {
                IpNet::V4(net) => ranges.v4.push((net.network().to_bits(), net.broadcast().to_bits())),
                IpNet::V6(net) => ranges.v6.push((net.network().to_bits(), net.broadcast().to_bits())),
            }
        }
        ranges.v4 = merged(ranges.v4, |last| last.checked_add(1));
        ranges.v6 = merged(ranges.v6, |last| last.checked_add(1));
        ranges
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => covers(&self.v4, address.to_bits()),
            IpAddr::V6(address) => covers(&self.v6, address.to_bits()),
        }
    }
}

fn merged<B: Copy + Ord>(mut ranges: Vec<(B, B)>, after: impl Fn(B) -> Option<B>) -> Vec<(B, B)> {
    ranges.sort_unstable();
    let mut merged: Vec<(B, B)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            // What ends at the very last address touches whatever follows.
            Some(before) if after(before.1).is_none_or(|next| first <= next) => before.1 = before.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged
}

fn covers<B: Copy + Ord>(ranges: &[(B, B)], address: B) -> bool {
    let at = ranges.partition_point(|(first, _)| *first <= address);
    at.checked_sub(1).is_some_and(|at| address <= ranges[at].1)
}
