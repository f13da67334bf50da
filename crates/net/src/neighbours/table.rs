//! [`Table`]: entries in a vector, and an index when they are many.

use ironloom_core::{HashState, Instant, Map};

use crate::{Mac, Packet};

use super::Config;

/// Up to so many entries searching all of them is faster than hashing.
const SEARCHED_MAX: usize = 8;

/// So many entries that were used lately are passed over for an older one when one must go.
const CHANCES_MAX: usize = 16;

/// What is known about one address.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: u128,
    /// When somebody last said that the card has the address.
    pub(super) confirmed: Instant,
    /// When the last question was sent.
    pub(super) asked: Instant,
    /// What waits for an answer.
    pub(super) waiting: Vec<Packet>,
    /// The card; `None` while nobody has answered.
    pub(super) mac: Option<Mac>,
    /// How many questions were sent since the last answer.
    pub(super) tries: u8,
    /// Whether it was looked up since one had to go.
    pub(super) used: bool,
}

impl Entry {
    /// An entry for which a question is sent now.
    pub(super) fn asking(key: u128, now: Instant) -> Self {
        Self { key, confirmed: now, asked: now, waiting: Vec::new(), mac: None, tries: 1, used: true }
    }

    /// An entry that is known without a question.
    pub(super) fn known(key: u128, now: Instant, mac: Mac) -> Self {
        Self { key, confirmed: now, asked: now, waiting: Vec::new(), mac: Some(mac), tries: 0, used: false }
    }

    /// Notes an answer, and gives what waited for it.
    pub(super) fn confirm(&mut self, now: Instant, mac: Mac) -> Vec<Packet> {
        self.mac = Some(mac);
        self.confirmed = now;
        self.tries = 0;
        std::mem::take(&mut self.waiting)
    }
}

/// Entries, found by address.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    entries: Vec<Entry>,
    /// Where in the vector an address is; only with many entries.
    index: Option<Box<Map<u128, u32>>>,
    /// Which entry goes next if one must: the hand of a clock.
    hand: usize,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    #[inline]
    pub(super) fn find(&self, key: u128) -> Option<usize> {
        match &self.index {
            None => self.entries.iter().position(|entry| entry.key == key),
            Some(index) => index.get(&key).map(|&index| index as usize),
        }
    }

    pub(super) fn entry(&self, index: usize) -> &Entry {
        &self.entries[index]
    }

    #[inline]
    pub(super) fn entry_mut(&mut self, index: usize) -> &mut Entry {
        &mut self.entries[index]
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Adds an entry whose key is not among them; the oldest makes room. `None` if packets wait for every entry.
    pub(super) fn insert(&mut self, config: &Config, entry: Entry) -> Option<usize> {
        while self.entries.len() >= (config.entries_max.max(1)) as usize {
            let oldest = self.oldest()?;
            self.remove(oldest);
        }
        let place = self.entries.len();
        if place == 0 {
            self.entries.reserve_exact(1);
        }
        if place == SEARCHED_MAX && self.index.is_none() {
            let mut index = Map::with_hasher(HashState::seeded(config.hash_seed));
            index.extend(self.entries.iter().enumerate().map(|(place, entry)| (entry.key, place as u32)));
            self.index = Some(Box::new(index));
        }
        if let Some(index) = &mut self.index {
            index.insert(entry.key, place as u32);
        }
        self.entries.push(entry);
        Some(place)
    }

    /// Takes an entry out; the last one takes its place.
    pub(super) fn remove(&mut self, place: usize) -> Entry {
        let removed = self.entries.swap_remove(place);
        if let Some(index) = &mut self.index {
            index.remove(&removed.key);
            if let Some(moved) = self.entries.get(place) {
                index.insert(moved.key, place as u32);
            }
        }
        removed
    }

    /// An entry for which nothing waits and that was not used lately, as far as a few steps find one.
    fn oldest(&mut self) -> Option<usize> {
        let (count, mut fallback) = (self.entries.len(), None);
        for step in 0..count {
            self.hand = (self.hand + 1) % count;
            let entry = &mut self.entries[self.hand];
            if !entry.waiting.is_empty() {
                continue;
            }
            if !std::mem::take(&mut entry.used) {
                return Some(self.hand);
            }
            fallback = Some(self.hand);
            if step >= CHANCES_MAX {
                break;
            }
        }
        fallback
    }
}
