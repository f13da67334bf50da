//! Finding in a [`Zone`]: the algorithm of RFC 1034, section 4.3.2, with wildcards as RFC 4592 has them.

use hickory_proto::rr::{Name, RData, RecordType};

use super::{Node, Set, Zone};
use crate::dns::folded::{upwards, wildcard_of};

/// What a zone says of a name and a type.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    /// These records.
    Records(Records<'a>),
    /// The name stands for another.
    Alias(Records<'a>, &'a Name),
    /// Others know: how long the key of the domain is from which on they do, and who they are.
    Elsewhere(usize, Records<'a>),
    /// The name exists, but has nothing of this type.
    NoData,
    /// There is no such name.
    NoName,
}

/// Records of one name and type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Records<'a> {
    /// How long they may be remembered, in seconds.
    pub(crate) ttl: u32,
    /// At least one.
    pub(crate) data: &'a [RData],
}

impl<'a> From<&'a Set> for Records<'a> {
    fn from(set: &'a Set) -> Self {
        Self { ttl: set.ttl, data: &set.data }
    }
}

impl Zone {
    /// The origin's key.
    pub(crate) fn apex(&self) -> &[u8] {
        &self.apex
    }

    /// What is known of a name, which must be within the zone.
    pub(crate) fn find(&self, key: &[u8], kind: RecordType) -> Found<'_> {
        if self.cuts > 0
            && let Some((cut, servers)) = self.cut(key)
        {
            return Found::Elsewhere(cut, servers);
        }
        if let Some(node) = self.nodes.get(key) {
            return self.choose(node, key.len() == self.apex.len(), kind);
        }
        if self.wildcards == 0 {
            return Found::NoName;
        }
        let encloser = upwards(key).find(|above| self.nodes.contains_key(*above));
        let wildcard = encloser.and_then(wildcard_of);
        match wildcard.and_then(|wildcard| self.nodes.get(&*wildcard)) {
            Some(node) => self.choose(node, false, kind),
            None => Found::NoName,
        }
    }

    /// The highest name, from below the origin down to this one, that leads to other servers.
    fn cut(&self, key: &[u8]) -> Option<(usize, Records<'_>)> {
        let below = upwards(key).take_while(|above| above.len() > self.apex.len());
        let servers = |key: &[u8]| Some((key.len(), self.glue(key, RecordType::NS)?));
        below.filter_map(servers).last()
    }

    fn choose<'a>(&'a self, node: &'a Node, is_apex: bool, kind: RecordType) -> Found<'a> {
        let is_start = is_apex && matches!(kind, RecordType::SOA | RecordType::ANY);
        if is_start {
            return Found::Records(self.start_records());
        }
        // A question for anything is answered with something (RFC 8482, section 4.1).
        let is_wanted = |set: &&Set| set.kind == kind || kind == RecordType::ANY;
        if let Some(set) = node.sets.iter().find(is_wanted) {
            return Found::Records(set.into());
        }
        // An alias is alone: if there is one, it is the first.
        match node.sets.first().map(|set| (set, &set.data[..])) {
            Some((set, [RData::CNAME(target)])) => Found::Alias(set.into(), &target.0),
            _ => Found::NoData,
        }
    }

    /// The zone's beginning.
    pub(crate) fn start_records(&self) -> Records<'_> {
        Records { ttl: self.start_ttl, data: std::slice::from_ref(&self.start) }
    }

    /// How long "there is no such thing" may be remembered, in seconds (RFC 2308, section 3).
    pub(crate) fn negative_ttl(&self) -> u32 {
        self.start_ttl.min(self.start().minimum)
    }

    /// What the zone holds of a name, be it only to lead to other servers.
    pub(crate) fn glue(&self, key: &[u8], kind: RecordType) -> Option<Records<'_>> {
        let set = self.nodes.get(key)?.sets.iter().find(|set| set.kind == kind)?;
        Some(set.into())
    }
}
