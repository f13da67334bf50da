//! [`Peers`]: the other hosts, as those see them who send to them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::counts::{LinkCounts, add};
use super::shared::Shared;
use crate::cluster::link::{Incarnation, LinkError};
use crate::cluster::{HostId, HostSet};

/// What happens on a link, told in the order in which it happens.
#[derive(Debug)]
pub enum Event<'a> {
    /// There is a link.
    Up {
        /// To which run of the host.
        run: Incarnation,
    },
    /// The host says something.
    Message(&'a [u8]),
    /// The link is no more.
    Down(LinkError),
}

/// The other hosts, as those see them who send to them. It does not keep the links open.
#[derive(Clone)]
pub struct Peers(pub(super) Arc<Shared>);

impl Peers {
    /// This host.
    #[must_use]
    pub fn here(&self) -> HostId {
        self.0.config.identity.here
    }

    /// Sends a message: see [`send_all`](Self::send_all).
    ///
    /// # Errors
    ///
    /// If it cannot be sent.
    pub fn send(&self, to: HostId, payload: &[u8]) -> Result<(), LinkError> {
        self.send_all(to, &[payload])
    }

    /// Sends messages in this order, in one frame if they fit.
    ///
    /// It never waits for the other side: what the socket does not take waits elsewhere. Any thread may call it, the
    /// handler too. That it succeeds does not mean that anything arrives.
    ///
    /// # Errors
    ///
    /// If there is no link, if a message is too long, or if the other side is too slow; then the link is closed.
    pub fn send_all(&self, to: HostId, payloads: &[&[u8]]) -> Result<(), LinkError> {
        let link = self.0.link(to).ok_or(LinkError::Unlinked { host: to })?;
        let bytes = link.send(payloads)?;
        add(&self.0.tally.messages_sent, payloads.len() as u64);
        add(&self.0.tally.bytes_sent, bytes as u64);
        Ok(())
    }

    /// How many bytes wait for a host because it reads slower than they are sent.
    #[must_use]
    pub fn backlog_bytes(&self, to: HostId) -> usize {
        self.0.link(to).map_or(0, |link| link.backlog_bytes())
    }

    /// The hosts to which there are links.
    #[must_use]
    pub fn linked(&self) -> HostSet {
        self.0.table.lock().linked()
    }

    /// Closes the link to a host, and does not dial it again. The host may.
    pub fn close_to(&self, peer: HostId) {
        self.0.table.lock().unwant(peer);
        if let Some(link) = self.0.link(peer) {
            link.end(LinkError::ClosedHere);
        }
        self.0.changed.notify_all();
    }

    /// Says which hosts may have a link to this one; closes the links to others.
    pub fn expect(&self, hosts: HostSet) {
        self.0.expected.store(hosts.bits(), Ordering::SeqCst);
        for host in HostSet::from_bits(!hosts.bits()).iter() {
            self.close_to(host);
        }
    }

    /// What the links have carried, and what went wrong.
    #[must_use]
    pub fn counts(&self) -> LinkCounts {
        self.0.tally.read()
    }
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers").field("here", &self.here()).field("linked", &self.linked()).finish()
    }
}
