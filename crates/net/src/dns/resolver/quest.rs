//! [`Quest`]: a name and a type that are looked for, and who may know them.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hickory_proto::rr::rdata::{A, AAAA};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use ironloom_core::Instant;

use super::Resolver;
use super::ask::Candidate;
use super::cache::{About, Known, NameServer};
use super::job::Job;
use super::view::Upstream;
use crate::dns::authority::{End, rows_of};
use crate::dns::folded::{Folded, upwards};

/// The port on which servers are asked.
const PORT: u16 = 53;

/// A name and a type that are looked for.
#[derive(Debug)]
pub(super) struct Quest {
    /// The name, or the last to which aliases have led.
    pub(super) name: Name,
    pub(super) kind: RecordType,
    /// The aliases that were followed.
    pub(super) chain: Vec<Record>,
    /// Who may know; `None` if nobody was chosen yet.
    pub(super) stage: Option<Stage>,
}

/// Those who may know a name.
#[derive(Debug)]
pub(super) struct Stage {
    /// The key of the domain within which they are believed.
    pub(super) domain: Box<[u8]>,
    /// Whether they are resolvers themselves.
    pub(super) is_forwarded: bool,
    /// Who is to be asked next.
    candidates: VecDeque<Candidate>,
    /// Who could be asked if their addresses were known.
    strangers: Vec<Name>,
}

/// What came of a quest.
#[derive(Debug, Clone)]
pub(super) enum Found {
    Records { records: Vec<Record>, is_local: bool },
    Nothing { is_name_missing: bool, start: Option<Box<Record>>, is_local: bool },
    Failure,
    Refused,
}

/// What is to be done next for a job.
#[derive(Debug)]
pub(super) enum Next {
    Ask(Candidate),
    /// Another quest comes first.
    Begin(Quest),
    /// The top quest is over.
    Done(Found),
}

impl Quest {
    pub(super) fn new(name: Name, kind: RecordType) -> Self {
        Self { name, kind, chain: Vec::new(), stage: None }
    }

    pub(super) fn is_forwarded(&self) -> bool {
        self.stage.as_ref().is_some_and(|stage| stage.is_forwarded)
    }

    /// Goes on with the name that this one stands for.
    pub(super) fn follow(&mut self, target: Name, data: RData, ttl: u32) {
        let name = std::mem::replace(&mut self.name, target);
        self.chain.push(Record::from_rdata(name, ttl, data));
        self.stage = None;
    }

    /// Takes what was found of a server's address.
    pub(super) fn learn(&mut self, found: &Found, has_ipv6: bool) {
        const ADDRESSES_MAX: usize = 4;
        let (Found::Records { records, .. }, Some(stage)) = (found, &mut self.stage) else {
            return;
        };
        let addresses = records.iter().filter_map(|record| record.data.ip_addr());
        let usable = addresses.filter(|address| is_usable(*address, has_ipv6)).take(ADDRESSES_MAX);
        stage.candidates.extend(usable.map(|address| Candidate::new(SocketAddr::new(address, PORT))));
    }

    pub(super) fn try_again_later(&mut self, candidate: Candidate) {
        if let Some(stage) = &mut self.stage {
            stage.candidates.push_back(candidate);
        }
    }

    pub(super) fn try_again_now(&mut self, candidate: Candidate) {
        if let Some(stage) = &mut self.stage {
            stage.candidates.push_front(candidate);
        }
    }
}

impl Candidate {
    fn new(address: SocketAddr) -> Self {
        Self { address, attempt: 0, has_edns: true }
    }
}

impl Resolver {
    /// What is to be done for a job's top quest.
    pub(super) fn next(&mut self, now: Instant, job: &mut Job) -> Next {
        let quest = job.stack.last_mut().expect("a job has a quest until it is done");
        if quest.stage.is_none() {
            if let Some(found) = self.known(now, job.view, quest) {
                return Next::Done(found);
            }
            match self.choose(now, job.view, quest) {
                Some(stage) => quest.stage = Some(stage),
                None => return Next::Done(Found::Refused),
            }
        }
        loop {
            let quest = job.stack.last_mut().expect("it was there");
            let stage = quest.stage.as_mut().expect("it was just chosen");
            if let Some(candidate) = stage.candidates.pop_front() {
                return Next::Ask(candidate);
            }
            let Some(stranger) = stage.strangers.pop() else {
                return Next::Done(Found::Failure);
            };
            let is_under_way =
                job.stack.iter().any(|quest| quest.kind == RecordType::A && quest.is_about(&stranger));
            let is_too_much =
                job.stack.len() > self.config.depth_max || job.quests >= self.config.quests_per_job_max;
            if !is_under_way && !is_too_much {
                return Next::Begin(Quest::new(stranger, RecordType::A));
            }
            self.counters.server_loops += 1;
        }
    }

