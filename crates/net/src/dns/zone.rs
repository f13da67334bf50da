//! [`Zone`]: the names that one authority answers for.
//!
//! A zone is a table from folded names to sets of records. Every name between the zone's origin and a name with
//! records is in the table too, though it may hold nothing: such a name exists (RFC 4592, section 2.2.2), so it is
//! answered with "no such data" and keeps a wildcard above it from speaking for it.
//! Invariant: a name is in the table if and only if it is the origin, holds records, or has a name below it in the
//! table; what is counted (`cuts`, `wildcards`) is what the table holds.

mod error;
mod find;
mod text;

use std::fmt;

use hickory_proto::rr::{Name, RData, Record, RecordType, rdata::SOA};
use ironloom_core::{HashState, Map};

use super::folded::{Folded, is_wildcard, is_within, parent, unfold};

pub use error::{ZoneError, ZoneTextError, ZoneTextProblem};
pub(crate) use find::{Found, Records};
pub use text::ZoneText;

/// How much a zone may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneLimits {
    /// How many records there may be.
    pub records_max: usize,
    /// How many records of one name may have one type: they all travel together.
    pub set_records_max: usize,
}

impl Default for ZoneLimits {
    fn default() -> Self {
        Self { records_max: 1 << 21, set_records_max: 256 }
    }
}

/// The names of one part of the tree of names, and what is known of them.
///
/// ```
/// use ironloom_net::dns::{Name, RData, Zone, ZoneText, rdata};
///
/// let text = "
/// $TTL 1h
/// @     SOA ns1 hostmaster 1 2h 30m 2w 5m
///       NS  ns1
/// ns1   A   10.0.0.2
/// *.dev A   10.0.9.9
/// ";
/// let origin = Name::from_ascii("lan.").unwrap();
/// let mut zone = Zone::parse(&origin, text, &ZoneText::default()).unwrap();
/// zone.insert(&"www.lan.".parse().unwrap(), 60, RData::A(rdata::A::new(10, 0, 0, 3))).unwrap();
/// assert_eq!(zone.records(), 5);
/// ```
#[derive(Clone)]
pub struct Zone {
    origin: Name,
    /// The origin's key.
    apex: Box<[u8]>,
    /// What every zone begins with, and how long it may be remembered, in seconds.
    start: RData,
    start_ttl: u32,
    nodes: Map<Box<[u8]>, Node>,
    records: usize,
    /// How many names below the origin lead to other servers.
    cuts: usize,
    wildcards: usize,
    limits: ZoneLimits,
}

/// What is known of a name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Node {
    /// By type, each type once.
    sets: Vec<Set>,
    /// How many names right below it are in the table.
    children: u32,
}

/// The records of one name that have one type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Set {
    pub(crate) kind: RecordType,
    /// How long they may be remembered, in seconds.
    pub(crate) ttl: u32,
    /// At least one, all different.
    pub(crate) data: Vec<RData>,
}

impl Zone {
    /// A zone that holds nothing but its beginning.
    #[must_use]
    pub fn new(origin: &Name, start: SOA, ttl: u32) -> Self {
        Self::with_limits(origin, start, ttl, ZoneLimits::default(), HashState::default())
    }

    /// Like [`new`](Self::new), with limits, and a hash state for zones into which others put names of their choice.
    #[must_use]
    pub fn with_limits(origin: &Name, start: SOA, ttl: u32, limits: ZoneLimits, hash: HashState) -> Self {
        let mut origin = origin.clone();
        origin.set_fqdn(true);
        let apex: Box<[u8]> = Folded::of(&origin).key().into();
        let mut nodes = Map::with_hasher(hash);
        nodes.insert(apex.clone(), Node::default());
        Self {
            origin,
            apex,
            start: RData::SOA(start),
            start_ttl: ttl,
            nodes,
            records: 1,
            cuts: 0,
            wildcards: 0,
            limits,
        }
    }

    /// The name that all its names end with.
    #[must_use]
    pub fn origin(&self) -> &Name {
        &self.origin
    }

