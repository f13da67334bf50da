//! [`Client`]: how a program looks a name up.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, Record, RecordType};
use ironloom_core::{Duration, Rng};
use thiserror::Error;

use super::asking::Asking;
use crate::dns::{Asker, CacheConfig, Resolver, ResolverConfig, Transport, Upstream, View};
use crate::{Host, Readiness, SocketId};

/// Whom a [`Client`] asks, and how patient it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientConfig {
    /// The machine's name servers.
    pub servers: Vec<SocketAddr>,
    /// How long a server has to reply for the first time that it is asked.
    pub ask_timeout: Duration,
    /// How often each is asked.
    pub attempts_max: u32,
    /// How long a look-up may take.
    pub timeout: Duration,
    /// How many look-ups may be under way.
    pub lookups_max: usize,
    /// How many answers are remembered.
    pub remembered_max: usize,
    /// The token of its timer, among those of the service that it is part of.
    pub timer_token: u64,
}

impl ClientConfig {
    /// A client of these name servers, as patient as others are.
    #[must_use]
    pub fn new(servers: Vec<SocketAddr>) -> Self {
        Self {
            servers,
            ask_timeout: Duration::from_secs(2),
            attempts_max: 3,
            timeout: Duration::from_secs(15),
            lookups_max: 64,
            remembered_max: 64,
            timer_token: 0x00D5,
        }
    }
}

/// A look-up of a [`Client`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LookupId(u64);

/// A name could not be looked up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LookupError {
    /// There is no such name.
    #[error("there is no name {name}")]
    NoName {
        /// The name.
        name: Name,
    },
    /// The name servers do not say: `code` is what they say instead.
    #[error("{name} could not be looked up: {code}; are the name servers there?")]
    Failed {
        /// The name.
        name: Name,
        /// What was said.
        code: ResponseCode,
    },
}

/// How a program looks names up: part of its [`Service`](crate::Service), which passes on to it what it hears.
///
/// Questions go to the machine's name servers as packets, over UDP and where needed TCP, so they can be seen, delayed
/// and lost. Answers are remembered for as long as they hold.
///
/// ```
/// use ironloom_net::dns::{Client, RecordType};
/// use ironloom_net::{Host, Readiness, Service, SocketId};
///
/// /// Looks a name up and connects to its address.
/// struct Caller { names: Client }
///
/// impl Service for Caller {
///     fn start(&mut self, host: &mut Host<'_>) {
///         self.names.look_up(host, &"web.lan.".parse().unwrap(), RecordType::A);
///     }
///
///     fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, readiness: Readiness) {
///         self.names.ready(host, socket, readiness);
///         while let Some((_, found)) = self.names.next_answer() {
///             let address = found.ok().and_then(|records| records.iter().find_map(|record| record.data.ip_addr()));
///             if let Some(address) = address {
///                 let _ = host.connect((address, 80).into());
///             }
///         }
///     }
///
///     fn timer(&mut self, host: &mut Host<'_>, token: u64) {
///         self.names.timer(host, token);
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Client {
    asking: Asking,
    /// The names that are being looked up.
    names: BTreeMap<u64, Name>,
    next: u64,
    answers: VecDeque<(LookupId, Result<Vec<Record>, LookupError>)>,
}

/// As whom a program asks the resolver in its own machine.
const OURSELVES: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

impl Client {
    /// A client that has not asked anything.
    #[must_use]
    pub fn new(config: ClientConfig, rng: Rng) -> Self {
        let cache = CacheConfig { entries_max: config.remembered_max, ..CacheConfig::default() };
        let resolver = ResolverConfig {
            cache,
            jobs_max: config.lookups_max,
            jobs_per_client_max: config.lookups_max,
            attempts_max: config.attempts_max,
            ask_timeout: config.ask_timeout,
            job_timeout: config.timeout,
            has_ipv6: true,
            ..ResolverConfig::default()
        };
        let view = View { upstream: Upstream::Forward { servers: config.servers }, ..View::default() };
        let asking = Asking::new(Resolver::new(resolver, vec![view], rng), config.timer_token);
        Self { asking, names: BTreeMap::new(), next: 0, answers: VecDeque::new() }
    }

    /// Looks a name up. What is found is to be had from [`next_answer`](Self::next_answer), at once if it is known.
    pub fn look_up(&mut self, host: &mut Host<'_>, name: &Name, kind: RecordType) -> LookupId {
        let id = self.next;
        self.next += 1;
        let mut message = Message::new(0, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(name.clone(), kind));
        let Ok(message) = message.to_vec() else {
            let error = LookupError::Failed { name: name.clone(), code: ResponseCode::FormErr };
            self.answers.push_back((LookupId(id), Err(error)));
            return LookupId(id);
        };
        self.names.insert(id, name.clone());
        // A stream, so that the answer is not cut short.
        let asker = Asker { address: OURSELVES, transport: Transport::Tcp, token: id };
        self.asking.question(host, &message, asker);
        self.collect();
        LookupId(id)
    }

    /// What was found: the records of the name, and before them the aliases that led to them; none if the name has
    /// nothing of the type.
    pub fn next_answer(&mut self) -> Option<(LookupId, Result<Vec<Record>, LookupError>)> {
        self.answers.pop_front()
    }

    /// Looks after a socket; whether it was one of the client's.
    pub fn ready(&mut self, host: &mut Host<'_>, socket: SocketId, readiness: Readiness) -> bool {
        let is_ours = self.asking.ready(host, socket, readiness);
        self.collect();
        is_ours
    }

    /// Whether the timer was the client's.
    pub fn timer(&mut self, host: &mut Host<'_>, token: u64) -> bool {
        let is_ours = self.asking.timer(host, token);
        self.collect();
        is_ours
    }

    fn collect(&mut self) {
        while let Some((asker, message)) = self.asking.next_answer() {
            let Some(name) = self.names.remove(&asker.token) else {
                continue;
            };
            let found = match Message::from_vec(&message) {
                Ok(message) => read(name, message),
                Err(_) => Err(LookupError::Failed { name, code: ResponseCode::ServFail }),
            };
            self.answers.push_back((LookupId(asker.token), found));
        }
    }
}

fn read(name: Name, message: Message) -> Result<Vec<Record>, LookupError> {
    match message.metadata.response_code {
        ResponseCode::NoError => Ok(message.answers),
        ResponseCode::NXDomain => Err(LookupError::NoName { name }),
        code => Err(LookupError::Failed { name, code }),
    }
}
