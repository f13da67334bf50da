//! [`Cache`]: what others have said, for as long as they said it holds.
//!
//! Entries are found by a hash table and kept in a list by when they were last of use; what was of no use for longest
//! goes first when there is no room. Nothing wakes up when an entry's time has passed: it is found to be over when it is
//! next looked at, or goes with the others.

use std::sync::Arc;

use hickory_proto::rr::{Name, RData, Record, RecordType};
use ironloom_core::{Duration, HashState, Instant, Map};
use std::net::IpAddr;

/// How much is remembered, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheConfig {
    /// How many sets of records, denials and failures there may be.
    pub entries_max: usize,
    /// About how many bytes they may take.
    pub bytes_max: usize,
    /// For how long anything is believed, whatever is said.
    pub ttl_max: Duration,
    /// For how long "there is no such thing" is believed (RFC 2308, section 5).
    pub denial_ttl_max: Duration,
    /// For how long nobody is asked again what could not be found out (RFC 9520).
    pub failure_ttl: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            entries_max: 16_384,
            bytes_max: 16 << 20,
            ttl_max: Duration::from_secs(86_400),
            denial_ttl_max: Duration::from_secs(10_800),
            failure_ttl: Duration::from_secs(5),
        }
    }
}

/// Something that is remembered.
#[derive(Debug, Clone)]
pub(super) enum Known {
    /// Records of one name and type.
    Records(Arc<[RData]>),
    /// There is no such name, or nothing of the type; the zone's beginning, if it was told.
    Nothing { is_name_missing: bool, start: Option<Arc<Record>> },
    /// Who answers for a domain.
    Servers(Arc<[NameServer]>),
    /// It could not be found out.
    Failure,
}

/// Somebody who answers for a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NameServer {
    pub(super) name: Name,
    /// Its addresses as the domain above told them, if it did.
    pub(super) addresses: Vec<IpAddr>,
}

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// The records of a type.
    Kind(RecordType),
    /// The name: that it does not exist.
    Name,
    /// The servers of the domain.
    Domain,
}

/// Says that an entry is not in the list, or that no other is before or behind it.
const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Entry {
    key: Arc<[u8]>,
    known: Known,
    expires: Instant,
    bytes: usize,
    /// The neighbours in the list: used more recently, and less.
    newer: u32,
    older: u32,
}

#[derive(Debug)]
pub(super) struct Cache {
    config: CacheConfig,
    index: Map<Arc<[u8]>, u32>,
    entries: Vec<Entry>,
    newest: u32,
    oldest: u32,
    bytes: usize,
    evicted: u64,
}

impl Cache {
    pub(super) fn new(config: CacheConfig, hash: HashState) -> Self {
        Self {
            config,
            index: Map::with_hasher(hash),
            entries: Vec::new(),
            newest: NONE,
            oldest: NONE,
            bytes: 0,
            evicted: 0,
        }
    }