    /// What is known of a quest without asking anybody; aliases that are known are followed.
    pub(super) fn known(&mut self, now: Instant, view: u16, quest: &mut Quest) -> Option<Found> {
        loop {
            if quest.chain.len() > self.config.aliases_max {
                self.counters.alias_loops += 1;
                return Some(Found::Failure);
            }
            let folded = Folded::of(&quest.name);
            if let Some(found) = localhost(quest, &folded) {
                return Some(found);
            }
            if let Some(found) = self.local(view, quest) {
                return Some(found);
            }
            // The zones here may have led on.
            let folded = Folded::of(&quest.name);
            if let Some(found) = self.remembered_of(now, view, quest, &folded) {
                return Some(found);
            }
            if quest.kind == RecordType::CNAME {
                return None;
            }
            let alias = self.cache.find(now, view, folded.key(), About::Kind(RecordType::CNAME));
            let Some((Known::Records(records), ttl)) = alias else {
                return None;
            };
            let RData::CNAME(target) = &records[0] else {
                return None;
            };
            quest.follow(target.0.clone(), records[0].clone(), ttl);
        }
    }

    fn remembered_of(&mut self, now: Instant, view: u16, quest: &Quest, name: &Folded) -> Option<Found> {
        let by_name = self.cache.find(now, view, name.key(), About::Name);
        let known = by_name.or_else(|| self.cache.find(now, view, name.key(), About::Kind(quest.kind)));
        match known? {
            (Known::Records(records), ttl) => Some(Found::records(&quest.name, &records, ttl)),
            (Known::Nothing { is_name_missing, start }, ttl) => {
                let start =
                    start.map(|start| Record::from_rdata(start.name.clone(), ttl, start.data.clone()).into());
                Some(Found::Nothing { is_name_missing, start, is_local: false })
            }
            (Known::Failure, _) => Some(Found::Failure),
            (Known::Servers(_), _) => None,
        }
    }

    /// What zones here say; if they only lead on to another name, the quest goes on with that.
    fn local(&self, view: u16, quest: &mut Quest) -> Option<Found> {
        let registry = self.views[usize::from(view)].local.as_ref()?;
        let authority = registry.read();
        let way = authority.follow(&quest.name, quest.kind);
        let aliases = way.aliases.iter().flat_map(|(name, records)| rows_of(name, *records));
        let chain: Vec<Record> =
            aliases.map(|row| Record::from_rdata(row.name.clone(), row.ttl, row.data.clone())).collect();
        let found = match way.end {
            End::Records(records) => Some(Found::Records {
                records: rows_of(way.last, records)
                    .map(|row| Record::from_rdata(row.name.clone(), row.ttl, row.data.clone()))
                    .collect(),
                is_local: quest.chain.is_empty(),
            }),
            End::NoData(zone) => Some(Found::denied(zone, false, quest.chain.is_empty())),
            End::NoName(zone) => Some(Found::denied(zone, true, quest.chain.is_empty())),
            End::Nowhere => Some(Found::Failure),
            End::Elsewhere(..) | End::Outside => None,
        };
        let last = way.last.clone();
        quest.chain.extend(chain);
        quest.name = last;
        found
    }

    /// Chooses who may know a name: those closest to it; `None` if nobody is to be asked.
    fn choose(&mut self, now: Instant, view: u16, quest: &Quest) -> Option<Stage> {
        let name = Folded::of(&quest.name);
        if let Some(stage) = self.local_stage(now, view, quest) {
            return Some(stage);
        }
        let (domain, upstream) = self.views[usize::from(view)].upstream_of(name.key());
        match upstream {
            Upstream::Nobody => None,
            Upstream::Forward { servers } => {
                let candidates =
                    servers.iter().take(self.config.servers_max).copied().map(Candidate::new).collect();
                let stage = Stage {
                    domain: domain.key().into(),
                    is_forwarded: true,
                    candidates,
                    strangers: Vec::new(),
                };
                Some(self.shuffled(now, stage))
            }
            Upstream::Recurse { roots } => {
                let roots: Vec<NameServer> = roots
                    .iter()
                    .map(|(name, address)| NameServer { name: name.clone(), addresses: vec![*address] })
                    .collect();
                let below = upwards(name.key()).take_while(|above| above.len() > domain.key().len());
                for above in below {
                    if let Some((Known::Servers(servers), _)) =
                        self.cache.find(now, view, above, About::Domain)
                    {
                        return Some(self.stage(now, view, above, &servers));
                    }
                }
                Some(self.stage(now, view, domain.key(), &roots))
            }
        }
    }

