//! [`Job`]: a question that is being worked on, and all who wait for its answer.

use std::net::IpAddr;

use hickory_proto::op::{Query, ResponseCode};
use hickory_proto::rr::Record;
use ironloom_core::Instant;

use super::ask::{Ask, AskId, Candidate};
use super::cache::{About, Known};
use super::quest::{Found, Next, Quest};
use super::{Asker, Resolver, ResolverOutput, ask};
use crate::dns::folded::Folded;
use crate::dns::wire::{Reply, Request, Row, Transport};

/// What a job is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct JobKey {
    pub(super) view: u16,
    pub(super) kind: u16,
    pub(super) name: Box<[u8]>,
}

/// Somebody who waits for an answer.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) request: Request,
    pub(super) asker: Asker,
}

/// A question that is being worked on.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) view: u16,
    key: Option<JobKey>,
    client: Option<IpAddr>,
    pub(super) waiting: Vec<Waiting>,
    /// What was asked, and above it the addresses that must be known first. Never empty.
    pub(super) stack: Vec<Quest>,
    /// How many servers were asked.
    pub(super) asks: u32,
    /// How many addresses of servers were looked for.
    pub(super) quests: u32,
    /// When it is given up.
    deadline: Instant,
}

impl Job {
    pub(super) fn new(view: u16, deadline: Instant, query: &Query) -> Self {
        let mut name = query.name().clone();
        name.set_fqdn(true);
        let stack = vec![Quest::new(name, query.query_type())];
        Self { view, key: None, client: None, waiting: Vec::new(), stack, asks: 0, quests: 0, deadline }
    }
}

impl Resolver {
    pub(super) fn begin(
        &mut self,
        now: Instant,
        key: JobKey,
        mut job: Job,
        client: IpAddr,
        out: &mut Vec<ResolverOutput>,
    ) {
        let id = self.next_job;
        self.next_job += 1;
        self.wanted.insert(key.clone(), id);
        *self.clients.entry(client).or_default() += 1;
        (job.key, job.client) = (Some(key), Some(client));
        self.work(now, id, job, out);
    }

    /// Works on a job until a server is asked, or there is nothing left to do.
    pub(super) fn work(&mut self, now: Instant, id: u64, mut job: Job, out: &mut Vec<ResolverOutput>) {
        loop {
            let found = match self.next(now, &mut job) {
                Next::Ask(candidate) => {
                    if job.asks < self.config.asks_per_job_max && now < job.deadline {
                        self.ask(now, id, &mut job, candidate, Transport::Udp, out);
                        self.jobs.insert(id, job);
                        return;
                    }
                    // Too much was done for one question: nothing more is done for any part of it.
                    job.stack.truncate(1);
                    Found::Failure
                }
                Next::Begin(quest) => {
                    job.quests += 1;
                    job.stack.push(quest);
                    continue;
                }
                Next::Done(found) => found,
            };
            match self.conclude(now, job, &found, out) {
                Some(rest) => job = rest,
                None => return,
            }
        }
    }

    /// Ends the top quest with what was found; what is left to do.
    pub(super) fn conclude(
        &mut self,
        now: Instant,
        mut job: Job,
        found: &Found,
        out: &mut Vec<ResolverOutput>,
    ) -> Option<Job> {
        let quest = job.stack.pop().expect("a job has a quest until it is done");
        self.remember_failure(now, job.view, &quest, found);
        let Some(below) = job.stack.last_mut() else {
            self.finish(now, &job, &quest, found, out);
            return None;
        };
        below.learn(found, self.config.has_ipv6);
        Some(job)
    }