    pub(super) fn config(&self) -> &CacheConfig {
        &self.config
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many entries had to go before their time.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// What is known, and for how many more seconds.
    pub(super) fn find(
        &mut self,
        now: Instant,
        view: u16,
        name: &[u8],
        about: About,
    ) -> Option<(Known, u32)> {
        let (key, len) = key(view, name, about);
        let index = *self.index.get(&key[..len])?;
        let entry = &self.entries[index as usize];
        let Some(left) = entry.expires.checked_since(now).filter(|left| !left.is_zero()) else {
            self.remove(index);
            return None;
        };
        let found = (entry.known.clone(), seconds(left));
        self.unlink(index);
        self.link(index);
        Some(found)
    }

    /// Remembers something for a time. What has none is forgotten at once, and what was known before with it.
    pub(super) fn insert(
        &mut self,
        now: Instant,
        view: u16,
        name: &[u8],
        about: About,
        known: Known,
        ttl: Duration,
    ) {
        let (key, len) = key(view, name, about);
        let key = &key[..len];
        if let Some(index) = self.index.get(key) {
            self.remove(*index);
        }
        let bytes = known.bytes() + 2 * key.len() + size_of::<Entry>() + 32;
        if ttl.is_zero() || bytes > self.config.bytes_max || self.config.entries_max == 0 {
            return;
        }
        while self.entries.len() >= self.config.entries_max || self.bytes + bytes > self.config.bytes_max {
            let oldest = self.oldest;
            let is_over = self.entries[oldest as usize].expires <= now;
            self.evicted += u64::from(!is_over);
            self.remove(oldest);
        }
        let (key, expires) = (Arc::from(key), now.saturating_add(ttl));
        let index = u32::try_from(self.entries.len()).expect("entries are numbered with 32 bits");
        self.index.insert(Arc::clone(&key), index);
        self.entries.push(Entry { key, known, expires, bytes, newer: NONE, older: NONE });
        self.bytes += bytes;
        self.link(index);
    }

    /// Makes an entry the newest.
    fn link(&mut self, index: u32) {
        let before = self.newest;
        let entry = &mut self.entries[index as usize];
        (entry.newer, entry.older) = (NONE, before);
        self.newest = index;
        match self.entries.get_mut(before as usize) {
            Some(before) => before.newer = index,
            None => self.oldest = index,
        }
    }

    /// Takes an entry out of the list.
    fn unlink(&mut self, index: u32) {
        let Entry { newer, older, .. } = self.entries[index as usize];
        match self.entries.get_mut(newer as usize) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
        match self.entries.get_mut(older as usize) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
    }

    /// Forgets an entry; the last one takes its place.
    fn remove(&mut self, index: u32) {
        self.unlink(index);
        let last = self.entries.len() as u32 - 1;
        if index != last {
            // The last one is told to its neighbours under its new number.
            let Entry { newer, older, .. } = self.entries[last as usize];
            match self.entries.get_mut(newer as usize) {
                Some(entry) => entry.older = index,
                None => self.newest = index,
            }
            match self.entries.get_mut(older as usize) {
                Some(entry) => entry.newer = index,
                None => self.oldest = index,
            }
            *self.index.get_mut(&self.entries[last as usize].key).expect("every entry is in the index") =
                index;
        }
        let removed = self.entries.swap_remove(index as usize);
        self.index.remove(&removed.key);
        self.bytes -= removed.bytes;
    }
}

impl Known {
    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        match self {
            Self::Records(records) => records.iter().map(|data| size_of::<RData>() + heap_bytes(data)).sum(),
            Self::Nothing { start, .. } => start.as_ref().map_or(0, |_| size_of::<Record>()),
            Self::Servers(servers) => servers
                .iter()
                .map(|server| size_of::<NameServer>() + server.name.len() + size_of_val(&*server.addresses))
                .sum(),
            Self::Failure => 0,
        }
    }
}

/// About how much memory record data takes besides its own size.
fn heap_bytes(data: &RData) -> usize {
    match data {
        RData::TXT(txt) => txt.txt_data.iter().map(|text| text.len() + size_of::<Box<[u8]>>()).sum(),
        RData::Unknown { rdata, .. } | RData::NULL(rdata) => rdata.anything.len(),
        RData::OPT(_) | RData::SVCB(_) | RData::HTTPS(_) | RData::NAPTR(_) | RData::CERT(_) => 1_024,
        _ => 64,
    }
}

/// Whole seconds, rounded down: nothing is said to hold longer than it does.
fn seconds(left: Duration) -> u32 {
    u32::try_from(left.as_nanos() / 1_000_000_000).unwrap_or(u32::MAX)
}

/// The bytes by which an entry is found, and how many of them there are.
fn key(view: u16, name: &[u8], about: About) -> ([u8; 261], usize) {
    // Types have 16 bits: what is beyond them is about something else.
    let about = match about {
        About::Kind(kind) => u32::from(u16::from(kind)),
        About::Name => 1 << 16,
        About::Domain => 2 << 16,
    };
    let mut key = [0; 261];
    key[..2].copy_from_slice(&view.to_be_bytes());
    key[2..6].copy_from_slice(&about.to_be_bytes());
    let len = 6 + name.len();
    key[6..len].copy_from_slice(name);
    (key, len)
}

#[cfg(test)]
mod tests;
