//! [`Listener`]: where connections come in, where they lead, and who may come.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use ipnet::IpNet;
use ironloom_sched::{Context, Handle, IntoExit, OpenError, Service, ServiceConfig, Stream, reactor};
use ironloom_vm::Command;

use super::entrance::Entrance;
use super::place::Place;
use super::{AccessLog, Admission, ListenError};
use crate::http::{Config, Server, Site};

/// How many connections there may be if nothing is said.
const CONNECTIONS_MAX: usize = 10_000;

/// Where a [`Listener`] listens, before it is said where its connections lead.
#[derive(Debug, Clone)]
pub struct ListenAt(String);

/// An address of the host or a path: where its connections lead, and who may come.
///
/// What is wrong with it is told when a [`Node`](crate::Node) is to [listen](crate::Node::listen).
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::{Shutdown, TcpStream};
/// use ironloom_node::http::Site;
/// use ironloom_node::prelude::*;
///
/// let world = World::builder(7)
///     .network("lan", "10.1.0.0/24")
///     .machine("web", |web| web.at("lan").runs("httpd -q -p 80").file("/var/www/index.html", "hello"))
///     .machine("desk", |desk| desk)
///     .build()?;
/// let node = Node::start(world)?;
///
/// // To the port of a machine.
/// let shop = Listener::tcp("127.0.0.1:0").to_port("web", 80).allow("127.0.0.0/8").connections_max(1_000);
/// let shop = node.listen("shop", shop)?;
/// // To a new process for each connection, which reads and writes it.
/// let echo = node.listen("echo", Listener::tcp("127.0.0.1:0").to_command("desk", Command::shell("tr a-z A-Z")))?;
/// // To a service in Rust.
/// let site = Listener::tcp("127.0.0.1:0").to_site(Site::new().get("/", |_| "Hello from Rust"));
/// let site = node.listen("site", site)?;
///
/// let ask = |address: &ironloom_node::sched::reactor::Address, what: &str| {
///     let mut stream = TcpStream::connect(address.tcp().ok_or(std::io::ErrorKind::AddrNotAvailable)?)?;
///     stream.write_all(what.as_bytes())?;
///     stream.shutdown(Shutdown::Write)?;
///     let mut answer = String::new();
///     stream.read_to_string(&mut answer)?;
///     Ok::<_, std::io::Error>(answer)
/// };
/// assert_eq!(ask(&echo, "anybody?")?, "ANYBODY?");
/// assert!(ask(&shop, "GET / HTTP/1.0\r\n\r\n")?.ends_with("\r\n\r\nhello"));
/// assert!(ask(&site, "GET / HTTP/1.0\r\n\r\n")?.ends_with("\r\n\r\nHello from Rust"));
///
/// let listeners = node.listeners();
/// assert_eq!(listeners.iter().map(|listener| &*listener.name).collect::<Vec<_>>(), ["echo", "shop", "site"]);
/// assert_eq!((listeners[0].leads_to.as_str(), listeners[0].counts.accepted), ("desk: /bin/sh -c tr a-z A-Z", 1));
/// node.drain("shop", Duration::from_secs(5)).wait()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Listener {
    at: String,
    pub(super) lead: Lead,
    allow: Vec<String>,
    connections_per_address_max: Option<usize>,
    pub(super) connections_max: usize,
    pub(super) log: Option<Arc<dyn AccessLog>>,
}

/// Where connections lead.
pub(super) enum Lead {
    /// Into the world.
    Inside(Target),
    /// To a service in Rust, which this starts.
    Service(StartService),
}

pub(super) type StartService =
    Box<dyn FnOnce(&Handle, reactor::Listener, Arc<Entrance>) -> Result<Native, OpenError> + Send>;

/// A service in Rust that runs.
pub(super) enum Native {
    Site(Server),
    Service(Service),
}

/// Where in the world connections lead.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// To a port of a machine.
    Port { machine: String, port: u16 },
    /// To a process on a machine for each.
    Command { machine: String, command: Command },
}

impl Target {
    pub(super) fn machine(&self) -> &str {
        let (Self::Port { machine, .. } | Self::Command { machine, .. }) = self;
        machine
    }
}

impl Listener {
    /// Listens on an address of TCP: `127.0.0.1:8080`, or port 0 for any that is free.
    #[must_use]
    pub fn tcp(address: impl Into<String>) -> ListenAt {
        ListenAt(address.into())
    }

    /// Listens on a path. What somebody left there who has ended is replaced; the path is removed when this ends.
    #[must_use]
    pub fn unix(path: impl AsRef<Path>) -> ListenAt {
        ListenAt(Place::Unix(path.as_ref().to_owned()).to_string())
    }

    /// Listens on an address of TCP, or after `unix:` on a path.
    #[must_use]
    pub fn at(place: impl Into<String>) -> ListenAt {
        ListenAt(place.into())
    }

