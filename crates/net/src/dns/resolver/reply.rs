//! What a server's reply means, and what of it is believed.

use std::net::SocketAddr;
use std::sync::Arc;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use ironloom_core::{Duration, Instant};

use super::ask::{Ask, AskId, Candidate, Mismatch};
use super::cache::{About, Known, NameServer};
use super::job::Job;
use super::quest::{Found, Quest, is_usable};
use super::{Resolver, ResolverOutput};
use crate::dns::folded::{Folded, is_within};
use crate::dns::wire::Transport;

/// What a reply means for the quest.
#[derive(Debug)]
enum Meaning {
    /// It is over.
    Done(Found),
    /// It goes on: with another name, or with other servers.
    On,
    /// The server is of no use.
    Lame,
}

impl Resolver {
    /// Takes a message that came where the reply to a question is expected.
    pub fn handle_reply(
        &mut self,
        now: Instant,
        ask: AskId,
        from: SocketAddr,
        message: &[u8],
        out: &mut Vec<ResolverOutput>,
    ) {
        let Some(asked) = self.asks.get_mut(&ask) else {
            self.counters.late_replies += 1;
            return;
        };
        let counts = match asked.check(from, message) {
            Ok(counts) => counts,
            Err(mismatch) => {
                asked.mismatches += 1;
                let is_too_much = asked.mismatches > self.config.mismatches_max;
                self.count(mismatch);
                if is_too_much {
                    self.ask_over_tcp(now, ask, out);
                }
                return;
            }
        };
        let records =
            u32::from(counts.answers) + u32::from(counts.authorities) + u32::from(counts.additionals);
        let message =
            if records <= self.config.reply_records_max { Message::from_vec(message).ok() } else { None };
        let Some(message) = message else {
            self.counters.malformed_replies += 1;
            self.give_up(now, ask, false, out);
            return;
        };
        if message.metadata.truncation && asked.transport == Transport::Udp {
            self.ask_over_tcp(now, ask, out);
            return;
        }
        if let Some((asked, job)) = self.forget(ask, out) {
            self.go_on(now, &asked, job, &message, out);
        }
    }

    /// Takes it that a server cannot be reached.
    pub fn handle_failure(&mut self, now: Instant, ask: AskId, out: &mut Vec<ResolverOutput>) {
        self.give_up(now, ask, false, out);
    }

    fn count(&mut self, mismatch: Mismatch) {
        let counter = match mismatch {
            Mismatch::Source => &mut self.counters.mismatched_sources,
            Mismatch::Id => &mut self.counters.mismatched_ids,
            Mismatch::Question => &mut self.counters.mismatched_questions,
        };
        *counter += 1;
    }

    /// Asks the same again over TCP: the reply was cut short, or somebody is guessing.
    fn ask_over_tcp(&mut self, now: Instant, ask: AskId, out: &mut Vec<ResolverOutput>) {
        let Some((asked, mut job)) = self.forget(ask, out) else {
            return;
        };
        if asked.transport == Transport::Tcp || job.asks >= self.config.asks_per_job_max {
            self.work(now, asked.job, job, out);
            return;
        }
        self.ask(now, asked.job, &mut job, asked.to, Transport::Tcp, out);
        self.jobs.insert(asked.job, job);
    }

    fn go_on(
        &mut self,
        now: Instant,
        asked: &Ask,
        mut job: Job,
        message: &Message,
        out: &mut Vec<ResolverOutput>,
    ) {
        self.silent.remove(&asked.to.address);
        let view = job.view;
        let quest = job.stack.last_mut().expect("a job has a quest until it is done");
        match self.understand(now, view, quest, message) {
            Meaning::On => {}
            Meaning::Done(found) => {
                if let Some(job) = self.conclude(now, job, &found, out) {
                    self.work(now, asked.job, job, out);
                }
                return;
            }
            Meaning::Lame => {
                self.counters.lame_replies += 1;
                let code = message.metadata.response_code;
                let is_puzzled = matches!(code, ResponseCode::FormErr | ResponseCode::NotImp);
                if is_puzzled && asked.to.has_edns {
                    quest.try_again_now(Candidate { has_edns: false, ..asked.to });
                }
            }
        }
        self.work(now, asked.job, job, out);
    }

