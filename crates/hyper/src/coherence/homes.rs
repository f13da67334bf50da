//! [`Homes`]: which host keeps the directory entry of a page.
//!
//! Each stretch of pages goes to the host of which a hash of the two is highest. So a host that joins takes some from
//! each of the others, one that leaves hands some to each, and nothing else moves.

use super::{CoherenceConfig, Page};
use crate::cluster::{HostId, HostSet};

#[derive(Debug, Clone, Hash)]
pub(super) struct Homes {
    grain: u32,
    /// The home of each stretch.
    stretches: Box<[HostId]>,
}

impl Homes {
    pub(super) fn new(config: &CoherenceConfig, hosts: HostSet) -> Self {
        let stretches = config.pages.div_ceil(config.grain_pages);
        Self {
            grain: config.grain_pages,
            stretches: (0..stretches).map(|stretch| best(stretch, hosts)).collect(),
        }
    }

    pub(super) fn of(&self, page: Page) -> HostId {
        self.stretches[(page.get() / self.grain) as usize]
    }

    pub(super) fn bytes(&self) -> usize {
        self.stretches.len()
    }
}

/// Who would be the home of a page if only these were hosts.
pub(super) fn home_among(config: &CoherenceConfig, page: Page, hosts: HostSet) -> HostId {
    best(page.get() / config.grain_pages, hosts)
}

fn best(stretch: u32, hosts: HostSet) -> HostId {
    let weight = |host: &HostId| (mix(u64::from(stretch) << 8 | u64::from(host.number())), *host);
    hosts.iter().max_by_key(weight).expect("a machine has hosts")
}

/// The finalizer of SplitMix64: each bit of the input moves half of the output.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}
