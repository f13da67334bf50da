//! [`Authority`]: zones, and what is answered from them.

mod answer;
mod registry;

use hickory_proto::rr::Name;
use hickory_proto::rr::rdata::SOA;
use ironloom_core::{HashState, Map};
use thiserror::Error;

use super::Zone;
use super::folded::{Folded, upwards};
use super::wire::{MessageLimits, Request, Transport, Unanswerable};

pub(crate) use answer::{End, rows_of};
pub use registry::{RegisterError, Registry, reverse_origin};

/// What an [`Authority`] does and how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityConfig {
    /// How large messages may be.
    pub messages: MessageLimits,
    /// How many zones there may be.
    pub zones_max: usize,
    /// How many names that stand for others are followed for one question.
    pub aliases_max: usize,
    /// How many records that nobody asked for are added to one reply.
    pub additionals_max: usize,
}

impl Default for AuthorityConfig {
    fn default() -> Self {
        Self { messages: MessageLimits::default(), zones_max: 1 << 16, aliases_max: 16, additionals_max: 32 }
    }
}

/// What an authority was asked, and what it said: each question is counted once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AuthorityCounters {
    /// Questions that were answered with records.
    pub answered: u64,
    /// Questions that were answered with who knows.
    pub referred: u64,
    /// Questions for what a name does not have.
    pub without_data: u64,
    /// Questions for names that do not exist.
    pub without_name: u64,
    /// Questions for names of others.
    pub refused: u64,
    /// Messages that were questions, but not such as can be understood.
    pub malformed: u64,
    /// Messages that got no reply: too short to have a header, or replies themselves.
    pub dropped: u64,
    /// Replies, of those above, that were too large for a datagram.
    pub truncated: u64,
}

/// Zones, and what is answered from them.
///
/// ```
/// use ironloom_net::dns::{Authority, AuthorityConfig, AuthorityCounters, Name, Transport, Zone, ZoneText};
/// use ironloom_net::dns::wire_format::{Message, Query, RecordType, ResponseCode};
///
/// let origin = Name::from_ascii("lan.").unwrap();
/// let text = "@ 300 SOA ns hostmaster 1 2h 30m 2w 5m\n@ NS ns\nns A 10.0.0.2\nwww CNAME ns";
/// let mut authority = Authority::new(AuthorityConfig::default());
/// authority.add(Zone::parse(&origin, text, &ZoneText::default()).unwrap()).unwrap();
///
/// let mut question = Message::query();
/// question.add_query(Query::query("WWW.lan.".parse().unwrap(), RecordType::A));
/// let mut counters = AuthorityCounters::default();
/// let reply = authority.answer(&question.to_vec().unwrap(), Transport::Udp, &mut counters).unwrap();
/// let reply = Message::from_vec(&reply).unwrap();
/// assert_eq!(reply.response_code, ResponseCode::NoError);
/// assert_eq!(reply.answers.len(), 2);
/// ```
#[derive(Debug, Clone)]
pub struct Authority {
    config: AuthorityConfig,
    zones: Map<Box<[u8]>, Zone>,
    /// How long the keys of the zones are: no other domain above a name is looked up.
    lengths: Vec<usize>,
}

/// A zone cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// There is one with this name.
    #[error("there is a zone {origin} already: remove it first")]
    Exists {
        /// Its name.
        origin: Name,
    },
    /// There are as many as there may be.
    #[error("too many zones: zones_max is {zones_max}")]
    Full {
        /// How many there may be.
        zones_max: usize,
    },
}

impl Authority {
    /// An authority over nothing.
    #[must_use]
    pub fn new(config: AuthorityConfig) -> Self {
        Self { config, zones: Map::default(), lengths: Vec::new() }
    }

    /// Like [`new`](Self::new), with a hash state for zones whose names others choose.
    #[must_use]
    pub fn with_hash(config: AuthorityConfig, hash: HashState) -> Self {
        Self { config, zones: Map::with_hasher(hash), lengths: Vec::new() }
    }

    /// Adds a zone.
    ///
    /// # Errors
    ///
    /// If there is one with this name, or there are as many as there may be.
    pub fn add(&mut self, zone: Zone) -> Result<(), AuthorityError> {
        if self.zones.contains_key(zone.apex()) {
            return Err(AuthorityError::Exists { origin: zone.origin().clone() });
        }
        if self.zones.len() >= self.config.zones_max {
            return Err(AuthorityError::Full { zones_max: self.config.zones_max });
        }
        let length = zone.apex().len();
        self.zones.insert(zone.apex().into(), zone);
        if let Err(place) = self.lengths.binary_search(&length) {
            self.lengths.insert(place, length);
        }
        Ok(())
    }

    /// Takes a zone away.
    pub fn remove(&mut self, origin: &Name) -> Option<Zone> {
        let zone = self.zones.remove(Folded::of(origin).key());
        self.lengths = self.zones.keys().map(|key| key.len()).collect();
        self.lengths.sort_unstable();
        self.lengths.dedup();
        zone
    }

    /// The zone with exactly this name.
    #[must_use]
    pub fn zone(&self, origin: &Name) -> Option<&Zone> {
        self.zones.get(Folded::of(origin).key())
    }

    /// The zone with exactly this name, to be changed.
    pub fn zone_mut(&mut self, origin: &Name) -> Option<&mut Zone> {
        self.zones.get_mut(Folded::of(origin).key())
    }

    /// The zone that a name is in: the one with the longest name, if there are several.
    #[must_use]
    pub fn zone_of(&self, name: &Name) -> Option<&Zone> {
        self.closest(Folded::of(name).key())
    }

    /// The zone that a key is in.
    pub(crate) fn closest(&self, key: &[u8]) -> Option<&Zone> {
        upwards(key)
            .filter(|above| self.lengths.binary_search(&above.len()).is_ok())
            .find_map(|above| self.zones.get(above))
    }

    /// How many zones there are.
    #[must_use]
    pub fn zones(&self) -> usize {
        self.zones.len()
    }

    /// The reply to a message, or `None` if it is to get none.
    #[must_use]
    pub fn answer(
        &self,
        message: &[u8],
        transport: Transport,
        counters: &mut AuthorityCounters,
    ) -> Option<Vec<u8>> {
        match Request::read(message, transport, &self.config.messages) {
            Ok(request) => Some(self.reply(&request, counters)),
            Err(Unanswerable::Silent) => {
                counters.dropped += 1;
                None
            }
            Err(Unanswerable::Refused(reply)) => {
                counters.malformed += 1;
                Some(reply)
            }
        }
    }
}

/// A beginning for zones that are made rather than read.
pub(crate) fn plain_start(server: &Name) -> SOA {
    let mailbox = server.prepend_label("hostmaster").unwrap_or_else(|_| server.clone());
    SOA::new(server.clone(), mailbox, 1, 7_200, 1_800, 1_209_600, 60)
}

#[cfg(test)]
mod tests;