    /// The servers to which a zone here leads, if one does.
    fn local_stage(&mut self, now: Instant, view: u16, quest: &Quest) -> Option<Stage> {
        let registry = self.views[usize::from(view)].local.clone()?;
        let authority = registry.read();
        let way = authority.follow(&quest.name, quest.kind);
        let End::Elsewhere(cut, servers) = &way.end else {
            return None;
        };
        let glue = authority.additionals(&way);
        let addresses_of = |name: &Name| {
            glue.iter().filter(|row| row.name == name).filter_map(|row| row.data.ip_addr()).collect()
        };
        let servers: Vec<NameServer> = servers
            .data
            .iter()
            .filter_map(|data| match data {
                RData::NS(ns) => Some(NameServer { name: ns.0.clone(), addresses: addresses_of(&ns.0) }),
                _ => None,
            })
            .collect();
        Some(self.stage(now, view, Folded::of(cut).key(), &servers))
    }

    /// Those who may know, from the servers of a domain.
    pub(super) fn stage(&mut self, now: Instant, view: u16, domain: &[u8], servers: &[NameServer]) -> Stage {
        let mut stage = Stage {
            domain: domain.into(),
            is_forwarded: false,
            candidates: VecDeque::new(),
            strangers: Vec::new(),
        };
        for server in servers.iter().take(self.config.servers_max) {
            let known = if server.addresses.is_empty() {
                self.remembered_addresses(now, view, &server.name)
            } else {
                server.addresses.clone()
            };
            let usable = known.into_iter().filter(|address| is_usable(*address, self.config.has_ipv6));
            let before = stage.candidates.len();
            stage.candidates.extend(usable.map(|address| Candidate::new(SocketAddr::new(address, PORT))));
            if stage.candidates.len() == before && server.addresses.is_empty() {
                stage.strangers.push(server.name.clone());
            }
        }
        self.shuffled(now, stage)
    }

    fn remembered_addresses(&mut self, now: Instant, view: u16, name: &Name) -> Vec<IpAddr> {
        let name = Folded::of(name);
        match self.cache.find(now, view, name.key(), About::Kind(RecordType::A)) {
            Some((Known::Records(records), _)) => records.iter().filter_map(RData::ip_addr).collect(),
            _ => Vec::new(),
        }
    }

    /// Puts those who may know in an order by chance, those who lately did not reply last.
    fn shuffled(&mut self, now: Instant, mut stage: Stage) -> Stage {
        let candidates = stage.candidates.make_contiguous();
        self.rng.shuffle(candidates);
        let silent =
            |candidate: &Candidate| self.silent.get(&candidate.address).is_some_and(|until| *until > now);
        candidates.sort_by_key(silent);
        stage.candidates.truncate(2 * self.config.servers_max);
        self.rng.shuffle(&mut stage.strangers);
        stage
    }
}

impl Quest {
    fn is_about(&self, name: &Name) -> bool {
        self.name == *name || self.chain.iter().any(|record| record.name == *name)
    }
}

impl Found {
    pub(super) fn records(name: &Name, data: &[RData], ttl: u32) -> Self {
        let records = data.iter().map(|data| Record::from_rdata(name.clone(), ttl, data.clone())).collect();
        Self::Records { records, is_local: false }
    }

    fn denied(zone: &crate::dns::Zone, is_name_missing: bool, is_local: bool) -> Self {
        let start = RData::SOA(zone.start().clone());
        let start = Some(Record::from_rdata(zone.origin().clone(), zone.negative_ttl(), start).into());
        Self::Nothing { is_name_missing, start, is_local }
    }
}

/// What everybody knows of `localhost` (RFC 6761, section 6.3).
fn localhost(quest: &Quest, name: &Folded) -> Option<Found> {
    const TTL: u32 = 86_400;
    name.key().ends_with(b"\x09localhost\0").then_some(())?;
    crate::dns::folded::is_within(name.key(), b"\x09localhost\0").then_some(())?;
    Some(match quest.kind {
        RecordType::A => Found::records(&quest.name, &[RData::A(A(Ipv4Addr::LOCALHOST))], TTL),
        RecordType::AAAA => Found::records(&quest.name, &[RData::AAAA(AAAA(Ipv6Addr::LOCALHOST))], TTL),
        _ => Found::Nothing { is_name_missing: false, start: None, is_local: false },
    })
}

/// Whether a server can be at an address.
pub(super) fn is_usable(address: IpAddr, has_ipv6: bool) -> bool {
    let is_spoken = address.is_ipv4() || has_ipv6;
    let is_broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    is_spoken
        && !is_broadcast
        && !address.is_unspecified()
        && !address.is_loopback()
        && !address.is_multicast()
}
