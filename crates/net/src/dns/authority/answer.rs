//! How a question is answered: RFC 1034, section 4.3.2, over several zones.

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{DNSClass, Name, RData, RecordType};

use super::{Authority, AuthorityCounters};
use crate::dns::Zone;
use crate::dns::folded::{Folded, unfold};
use crate::dns::wire::{Reply, Request, Row};
use crate::dns::zone::{Found, Records};

/// A way through names that stand for others.
#[derive(Debug)]
pub(crate) struct Way<'a> {
    /// The names that stand for others, and the records that say so; each leads to the next.
    pub(crate) aliases: Vec<(&'a Name, Records<'a>)>,
    /// The name that comes last.
    pub(crate) last: &'a Name,
    /// What is known of it.
    pub(crate) end: End<'a>,
}

/// Where a way has led.
#[derive(Debug)]
pub(crate) enum End<'a> {
    /// To these records.
    Records(Records<'a>),
    /// To other servers, from this domain on.
    Elsewhere(Name, Records<'a>),
    /// To a name in this zone that has nothing of the type.
    NoData(&'a Zone),
    /// To a name that this zone does not have.
    NoName(&'a Zone),
    /// Out of all zones.
    Outside,
    /// Nowhere: too many names stand for others.
    Nowhere,
}

impl Authority {
    /// Follows a name as far as zones here know the way.
    pub(crate) fn follow<'a>(&'a self, name: &'a Name, kind: RecordType) -> Way<'a> {
        let mut way = Way { aliases: Vec::new(), last: name, end: End::Nowhere };
        for _ in 0..=self.config.aliases_max {
            let key = Folded::of(way.last);
            let Some(zone) = self.closest(key.key()) else {
                way.end = End::Outside;
                return way;
            };
            way.end = match zone.find(key.key(), kind) {
                Found::Records(records) => End::Records(records),
                Found::Elsewhere(len, servers) => {
                    End::Elsewhere(unfold(&key.key()[key.key().len() - len..]), servers)
                }
                Found::NoData => End::NoData(zone),
                Found::NoName => End::NoName(zone),
                Found::Alias(records, target) => {
                    way.aliases.push((way.last, records));
                    way.last = target;
                    continue;
                }
            };
            return way;
        }
        way
    }

    /// The reply to a question, in bytes.
    pub(crate) fn reply(&self, request: &Request, counters: &mut AuthorityCounters) -> Vec<u8> {
        let kind = request.query.query_type();
        // What is asked of a whole zone is not for everybody.
        let is_transfer = matches!(kind, RecordType::AXFR | RecordType::IXFR);
        if is_transfer || !matches!(request.query.query_class(), DNSClass::IN | DNSClass::ANY) {
            counters.refused += 1;
            return Reply::new(ResponseCode::Refused).write(request).bytes;
        }
        let way = self.follow(request.query.name(), kind);
        let mut reply = way.reply();
        reply.additionals = self.additionals(&way);
        count(&way, counters);
        let written = reply.write(request);
        counters.truncated += u64::from(written.is_truncated);
        written.bytes
    }

    /// Addresses of those whom the reply names: who asks would want to know them next.
    pub(crate) fn additionals<'a>(&'a self, way: &Way<'a>) -> Vec<Row<'a>> {
        let (data, is_referral) = match &way.end {
            End::Records(records) => (records.data, false),
            End::Elsewhere(_, servers) => (servers.data, true),
            _ => return Vec::new(),
        };
        let mut rows: Vec<Row<'a>> = Vec::new();
        for host in data.iter().filter_map(host) {
            if rows.iter().any(|row| row.name == host) {
                continue;
            }
            for kind in [RecordType::A, RecordType::AAAA] {
                let known = self.addresses(host, kind, is_referral);
                rows.extend(known.into_iter().flat_map(|records| rows_of(host, records)));
            }
            if rows.len() > self.config.additionals_max {
                rows.truncate(self.config.additionals_max);
                break;
            }
        }
        rows
    }

    /// The addresses of a host, as its own zone knows them, or as the zone that leads to it does.
    fn addresses(&self, host: &Name, kind: RecordType, is_referral: bool) -> Option<Records<'_>> {
        let folded = Folded::of(host);
        let zone = self.closest(folded.key())?;
        if is_referral {
            return zone.glue(folded.key(), kind);
        }
        match zone.find(folded.key(), kind) {
            Found::Records(records) => Some(records),
            _ => None,
        }
    }
}

impl<'a> Way<'a> {
    /// What is said of it, without additional records.
    fn reply(&self) -> Reply<'_> {
        let mut reply = Reply::new(ResponseCode::NoError);
        reply.is_authoritative =
            !self.aliases.is_empty() || !matches!(self.end, End::Elsewhere(..) | End::Outside);
        reply.answers = self.aliases.iter().flat_map(|(name, records)| rows_of(name, *records)).collect();
        match &self.end {
            End::Records(records) => reply.answers.extend(rows_of(self.last, *records)),
            End::Elsewhere(cut, servers) => reply.authorities.extend(rows_of(cut, *servers)),
            End::NoData(zone) => reply.authorities.push(denial(zone)),
            End::NoName(zone) => {
                reply.code = ResponseCode::NXDomain;
                reply.authorities.push(denial(zone));
            }
            End::Outside if self.aliases.is_empty() => reply.code = ResponseCode::Refused,
            End::Outside | End::Nowhere => {}
        }
        reply
    }
}

/// What says for how long it may be remembered that there is no such thing (RFC 2308, section 3).
fn denial(zone: &Zone) -> Row<'_> {
    let [data] = zone.start_records().data else { unreachable!("a zone begins once") };
    Row { name: zone.origin(), ttl: zone.negative_ttl(), data }
}

pub(crate) fn rows_of<'a>(name: &'a Name, records: Records<'a>) -> impl Iterator<Item = Row<'a>> {
    records.data.iter().map(move |data| Row { name, ttl: records.ttl, data })
}

/// The host that a record leads to.
fn host(data: &RData) -> Option<&Name> {
    match data {
        RData::MX(mx) => Some(&mx.exchange),
        RData::SRV(srv) => Some(&srv.target),
        RData::NS(ns) => Some(&ns.0),
        _ => None,
    }
}

fn count(way: &Way<'_>, counters: &mut AuthorityCounters) {
    let counter = match &way.end {
        End::Outside if way.aliases.is_empty() => &mut counters.refused,
        End::Records(_) | End::Outside | End::Nowhere => &mut counters.answered,
        End::Elsewhere(..) => &mut counters.referred,
        End::NoData(_) => &mut counters.without_data,
        End::NoName(_) => &mut counters.without_name,
    };
    *counter += 1;
}
