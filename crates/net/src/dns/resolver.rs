//! [`Resolver`]: finds out what others know, and remembers it.
//!
//! # The life of a question
//!
//! A question becomes a *job*, unless what is local or remembered answers it at once or a job for the same is under way:
//! then it waits with the others. A job works on a *stack of quests*: the bottom one is what was asked; above it are the
//! addresses of name servers that must be known first. The top quest asks one server at a time, beginning with the
//! closest that is known of, or the root. A referral leads it down the tree of names, an alias sideways, silence to the
//! next server.
//!
//! # What keeps it finite
//!
//! A referral must lead further down, towards the name. No quest is begun that is on the stack already, so domains that
//! lead to each other for their servers' addresses lead nowhere. How high the stack grows, how many quests a job begins,
//! how many servers it asks, how many aliases it follows and how long it takes are all limited, so that no zone, however
//! made, has more work done for a question than those limits say.
//!
//! # Whom it believes
//!
//! A reply counts only if it comes from where the question went, with its number and its question, letter by letter: the
//! letters' case is drawn by chance, which is one more thing that a liar would have to guess. Of a reply it takes only
//! what is within the domain whose server was asked, and of that only what the question needs: the records of the name,
//! aliases from it on, the servers of a domain above it with their addresses, and the beginning of its zone.

mod ask;
mod cache;
mod job;
mod quest;
mod reply;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{DNSClass, RecordType};
use ironloom_core::{Duration, HashState, Instant, Rng};

use super::folded::Folded;
use super::wire::{MessageLimits, Reply, Request, Transport, Unanswerable};
use ask::Ask;
use cache::Cache;
use job::{Job, JobKey, Waiting};

pub use ask::AskId;
pub use cache::CacheConfig;
pub use view::{Upstream, View};

/// What a [`Resolver`] does and how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolverConfig {
    /// How large messages may be.
    pub messages: MessageLimits,
    /// What is remembered.
    pub cache: CacheConfig,
    /// How many questions may be worked on at once.
    pub jobs_max: usize,
    /// How many of them may be of one address.
    pub jobs_per_client_max: usize,
    /// How many may wait for the same answer.
    pub waiting_per_job_max: usize,
    /// How many servers may be asked for one question.
    pub asks_per_job_max: u32,
    /// How many addresses of servers may be looked for, for one question.
    pub quests_per_job_max: u32,
    /// How many addresses of servers may be looked for to find the address of a server.
    pub depth_max: usize,
    /// How many aliases are followed for one name.
    pub aliases_max: usize,
    /// How many servers of a domain are considered.
    pub servers_max: usize,
    /// How often a server is asked the same.
    pub attempts_max: u32,
    /// How many false replies are dropped before the question is asked over TCP.
    pub mismatches_max: u32,
    /// How many records a reply may have.
    pub reply_records_max: u32,
    /// How long a server has to reply for the first time that it is asked; each further time it has twice as long, and
    /// over TCP, where what is lost is sent again, four times as long.
    pub ask_timeout: Duration,
    /// How long a question may take.
    pub job_timeout: Duration,
    /// For how long a server that did not reply is asked after the others.
    pub silence_remembered: Duration,
    /// How many servers that did not reply are remembered.
    pub silent_max: usize,
    /// Whether servers are asked over IPv6 too.
    pub has_ipv6: bool,
}

impl Default for ResolverConfig {
    fn default() -> Self {
        Self {
            messages: MessageLimits::default(),
            cache: CacheConfig::default(),
            jobs_max: 4_096,
            jobs_per_client_max: 256,
            waiting_per_job_max: 128,
            asks_per_job_max: 48,
            quests_per_job_max: 16,
            depth_max: 5,
            aliases_max: 12,
            servers_max: 13,
            attempts_max: 4,
            mismatches_max: 8,
            reply_records_max: 512,
            ask_timeout: Duration::from_millis(600),
            job_timeout: Duration::from_secs(10),
            silence_remembered: Duration::from_secs(60),
            silent_max: 1_024,
            has_ipv6: false,
        }
    }
}

/// Who asked, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    /// From which address.
    pub address: SocketAddr,
    /// Over what.
    pub transport: Transport,
    /// Whatever helps the caller to find the way back; it comes back with the answer.
    pub token: u64,
}

