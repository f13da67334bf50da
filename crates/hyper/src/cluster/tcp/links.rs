//! [`Links`]: the links of a host; dropped, they are closed.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::ops::Deref;
use std::sync::Arc;

use ironloom_core::Duration;

use super::config::LinksConfig;
use super::peers::{Event, Peers};
use super::shared::Shared;
use super::{accept, dial};
use crate::cluster::link::LinkError;
use crate::cluster::{HostId, HostSet};

/// How long the thread that lets others in may take to notice that it should not.
const WAKE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(1);

/// The links of a host to others. Dropped, they are closed, and no thread is left.
///
/// What is sent goes through [`Peers`], which the handler is given as well.
///
/// ```
/// use std::sync::mpsc;
///
/// use ironloom_core::{MachineId, Rng, Seed};
/// use ironloom_hyper::cluster::HostId;
/// use ironloom_hyper::cluster::link::{Identity, Incarnation, Secret};
/// use ironloom_hyper::cluster::tcp::{Event, Links, LinksConfig};
///
/// let machine = MachineId::random(&mut Rng::new(Seed::new(1)));
/// let config = |number| {
///     let here = HostId::new(number).unwrap();
///     LinksConfig::new(Identity { machine, here, run: Incarnation::new(1), secret: Secret::new(b"told to both") })
/// };
/// // One host answers whatever it is told.
/// let echo = Links::listen(config(0), "127.0.0.1:0", |peers, from, event| {
///     if let Event::Message(bytes) = event {
///         let _ = peers.send(from, bytes); // if the link is lost, so is the answer
///     }
/// })?;
/// let (heard, answers) = mpsc::channel();
/// let links = Links::listen(config(1), "127.0.0.1:0", move |_, _, event| {
///     if let Event::Message(bytes) = event {
///         let _ = heard.send(bytes.to_vec());
///     }
/// })?;
/// links.connect(echo.here(), echo.address())?;
/// links.send(echo.here(), b"hello")?;
/// assert_eq!(answers.recv()?, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Links {
    peers: Peers,
    address: SocketAddr,
}

impl Links {
    /// Lets hosts connect to an address, and tells a handler what happens on all links.
    ///
    /// The handler is called on the thread that reads from the host in question: nothing else is read from that host
    /// until it returns.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened to, or there is no thread.
    pub fn listen(
        config: LinksConfig,
        address: impl ToSocketAddrs,
        handler: impl Fn(&Peers, HostId, Event<'_>) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(config, Box::new(handler)));
        shared.spawn("accept", move |shared| accept::listen(shared, &listener))?;
        Ok(Self { peers: Peers(shared), address })
    }

    /// Where others can connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Dials a host, and again whenever the link is lost, until [`Peers::close_to`] is called.
    ///
    /// Waits until there is a link, whichever side has dialled it.
    ///
    /// # Errors
    ///
    /// Why there is no link within the time that [`LinksConfig::connect_timeout`] says, or will never be one. It is
    /// not dialled any more then.
    pub fn connect(&self, peer: HostId, address: SocketAddr) -> Result<(), LinkError> {
        let shared = &self.peers.0;
        if peer == self.here() {
            return Err(LinkError::Reflected);
        }
        let deadline = shared.after(shared.config.connect_timeout);
        let mut table = shared.table.lock();
        if table.is_closing {
            return Err(LinkError::ClosedHere);
        }
        if table.link(peer).is_some() {
            return Ok(());
        }
        if table.want(peer, address) {
            drop(table);
            if let Err(error) = shared.spawn("link", move |shared| dial::keep(shared, peer)) {
                shared.table.lock().abandon(peer);
                return Err(error.into());
            }
            table = shared.table.lock();
        }
        while table.link(peer).is_none() {
            if !table.is_wanted(peer) || !shared.wait(&mut table, deadline) {
                table.unwant(peer);
                shared.changed.notify_all();
                return Err(table.failure(peer).unwrap_or(LinkError::Late));
            }
        }
        Ok(())
    }

    /// Waits until there are links to all of these hosts, whichever side has dialled them.
    ///
    /// # Errors
    ///
    /// To which host there is no link when the time is over.
    pub fn wait_for(&self, hosts: HostSet, timeout: Duration) -> Result<(), LinkError> {
        let shared = &self.peers.0;
        let deadline = shared.after(timeout);
        let mut table = shared.table.lock();
        loop {
            let linked = table.linked();
            let Some(host) = hosts.without(self.here()).iter().find(|host| !linked.contains(*host)) else {
                return Ok(());
            };
            if table.is_closing || !shared.wait(&mut table, deadline) {
                return Err(LinkError::Unlinked { host });
            }
        }
    }

    /// What the links are used through; it may be kept and given to any thread.
    #[must_use]
    pub const fn peers(&self) -> &Peers {
        &self.peers
    }

    /// Closes all links and lets nobody connect any more.
    ///
    /// Waits until the handler will not be called again, unless the handler itself calls this.
    pub fn close(&self) {
        let shared = &self.peers.0;
        shared.table.lock().close();
        shared.changed.notify_all();
        // Whoever waits for connections is woken by one.
        let _ = TcpStream::connect_timeout(&self.reachable(), WAKE_TIMEOUT);
        shared.join();
    }

    /// An address by which this process reaches itself.
    fn reachable(&self) -> SocketAddr {
        let mut address = self.address;
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        address
    }
}

impl Deref for Links {
    type Target = Peers;

    fn deref(&self) -> &Peers {
        &self.peers
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        self.close();
    }
}