    /// What every zone begins with: who is responsible, and how long "there is no such name" may be remembered.
    #[must_use]
    pub fn start(&self) -> &SOA {
        let RData::SOA(start) = &self.start else { unreachable!("only `new` sets it") };
        start
    }

    /// How many records there are, its beginning included.
    #[must_use]
    pub fn records(&self) -> usize {
        self.records
    }

    /// Adds a record. If it is there already, nothing changes but, perhaps, how long it may be remembered: that is one
    /// number for all records of a type and a name, and the last one counts (RFC 2181, section 5.2).
    ///
    /// # Errors
    ///
    /// If the name is not within the zone, the type is none that zones here hold, the record cannot be beside others
    /// that are there, or there are as many records as there may be.
    pub fn insert(&mut self, name: &Name, ttl: u32, data: RData) -> Result<(), ZoneError> {
        let folded = Folded::of(name);
        let key = folded.key();
        self.check(name, key, &data)?;
        let kind = data.record_type();
        self.plant(key);
        let Some(node) = self.nodes.get_mut(key) else { unreachable!("it was planted") };
        if let Some(set) = node.sets.iter_mut().find(|set| set.kind == kind) {
            set.ttl = ttl;
            if set.data.contains(&data) {
                return Ok(());
            }
            set.data.push(data);
        } else {
            node.sets.push(Set { kind, ttl, data: vec![data] });
            self.cuts += usize::from(kind == RecordType::NS && key.len() > self.apex.len());
        }
        self.records += 1;
        Ok(())
    }

    /// Whether a record may be added.
    fn check(&self, name: &Name, key: &[u8], data: &RData) -> Result<(), ZoneError> {
        let kind = data.record_type();
        let name = || name.clone();
        if !is_within(key, &self.apex) {
            return Err(ZoneError::OutOfZone { name: name().into(), origin: self.origin.clone().into() });
        }
        match kind {
            RecordType::SOA => return Err(ZoneError::SecondStart { name: name() }),
            RecordType::NS if is_wildcard(key) => return Err(ZoneError::WildcardCut { name: name() }),
            RecordType::CNAME if key.len() == self.apex.len() => {
                return Err(ZoneError::AliasWithOthers { name: name() });
            }
            _ if !is_held(kind) => return Err(ZoneError::Unsupported { kind }),
            _ => {}
        }
        let sets = self.nodes.get(key).map_or(&[][..], |node| &node.sets);
        let same = sets.iter().find(|set| set.kind == kind);
        let is_known = same.is_some_and(|set| set.data.contains(data));
        let alias = sets.iter().any(|set| set.kind == RecordType::CNAME);
        if !is_known && (alias || kind == RecordType::CNAME && !sets.is_empty()) {
            return Err(ZoneError::AliasWithOthers { name: name() });
        }
        if !is_known && self.records >= self.limits.records_max {
            return Err(ZoneError::Full { records_max: self.limits.records_max });
        }
        if same.is_some_and(|set| !is_known && set.data.len() >= self.limits.set_records_max) {
            return Err(ZoneError::SetFull { name: name(), set_records_max: self.limits.set_records_max });
        }
        Ok(())
    }

    /// Puts a name into the table, and those above it of which it is the first.
    fn plant(&mut self, key: &[u8]) {
        let (mut key, mut is_new) = (key, self.add(key));
        while is_new {
            key = parent(key).expect("the origin is above, and always in the table");
            is_new = self.add(key);
            self.nodes.get_mut(key).expect("it was added").children += 1;
        }
    }

    /// Puts one name into the table; whether it was not there before.
    fn add(&mut self, key: &[u8]) -> bool {
        if self.nodes.contains_key(key) {
            return false;
        }
        self.wildcards += usize::from(is_wildcard(key));
        self.nodes.insert(key.into(), Node::default());
        true
    }

    /// Takes away all records of a name that have one type; how many there were.
    pub fn remove(&mut self, name: &Name, kind: RecordType) -> usize {
        self.remove_if(name, |data| data.record_type() == kind)
    }

