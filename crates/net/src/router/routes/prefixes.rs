//! [`Prefixes`]: the routes of one family.

use std::hash::Hash;
use std::ops::BitAnd;

use ironloom_core::Map;

use crate::Port;

use super::Hop;

/// The bits of an address.
pub(super) trait Bits: Copy + Eq + Hash + BitAnd<Output = Self> {
    /// A mask of so many leading ones.
    fn mask(length: u8) -> Self;
}

impl Bits for u32 {
    fn mask(length: u8) -> Self {
        Self::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0)
    }
}

impl Bits for u128 {
    fn mask(length: u8) -> Self {
        Self::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0)
    }
}

/// The routes of one family: a map for each prefix length that is in use, the longest first.
#[derive(Debug, Clone)]
pub(super) struct Prefixes<B> {
    levels: Vec<Level<B>>,
    len: usize,
}

#[derive(Debug, Clone)]
struct Level<B> {
    length: u8,
    mask: B,
    networks: Map<B, Ways>,
}

/// The ways to one network.
#[derive(Debug, Clone, Default)]
struct Ways {
    /// The one to take: the first that can be used.
    best: Option<Hop>,
    /// All of them, the smallest metric first.
    all: Vec<Hop>,
}

impl<B> Default for Prefixes<B> {
    fn default() -> Self {
        Self { levels: Vec::new(), len: 0 }
    }
}

impl<B: Bits> Prefixes<B> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn insert(&mut self, address: B, length: u8, hop: Hop, down: &[Port]) -> Option<Hop> {
        let at = match self.level(length) {
            Ok(at) => at,
            Err(at) => {
                self.levels.insert(at, Level { length, mask: B::mask(length), networks: Map::default() });
                at
            }
        };
        let level = &mut self.levels[at];
        let ways = level.networks.entry(address & level.mask).or_default();
        let replaced = match ways.all.binary_search_by_key(&hop.metric, |other| other.metric) {
            Ok(at) => Some(std::mem::replace(&mut ways.all[at], hop)),
            Err(at) => {
                ways.all.insert(at, hop);
                self.len += 1;
                None
            }
        };
        ways.choose(down);
        replaced
    }

    pub(super) fn remove(&mut self, address: B, length: u8, metric: u32, down: &[Port]) -> Option<Hop> {
        let at = self.level(length).ok()?;
        let level = &mut self.levels[at];
        let network = address & level.mask;
        let ways = level.networks.get_mut(&network)?;
        let way = ways.all.binary_search_by_key(&metric, |other| other.metric).ok()?;
        let removed = ways.all.remove(way);
        ways.choose(down);
        if ways.all.is_empty() {
            level.networks.remove(&network);
        }
        if level.networks.is_empty() {
            self.levels.remove(at);
        }
        self.len -= 1;
        Some(removed)
    }

    pub(super) fn at(&self, address: B, length: u8, metric: u32) -> Option<Hop> {
        let level = &self.levels[self.level(length).ok()?];
        let ways = level.networks.get(&(address & level.mask))?;
        ways.all.iter().find(|hop| hop.metric == metric).copied()
    }

    #[inline]
    pub(super) fn find(&self, address: B) -> Option<Hop> {
        self.levels.iter().find_map(|level| level.networks.get(&(address & level.mask))?.best)
    }

    /// Chooses the best way to each network again, after ports went up or down.
    pub(super) fn choose_again(&mut self, down: &[Port]) {
        for level in &mut self.levels {
            level.networks.values_mut().for_each(|ways| ways.choose(down));
        }
    }

    /// All routes, in no order to be shown.
    pub(super) fn iter(&self) -> impl Iterator<Item = (B, u8, Hop)> {
        self.levels.iter().flat_map(|level| {
            let networks = level.networks.iter();
            networks.flat_map(|(bits, ways)| ways.all.iter().map(|hop| (*bits, level.length, *hop)))
        })
    }

    /// Where the level of a length is, or where it would be.
    fn level(&self, length: u8) -> Result<usize, usize> {
        self.levels.binary_search_by(|level| length.cmp(&level.length))
    }
}

impl Ways {
    fn choose(&mut self, down: &[Port]) {
        self.best = self.all.iter().find(|hop| !down.contains(&hop.port)).copied();
    }
}