    /// Asks a server what the top quest is for.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        id: u64,
        job: &mut Job,
        to: Candidate,
        transport: Transport,
        out: &mut Vec<ResolverOutput>,
    ) {
        let quest = job.stack.last().expect("a job has a quest until it is done");
        job.asks += 1;
        self.counters.asked += 1;
        let round_trips = if transport == Transport::Tcp { 4 } else { 1 };
        let patience = self.config.ask_timeout.saturating_mul(round_trips << to.attempt.min(8));
        let deadline = now.saturating_add(patience).min(job.deadline);
        let query = ask::query(&quest.name, quest.kind, &mut self.rng);
        let number = self.rng.next_u64() as u16;
        let ask = Ask { job: id, id: number, query, to, transport, deadline, mismatches: 0 };
        let message = ask.message(quest.is_forwarded());
        let ask_id = AskId(self.next_ask);
        self.next_ask += 1;
        self.deadlines.insert((deadline, ask_id));
        self.asks.insert(ask_id, ask);
        out.push(ResolverOutput::Ask { ask: ask_id, server: to.address, transport, message });
    }

    /// Waits no more for the reply to a question.
    pub(super) fn forget(&mut self, id: AskId, out: &mut Vec<ResolverOutput>) -> Option<(Ask, Job)> {
        let ask = self.asks.remove(&id)?;
        self.deadlines.remove(&(ask.deadline, id));
        out.push(ResolverOutput::Forget { ask: id });
        let job = self.jobs.remove(&ask.job)?;
        Some((ask, job))
    }

    /// Takes it that a server will not reply, and goes on without it; if it may be asked again, that comes last.
    pub(super) fn give_up(
        &mut self,
        now: Instant,
        id: AskId,
        may_again: bool,
        out: &mut Vec<ResolverOutput>,
    ) {
        let Some((ask, mut job)) = self.forget(id, out) else {
            return;
        };
        self.remember_silence(now, &ask);
        let again = Candidate { attempt: ask.to.attempt + 1, ..ask.to };
        if may_again && again.attempt < self.config.attempts_max {
            let quest = job.stack.last_mut().expect("a job has a quest until it is done");
            quest.try_again_later(again);
        }
        self.work(now, ask.job, job, out);
    }

    fn remember_silence(&mut self, now: Instant, ask: &Ask) {
        if self.silent.len() >= self.config.silent_max {
            self.silent.retain(|_, until| *until > now);
        }
        if self.silent.len() < self.config.silent_max {
            let until = now.saturating_add(self.config.silence_remembered);
            self.silent.insert(ask.to.address, until);
        }
    }

    /// Tells all who wait, and is done.
    fn finish(
        &mut self,
        now: Instant,
        job: &Job,
        quest: &Quest,
        found: &Found,
        out: &mut Vec<ResolverOutput>,
    ) {
        if let Some(key) = &job.key {
            if matches!(found, Found::Failure) {
                // Whatever aliases were followed, it was this name that could not be found out.
                let ttl = self.cache.config().failure_ttl;
                let about = About::Kind(key.kind.into());
                self.cache.insert(now, job.view, &key.name, about, Known::Failure, ttl);
            }
            self.wanted.remove(key);
        }
        if let Some(client) = job.client
            && let Some(jobs) = self.clients.get_mut(&client)
        {
            *jobs -= 1;
            if *jobs == 0 {
                self.clients.remove(&client);
            }
        }
        self.answer(&quest.chain, found, &job.waiting, out);
    }

    fn remember_failure(&mut self, now: Instant, view: u16, quest: &Quest, found: &Found) {
        if matches!(found, Found::Failure) {
            let ttl = self.cache.config().failure_ttl;
            let name = Folded::of(&quest.name);
            self.cache.insert(now, view, name.key(), About::Kind(quest.kind), Known::Failure, ttl);
        }
    }

    /// Tells those who wait what was found.
    pub(super) fn answer(
        &mut self,
        chain: &[Record],
        found: &Found,
        waiting: &[Waiting],
        out: &mut Vec<ResolverOutput>,
    ) {
        for Waiting { request, asker } in waiting {
            let mut reply = Reply::new(ResponseCode::NoError);
            reply.is_recursive = true;
            reply.is_authoritative = matches!(
                found,
                Found::Records { is_local: true, .. } | Found::Nothing { is_local: true, .. }
            );
            // Names that are equal are written as they were asked.
            let asked = request.query.name();
            let row = |record| {
                let row = Row::from(record);
                if row.name == asked { Row { name: asked, ..row } } else { row }
            };
            reply.answers.extend(chain.iter().map(row));
            match found {
                Found::Records { records, .. } => reply.answers.extend(records.iter().map(row)),
                Found::Nothing { is_name_missing, start, .. } => {
                    reply.code =
                        if *is_name_missing { ResponseCode::NXDomain } else { ResponseCode::NoError };
                    reply.authorities.extend(start.iter().map(|start| Row::from(&**start)));
                }
                Found::Failure => {
                    self.counters.failed += 1;
                    reply.answers.clear();
                    reply.code = ResponseCode::ServFail;
                }
                // Aliases that lead to where nobody is asked are an answer; nothing at all is not.
                Found::Refused if !chain.is_empty() => {}
                Found::Refused => {
                    self.counters.refused += 1;
                    reply.code = ResponseCode::Refused;
                }
            }
            let message = reply.write(request).bytes;
            out.push(ResolverOutput::Answer { asker: *asker, message });
        }
    }
}
