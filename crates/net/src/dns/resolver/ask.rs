//! [`Ask`]: a question to a server, and the check whether something is its reply.

use std::fmt;
use std::net::SocketAddr;

use hickory_proto::op::{Header, HeaderCounts, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{DNSClass, Name, RecordType};
use hickory_proto::serialize::binary::{BinDecodable as _, BinDecoder};
use ironloom_core::{Instant, Rng};

use crate::dns::wire::{Transport, edns};

/// A question to a server, as a [`Resolver`](super::Resolver) knows it. No two have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub(super) u64);

impl AskId {
    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for AskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ask-{}", self.0)
    }
}

/// A question that a server was asked and has not answered yet.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) job: u64,
    pub(super) id: u16,
    /// With the letters' case as it was sent.
    pub(super) query: Query,
    pub(super) to: Candidate,
    pub(super) transport: Transport,
    pub(super) deadline: Instant,
    /// How many replies were dropped because they were none.
    pub(super) mismatches: u32,
}

/// A server that may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) address: SocketAddr,
    /// How often it was asked before.
    pub(super) attempt: u32,
    /// Whether EDNS is spoken with it; some do not understand.
    pub(super) has_edns: bool,
}

/// Why something is not the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mismatch {
    Source,
    Id,
    Question,
}

impl Ask {
    /// The question in bytes.
    pub(super) fn message(&self, is_recursive: bool) -> Vec<u8> {
        let mut message = Message::new(self.id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = is_recursive;
        message.add_query(self.query.clone());
        if self.to.has_edns {
            message.set_edns(edns());
        }
        message.to_vec().expect("one question always fits")
    }

    /// Whether a message is the reply to this question. Only what is needed to tell is read.
    pub(super) fn check(&self, from: SocketAddr, bytes: &[u8]) -> Result<HeaderCounts, Mismatch> {
        if from != self.to.address {
            return Err(Mismatch::Source);
        }
        let mut decoder = BinDecoder::new(bytes);
        let Header { metadata, counts, .. } = Header::read(&mut decoder).map_err(|_| Mismatch::Id)?;
        if metadata.id != self.id || metadata.message_type != MessageType::Response {
            return Err(Mismatch::Id);
        }
        if counts.queries != 1 || metadata.op_code != OpCode::Query {
            return Err(Mismatch::Question);
        }
        let query = Query::read(&mut decoder).map_err(|_| Mismatch::Question)?;
        let is_same = query.query_type() == self.query.query_type()
            && query.query_class() == DNSClass::IN
            && query.name().eq_case(self.query.name());
        if is_same { Ok(counts) } else { Err(Mismatch::Question) }
    }
}

/// A question for a name, with the case of its letters drawn by chance.
pub(super) fn query(name: &Name, kind: RecordType, rng: &mut Rng) -> Query {
    let mut coins = 0;
    let mut tossed = 0;
    let mut toss = || {
        if tossed % 64 == 0 {
            coins = rng.next_u64();
        }
        tossed += 1;
        coins >>= 1;
        coins & 1 == 1
    };
    let labels: Vec<Vec<u8>> = name
        .iter()
        .map(|label| {
            label
                .iter()
                .map(|byte| match byte {
                    byte if !byte.is_ascii_alphabetic() => *byte,
                    byte if toss() => byte.to_ascii_uppercase(),
                    byte => byte.to_ascii_lowercase(),
                })
                .collect()
        })
        .collect();
    let mixed = Name::from_labels(labels.iter().map(Vec::as_slice)).expect("as long as the name that it was");
    Query::query(mixed, kind)
}