    fn understand(&mut self, now: Instant, view: u16, quest: &mut Quest, message: &Message) -> Meaning {
        let code = message.metadata.response_code;
        if !matches!(code, ResponseCode::NoError | ResponseCode::NXDomain) {
            return Meaning::Lame;
        }
        let Some(stage) = &quest.stage else {
            return Meaning::Lame;
        };
        let domain = stage.domain.clone();
        let is_forwarded = stage.is_forwarded;
        let aliases_before = quest.chain.len();
        if let Some(found) = self.answers(now, view, quest, &domain, &message.answers) {
            return Meaning::Done(found);
        }
        if quest.chain.len() > aliases_before {
            // The aliases lead to a name that is asked for anew: who is asked may not know it as well as others.
            return Meaning::On;
        }
        if let Some(denial) = self.denial(now, view, quest, &domain, message) {
            return Meaning::Done(denial);
        }
        if !is_forwarded && code == ResponseCode::NoError && self.referral(now, view, quest, &domain, message)
        {
            return Meaning::On;
        }
        // Some say that there is nothing by saying nothing.
        let is_empty = message.answers.is_empty() && message.authorities.is_empty();
        if code == ResponseCode::NXDomain || is_empty && (message.metadata.authoritative || is_forwarded) {
            let is_name_missing = code == ResponseCode::NXDomain;
            return Meaning::Done(Found::Nothing { is_name_missing, start: None, is_local: false });
        }
        Meaning::Lame
    }

    /// Takes the records of the name from a reply, or the aliases that lead away from it.
    fn answers(
        &mut self,
        now: Instant,
        view: u16,
        quest: &mut Quest,
        domain: &[u8],
        answers: &[Record],
    ) -> Option<Found> {
        for _ in 0..=self.config.aliases_max {
            let key = Folded::of(&quest.name);
            let of_name = || answers.iter().filter(|record| is_about(record, &quest.name));
            let wanted =
                |record: &&Record| record.record_type() == quest.kind || quest.kind == RecordType::ANY;
            if !is_within(key.key(), domain) {
                self.counters.foreign_records += of_name().count() as u64;
                return None;
            }
            let records: Vec<&Record> = of_name().filter(wanted).collect();
            if let Some(ttl) = records.iter().map(|record| self.believable(record.ttl)).min() {
                let data: Vec<RData> = records.iter().map(|record| record.data.clone()).collect();
                let found = Found::records(&quest.name, &data, ttl);
                let lasting = Duration::from_secs(ttl.into());
                self.cache.insert(
                    now,
                    view,
                    key.key(),
                    About::Kind(quest.kind),
                    Known::Records(data.into()),
                    lasting,
                );
                return Some(found);
            }
            let alias = of_name().find(|record| record.record_type() == RecordType::CNAME)?;
            let RData::CNAME(target) = &alias.data else {
                return None;
            };
            let ttl = self.believable(alias.ttl);
            let known = Known::Records([alias.data.clone()].into());
            let about = About::Kind(RecordType::CNAME);
            self.cache.insert(now, view, key.key(), about, known, Duration::from_secs(ttl.into()));
            let mut target = target.0.clone();
            target.set_fqdn(true);
            let data = alias.data.clone();
            quest.follow(target, data, ttl);
            if quest.chain.len() > self.config.aliases_max {
                return None;
            }
        }
        None
    }