    /// Takes away the records of a name of which something holds; how many there were.
    pub fn remove_if(&mut self, name: &Name, mut is_to_go: impl FnMut(&RData) -> bool) -> usize {
        let folded = Folded::of(name);
        let key = folded.key();
        let is_below = key.len() > self.apex.len();
        let Some(node) = self.nodes.get_mut(key) else {
            return 0;
        };
        let mut removed = 0;
        node.sets.retain_mut(|set| {
            let before = set.data.len();
            set.data.retain(|data| !is_to_go(data));
            removed += before - set.data.len();
            let was_cut = set.data.is_empty() && set.kind == RecordType::NS && is_below;
            self.cuts -= usize::from(was_cut);
            !set.data.is_empty()
        });
        self.records -= removed;
        self.uproot(key);
        removed
    }

    /// Takes names out of the table that exist no more: this one, and those above it.
    fn uproot(&mut self, key: &[u8]) {
        let mut above = Some(key);
        while let Some(key) = above.filter(|key| key.len() > self.apex.len()) {
            let is_bare = |node: &Node| node.sets.is_empty() && node.children == 0;
            if !self.nodes.get(key).is_some_and(is_bare) {
                return;
            }
            self.nodes.remove(key);
            self.wildcards -= usize::from(is_wildcard(key));
            above = parent(key);
            if let Some(parent) = above.and_then(|parent| self.nodes.get_mut(parent)) {
                parent.children -= 1;
            }
        }
    }

    /// Tells those who keep copies that something has changed: raises the serial number (RFC 1982).
    pub fn touch(&mut self) {
        if let RData::SOA(start) = &mut self.start {
            start.serial = start.serial.wrapping_add(1);
        }
    }

    /// All records, the beginning first, then by name from the origin down, then by type.
    pub fn iter(&self) -> impl Iterator<Item = Record> {
        let mut keys: Vec<&[u8]> = self.nodes.keys().map(|key| &**key).collect();
        keys.sort_by_cached_key(|key| canonical(key));
        let start = Record::from_rdata(self.origin.clone(), self.start_ttl, self.start.clone());
        let rest = keys.into_iter().flat_map(|key| {
            let mut sets: Vec<&Set> = self.nodes[key].sets.iter().collect();
            sets.sort_by_key(|set| u16::from(set.kind));
            let name = unfold(key);
            sets.into_iter().flat_map(move |set| {
                let name = name.clone();
                set.data.iter().map(move |data| Record::from_rdata(name.clone(), set.ttl, data.clone()))
            })
        });
        std::iter::once(start).chain(rest)
    }
}

/// Two zones are equal if they hold the same records.
impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        let same = |left: &Node, right: &Node| {
            left.sets.len() == right.sets.len()
                && left.sets.iter().all(|set| right.sets.iter().any(|other| set.is_like(other)))
        };
        self.apex == other.apex
            && (&self.start, self.start_ttl) == (&other.start, other.start_ttl)
            && self.nodes.len() == other.nodes.len()
            && self
                .nodes
                .iter()
                .all(|(key, node)| other.nodes.get(key).is_some_and(|other| same(node, other)))
    }
}

impl Set {
    /// Whether both hold the same records, in whatever order.
    fn is_like(&self, other: &Self) -> bool {
        (self.kind, self.ttl, self.data.len()) == (other.kind, other.ttl, other.data.len())
            && self.data.iter().all(|data| other.data.contains(data))
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zone")
            .field("origin", &self.origin)
            .field("records", &self.records)
            .finish_non_exhaustive()
    }
}

/// Whether zones here hold records of a type.
fn is_held(kind: RecordType) -> bool {
    use RecordType::{A, AAAA, CNAME, MX, NS, PTR, SRV, TXT};
    matches!(kind, A | AAAA | CNAME | MX | NS | PTR | SRV | TXT)
}

/// What sorts names by their labels from the root down.
fn canonical(key: &[u8]) -> Vec<Vec<u8>> {
    let mut labels: Vec<Vec<u8>> = super::folded::upwards(key)
        .filter_map(|key| key.split_first())
        .map(|(len, rest)| rest[..usize::from(*len)].to_vec())
        .collect();
    labels.reverse();
    labels
}

#[cfg(test)]
mod tests;