/// What a [`Resolver`] gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolverOutput {
    /// Send this to who asked.
    Answer {
        /// Who asked.
        asker: Asker,
        /// The reply, without a length before it.
        message: Vec<u8>,
    },
    /// Ask a server, over UDP from a port that was drawn by chance, and say what it replies.
    Ask {
        /// By which it is known.
        ask: AskId,
        /// Whom to ask.
        server: SocketAddr,
        /// Over what.
        transport: Transport,
        /// The question, without a length before it.
        message: Vec<u8>,
    },
    /// No reply to this is waited for any more.
    Forget {
        /// By which it was known.
        ask: AskId,
    },
}

/// What a resolver was asked, what it asked, and what it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResolverCounters {
    /// Questions that could be understood.
    pub questions: u64,
    /// Of those, what was answered without asking anybody.
    pub answered_at_once: u64,
    /// Of those, what waited for an answer that somebody else waited for already.
    pub joined: u64,
    /// Answers that are a failure.
    pub failed: u64,
    /// Questions that were refused, because of who asked or because recursion was not desired.
    pub refused: u64,
    /// Questions that were not worked on, because there was too much to do.
    pub overloaded: u64,
    /// Messages of clients that were questions, but not such as can be understood.
    pub malformed_questions: u64,
    /// Messages of clients that got no reply.
    pub dropped_questions: u64,
    /// Questions to servers.
    pub asked: u64,
    /// Servers that did not reply in time.
    pub timeouts: u64,
    /// Replies to nothing: nobody waits for them any more.
    pub late_replies: u64,
    /// Replies that were not from whom was asked.
    pub mismatched_sources: u64,
    /// Replies with another number.
    pub mismatched_ids: u64,
    /// Replies to another question.
    pub mismatched_questions: u64,
    /// Replies that could not be understood.
    pub malformed_replies: u64,
    /// Replies that led nowhere: refusals, failures, and referrals that lead back or aside.
    pub lame_replies: u64,
    /// Records in replies that were not within the domain that was asked.
    pub foreign_records: u64,
    /// Aliases that lead in a circle, or too far.
    pub alias_loops: u64,
    /// Servers of which the address could not be looked for, because it was being looked for already, or because too
    /// many were.
    pub server_loops: u64,
    /// What was forgotten before its time, because there was no room.
    pub evicted: u64,
}

/// A caching resolver: recursive from the root, or forwarding, or local, by who asks.
///
/// It is told of questions, replies and the time, and says what to send; whoever drives it owns the sockets.
///
/// ```
/// use ironloom_core::{Instant, Rng, Seed};
/// use ironloom_net::dns::{Asker, Resolver, ResolverConfig, ResolverOutput, Transport, Upstream, View};
/// use ironloom_net::dns::wire_format::{Message, Query, RecordType};
///
/// let root = ("a.root-servers.net.".parse().unwrap(), "198.41.0.4".parse().unwrap());
/// let view = View { upstream: Upstream::Recurse { roots: vec![root] }, ..View::default() };
/// let mut resolver = Resolver::new(ResolverConfig::default(), vec![view], Rng::new(Seed::new(1)));
///
/// let mut question = Message::query();
/// question.metadata.recursion_desired = true;
/// question.add_query(Query::query("www.example.org.".parse().unwrap(), RecordType::A));
/// let asker = Asker { address: "10.0.0.9:4000".parse().unwrap(), transport: Transport::Udp, token: 0 };
/// let mut out = Vec::new();
/// resolver.handle_question(Instant::ZERO, &question.to_vec().unwrap(), asker, &mut out);
/// assert!(matches!(&out[..], [ResolverOutput::Ask { server, .. }] if server.ip().to_string() == "198.41.0.4"));
/// ```
pub struct Resolver {
    config: ResolverConfig,
    views: Vec<View>,
    rng: Rng,
    cache: Cache,
    jobs: BTreeMap<u64, Job>,
    /// The jobs by what they are for.
    wanted: BTreeMap<JobKey, u64>,
    /// How many jobs each address has.
    clients: BTreeMap<IpAddr, usize>,
    asks: BTreeMap<AskId, Ask>,
    /// When each of them is given up.
    deadlines: BTreeSet<(Instant, AskId)>,
    /// Who did not reply, and until when that is remembered.
    silent: BTreeMap<SocketAddr, Instant>,
    next_job: u64,
    next_ask: u64,
    counters: ResolverCounters,
}