    /// Takes it from a reply that there is no such thing, if the zone's beginning is there to say for how long.
    fn denial(
        &mut self,
        now: Instant,
        view: u16,
        quest: &Quest,
        domain: &[u8],
        message: &Message,
    ) -> Option<Found> {
        let name = Folded::of(&quest.name);
        let is_name_missing = message.metadata.response_code == ResponseCode::NXDomain;
        let (start, minimum) = message.authorities.iter().find_map(|record| {
            let RData::SOA(start) = &record.data else {
                return None;
            };
            let zone = Folded::of(&record.name);
            let is_ours = is_within(name.key(), zone.key()) && is_within(zone.key(), domain);
            (is_ours && record.dns_class == DNSClass::IN).then_some((record, start.minimum))
        })?;
        let ttl_max = self.cache.config().denial_ttl_max;
        let ttl = Duration::from_secs(self.believable(start.ttl).min(minimum).into()).min(ttl_max);
        let seconds = u32::try_from(ttl.as_nanos() / 1_000_000_000).unwrap_or(u32::MAX);
        let start = Record::from_rdata(start.name.clone(), seconds, start.data.clone());
        let about = if is_name_missing { About::Name } else { About::Kind(quest.kind) };
        let known = Known::Nothing { is_name_missing, start: Some(Arc::new(start.clone())) };
        self.cache.insert(now, view, name.key(), about, known, ttl);
        Some(Found::Nothing { is_name_missing, start: Some(start.into()), is_local: false })
    }

    /// Takes it from a reply who answers for a domain further down towards the name; whether it says so.
    fn referral(
        &mut self,
        now: Instant,
        view: u16,
        quest: &mut Quest,
        domain: &[u8],
        message: &Message,
    ) -> bool {
        let name = Folded::of(&quest.name);
        let cut = message.authorities.iter().find_map(|record| {
            let below = Folded::of(&record.name);
            let leads_down = below.key().len() > domain.len()
                && is_within(below.key(), domain)
                && is_within(name.key(), below.key());
            (record.record_type() == RecordType::NS && leads_down).then_some(below)
        });
        let Some(cut) = cut else {
            return false;
        };
        let mut ttl = u32::MAX;
        let mut servers = Vec::new();
        for record in &message.authorities {
            let RData::NS(ns) = &record.data else {
                continue;
            };
            if Folded::of(&record.name).key() != cut.key() || servers.len() >= self.config.servers_max {
                continue;
            }
            ttl = ttl.min(self.believable(record.ttl));
            let addresses = self.glue(&ns.0, domain, message, &mut ttl);
            servers.push(NameServer { name: ns.0.clone(), addresses });
        }
        let stage = self.stage(now, view, cut.key(), &servers);
        let lasting = Duration::from_secs(ttl.into());
        self.cache.insert(now, view, cut.key(), About::Domain, Known::Servers(servers.into()), lasting);
        quest.stage = Some(stage);
        true
    }

    /// The addresses of a server that a referral gives, if they are for the one who refers to say.
    fn glue(
        &mut self,
        server: &Name,
        domain: &[u8],
        message: &Message,
        ttl: &mut u32,
    ) -> Vec<std::net::IpAddr> {
        const ADDRESSES_MAX: usize = 4;
        let of_server = message.additionals.iter().filter(|record| is_about(record, server));
        if !is_within(Folded::of(server).key(), domain) {
            self.counters.foreign_records += of_server.count() as u64;
            return Vec::new();
        }
        let mut addresses = Vec::new();
        for record in of_server {
            let usable = record.data.ip_addr().filter(|address| is_usable(*address, self.config.has_ipv6));
            if let Some(address) = usable.filter(|_| addresses.len() < ADDRESSES_MAX) {
                addresses.push(address);
                *ttl = (*ttl).min(self.believable(record.ttl));
            }
        }
        addresses
    }

    /// For how many seconds a record is believed.
    fn believable(&self, ttl: u32) -> u32 {
        let max = self.cache.config().ttl_max.as_nanos() / 1_000_000_000;
        // A number with the highest bit set is no time (RFC 2181, section 8).
        if ttl > i32::MAX as u32 { 0 } else { ttl.min(u32::try_from(max).unwrap_or(u32::MAX)) }
    }
}

/// Whether a record is one of a name, and holds anything.
fn is_about(record: &Record, name: &Name) -> bool {
    record.name == *name
        && record.dns_class == DNSClass::IN
        && !matches!(record.data, RData::Update0(_) | RData::OPT(_))
}