    fn new(at: ListenAt, lead: Lead) -> Self {
        Self {
            at: at.0,
            lead,
            allow: Vec::new(),
            connections_per_address_max: None,
            connections_max: CONNECTIONS_MAX,
            log: None,
        }
    }

    /// The same, and who comes from this network may come in: `10.0.0.0/8`. From everywhere if nothing is said. Whoever comes
    /// by a path was let in by the host's permissions.
    #[must_use]
    pub fn allow(mut self, network: impl Into<String>) -> Self {
        self.allow.push(network.into());
        self
    }

    /// The same with so many connections at a time; who comes then is turned away.
    #[must_use]
    pub const fn connections_max(mut self, connections_max: usize) -> Self {
        self.connections_max = connections_max;
        self
    }

    /// The same with so many connections at a time from one address.
    #[must_use]
    pub const fn connections_per_address_max(mut self, connections_max: usize) -> Self {
        self.connections_per_address_max = Some(connections_max);
        self
    }

    /// The same, and somebody is told of who comes, and how it ended.
    #[must_use]
    pub fn log(mut self, log: Arc<dyn AccessLog>) -> Self {
        self.log = Some(log);
        self
    }

    pub(super) fn place(&self) -> Result<Place, ListenError> {
        self.at.parse()
    }

    pub(super) fn admission(&self) -> Result<Admission, ListenError> {
        let network =
            |text: &String| text.parse::<IpNet>().map_err(|_| ListenError::Network { network: text.clone() });
        let allow = self.allow.iter().map(network).collect::<Result<_, _>>()?;
        Ok(Admission { allow, connections_per_address_max: self.connections_per_address_max })
    }
}

impl ListenAt {
    /// Connections lead to a port of a machine, through the network that it is on.
    ///
    /// Whoever comes has the address of a *gateway*, which is at the machine's switch and takes an address of its subnet.
    #[must_use]
    pub fn to_port(self, machine: impl Into<String>, port: u16) -> Listener {
        Listener::new(self, Lead::Inside(Target::Port { machine: machine.into(), port }))
    }

    /// Each connection leads to a process of its own on a machine, as its standard input and output. The end of what it
    /// writes to its standard error is in the access log if it fails.
    ///
    /// A process that has ended closes its connection; what it was sent and did not read is lost. A process whose connection
    /// is broken off is sent [`Signal::Hangup`](ironloom_vm::os::Signal::Hangup), with those that it started, and two seconds
    /// later [`Signal::Kill`](ironloom_vm::os::Signal::Kill).
    #[must_use]
    pub fn to_command(self, machine: impl Into<String>, command: impl Into<Command>) -> Listener {
        let (machine, command) = (machine.into(), command.into());
        Listener::new(self, Lead::Inside(Target::Command { machine, command }))
    }

    /// Connections lead to a site.
    #[must_use]
    pub fn to_site(self, site: Site) -> Listener {
        self.to_site_as(site, Config::default())
    }

    /// Connections lead to a site with limits of its own. Its name, how many connections there may be, who may come and who
    /// is told of it are the listener's.
    #[must_use]
    pub fn to_site_as(self, site: Site, config: Config) -> Listener {
        let start = move |kernel: &Handle, listener, entrance: Arc<Entrance>| {
            let config = Config {
                name: entrance.name.clone(),
                service: ServiceConfig { connections_max: entrance.connections_max, ..config.service },
                admission: entrance.gate.admission().clone(),
                log: entrance.log.clone(),
                ..config
            };
            Server::start(kernel, listener, site, config).map(Native::Site)
        };
        Listener::new(self, Lead::Service(Box::new(start)))
    }

    /// Connections lead to a service in Rust, in a process of the scheduler's for each.
    #[must_use]
    pub fn to_service<F, R>(self, serve: F) -> Listener
    where
        F: Fn(Context<()>, Stream) -> R + Send + Sync + 'static,
        R: Future<Output: IntoExit> + Send + 'static,
    {
        let start = move |kernel: &Handle, listener, entrance: Arc<Entrance>| {
            let connections_max = entrance.connections_max;
            let config = ServiceConfig { connections_max, ..ServiceConfig::default() };
            let serve = entrance.guard(serve);
            Service::start(kernel, listener, config, serve).map(Native::Service)
        };
        Listener::new(self, Lead::Service(Box::new(start)))
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("at", &self.at).field("lead", &self.lead).finish_non_exhaustive()
    }
}

impl fmt::Debug for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inside(target) => target.fmt(f),
            Self::Service(_) => f.write_str("Service"),
        }
    }
}

impl fmt::Display for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inside(Target::Port { machine, port }) => write!(f, "{machine}:{port}"),
            Self::Inside(Target::Command { machine, command }) => write!(f, "{machine}: {command}"),
            Self::Service(_) => f.write_str("a service"),
        }
    }
}
