//! The life of a link that stands: what its thread does until it ends.

use std::io::{self, Read as _};
use std::net::TcpStream;
use std::sync::Arc;

use super::counts::add;
use super::outgoing::Outgoing;
use super::peers::{Event, Peers};
use super::shared::Shared;
use crate::cluster::HostId;
use crate::cluster::link::{LinkError, Opener, Sealer, Session};

/// Tells the handler all that happens on a link that was taken, until it ends.
pub(super) fn run(shared: &Arc<Shared>, stream: TcpStream, session: Session) -> Result<(), LinkError> {
    let session = session.frame_bytes_max(shared.config.frame_bytes_max).packs(shared.config.packs);
    let peer = session.peer;
    let mut standing = match Standing::new(shared, stream, peer, session.sealer) {
        Ok(standing) => standing,
        Err(error) => {
            shared.vacate(peer);
            return Err(error.into());
        }
    };
    standing.tell(Event::Up { run: session.run });
    let error = standing.read(session.opener);
    standing.outgoing.end(error);
    Ok(())
}

/// A link that stands. However it ends, the handler is told, and its place becomes vacant.
struct Standing {
    peers: Peers,
    peer: HostId,
    outgoing: Arc<Outgoing>,
    /// Whether the handler was told of it.
    is_told: bool,
}

impl Standing {
    fn new(shared: &Arc<Shared>, stream: TcpStream, peer: HostId, sealer: Sealer) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(None)?;
        stream.set_write_timeout(None)?;
        let outgoing = Arc::new(Outgoing::new(stream, sealer, shared.config.backlog_bytes_max));
        let writer = Arc::clone(&outgoing);
        shared.spawn("backlog", move |_| writer.write_backlog())?;
        Ok(Self { peers: Peers(Arc::clone(shared)), peer, outgoing, is_told: false })
    }

    fn tell(&mut self, event: Event<'_>) {
        if !self.is_told {
            self.is_told = true;
            self.stand();
        }
        (self.peers.0.handler)(&self.peers, self.peer, event);
    }

    /// From here on it can be sent to.
    fn stand(&self) {
        let shared = &self.peers.0;
        shared.set_link(self.peer, Some(Arc::clone(&self.outgoing)));
        add(&shared.tally.links, 1);
        let mut table = shared.table.lock();
        table.stand(self.peer, Arc::clone(&self.outgoing));
        if table.is_closing {
            self.outgoing.end(LinkError::ClosedHere);
        } else if !shared.is_expected(self.peer) {
            self.outgoing.end(LinkError::UnknownHost { number: self.peer.number() });
        }
        shared.changed.notify_all();
    }

    /// Hands every message to the handler, until there will be no more; why that is so.
    fn read(&mut self, mut opener: Opener) -> LinkError {
        loop {
            match opener.open() {
                Ok(Some(payloads)) => {
                    for payload in payloads {
                        add(&self.peers.0.tally.messages_received, 1);
                        self.tell(Event::Message(payload));
                    }
                    if self.outgoing.has_ended() {
                        return LinkError::ClosedHere;
                    }
                }
                Ok(None) => match self.receive(&mut opener) {
                    Ok(0) => return opener.end(),
                    Ok(bytes) => add(&self.peers.0.tally.bytes_received, bytes as u64),
                    Err(error) => return LinkError::Network(error.kind()),
                },
                Err(error) => return error,
            }
        }
    }

    /// Waits for more; how many bytes came, or none if there will be no more.
    fn receive(&self, opener: &mut Opener) -> io::Result<usize> {
        let mut stream = self.outgoing.stream();
        loop {
            match stream.read(opener.room()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(bytes) => {
                    opener.fill(bytes);
                    return Ok(bytes);
                }
            }
        }
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        // If there was no reason yet, the handler has panicked.
        let error = self.outgoing.end(LinkError::ClosedHere);
        let shared = Arc::clone(&self.peers.0);
        shared.set_link(self.peer, None);
        shared.fault(error);
        if self.is_told && !std::thread::panicking() {
            self.tell(Event::Down(error));
        }
        shared.vacate(self.peer);
    }
}