impl Resolver {
    /// A resolver that knows nothing yet. The first view that an asker's address is in decides; without one it is
    /// refused.
    #[must_use]
    pub fn new(config: ResolverConfig, views: Vec<View>, mut rng: Rng) -> Self {
        let hash = HashState::seeded(rng.next_u64());
        Self {
            cache: Cache::new(config.cache, hash),
            config,
            views,
            rng,
            jobs: BTreeMap::new(),
            wanted: BTreeMap::new(),
            clients: BTreeMap::new(),
            asks: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            silent: BTreeMap::new(),
            next_job: 0,
            next_ask: 0,
            counters: ResolverCounters::default(),
        }
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> ResolverCounters {
        ResolverCounters { evicted: self.cache.evicted(), ..self.counters }
    }

    /// How many questions are being worked on.
    #[must_use]
    pub fn jobs(&self) -> usize {
        self.jobs.len()
    }

    /// How many things are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.cache.len()
    }

    /// Forgets everything that others have said.
    pub fn flush(&mut self) {
        let hash = HashState::seeded(self.rng.next_u64());
        self.cache = Cache::new(self.config.cache, hash);
        self.silent.clear();
    }

    /// When [`expire`](Self::expire) is to be called next.
    #[must_use]
    pub fn next_event(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Gives up the servers whose time has passed, and goes on to the next ones.
    pub fn expire(&mut self, now: Instant, out: &mut Vec<ResolverOutput>) {
        while let Some((deadline, ask)) = self.deadlines.first().copied()
            && deadline <= now
        {
            self.counters.timeouts += 1;
            self.give_up(now, ask, true, out);
        }
    }

    /// Takes a question of a client.
    pub fn handle_question(
        &mut self,
        now: Instant,
        message: &[u8],
        asker: Asker,
        out: &mut Vec<ResolverOutput>,
    ) {
        let request = match Request::read(message, asker.transport, &self.config.messages) {
            Ok(request) => request,
            Err(Unanswerable::Silent) => {
                self.counters.dropped_questions += 1;
                return;
            }
            Err(Unanswerable::Refused(message)) => {
                self.counters.malformed_questions += 1;
                out.push(ResolverOutput::Answer { asker, message });
                return;
            }
        };
        self.counters.questions += 1;
        let waiting = Waiting { request, asker };
        if let Err(code) = self.take(now, &waiting, out) {
            match code {
                ResponseCode::Refused => self.counters.refused += 1,
                _ => self.counters.overloaded += 1,
            }
            let message = Reply::new(code).write(&waiting.request).bytes;
            out.push(ResolverOutput::Answer { asker, message });
        }
    }

    /// Answers a question or has it wait for a job; an error if neither is done.
    fn take(
        &mut self,
        now: Instant,
        waiting: &Waiting,
        out: &mut Vec<ResolverOutput>,
    ) -> Result<(), ResponseCode> {
        let query = &waiting.request.query;
        let kind = query.query_type();
        let client = waiting.asker.address.ip();
        let view = self.views.iter().position(|view| view.has(client)).ok_or(ResponseCode::Refused)?;
        let view = u16::try_from(view).map_err(|_| ResponseCode::Refused)?;
        let is_special =
            matches!(kind, RecordType::AXFR | RecordType::IXFR | RecordType::OPT | RecordType::ZERO);
        if is_special || query.query_class() != DNSClass::IN {
            return Err(ResponseCode::Refused);
        }
        let mut job = Job::new(view, now.saturating_add(self.config.job_timeout), query);
        if let Some(found) = self.known(now, view, &mut job.stack[0]) {
            self.counters.answered_at_once += 1;
            self.answer(&job.stack[0].chain, &found, std::slice::from_ref(waiting), out);
            return Ok(());
        }
        if !waiting.request.metadata.recursion_desired {
            return Err(ResponseCode::Refused);
        }
        let key = JobKey { view, kind: kind.into(), name: Folded::of(query.name()).key().into() };
        if let Some(job) = self.wanted.get(&key).and_then(|id| self.jobs.get_mut(id)) {
            if job.waiting.len() >= self.config.waiting_per_job_max {
                return Err(ResponseCode::ServFail);
            }
            self.counters.joined += 1;
            job.waiting.push(waiting.clone());
            return Ok(());
        }
        let of_client = self.clients.get(&client).copied().unwrap_or(0);
        if self.jobs.len() >= self.config.jobs_max || of_client >= self.config.jobs_per_client_max {
            return Err(ResponseCode::ServFail);
        }
        job.waiting.push(waiting.clone());
        self.begin(now, key, job, client, out);
        Ok(())
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver")
            .field("jobs", &self.jobs.len())
            .field("remembered", &self.cache.len())
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
