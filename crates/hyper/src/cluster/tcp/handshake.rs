//! Handshakes over a socket, within a time.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;

use ironloom_core::Instant;

use super::shared::Shared;
use super::table::{Claim, Verdict};
use crate::cluster::HostId;
use crate::cluster::link::{Handshake, LinkError, Progress, Refusal, Session};

/// How long a thread reads before it looks whether all is being closed.
const LOOK: std::time::Duration = std::time::Duration::from_millis(50);

/// More than any message of a handshake.
const MESSAGE_BYTES: usize = 128;

/// Dials a host over a socket that is connected to it.
pub(super) fn dial(
    shared: &Shared,
    stream: &TcpStream,
    peer: HostId,
    deadline: Instant,
) -> Result<Session, LinkError> {
    let mut out = Vec::new();
    let mut handshake = Handshake::dial(shared.config.identity.clone(), peer, shared.nonce(), &mut out);
    send(stream, &mut out)?;
    loop {
        match receive(shared, stream, &mut handshake, deadline)? {
            Progress::Linked(session) => {
                let newest = shared.table.lock().newest(peer);
                if session.run < newest {
                    return Err(LinkError::Stale { host: peer, run: session.run, newest });
                }
                return Ok(session);
            }
            Progress::More => {}
            Progress::Asked { .. } => unreachable!("only who accepts is asked"),
        }
    }
}

/// Accepts a host that has connected; the link is taken for it if there will be one.
pub(super) fn accept(shared: &Shared, stream: &TcpStream, deadline: Instant) -> Result<Session, LinkError> {
    let mut handshake = Handshake::accept(shared.config.identity.clone(), shared.nonce());
    loop {
        if let Progress::Asked { peer, run } = receive(shared, stream, &mut handshake, deadline)? {
            let claim = Claim { peer, run, is_dialled: false };
            let refused = if shared.is_expected(peer) {
                take(shared, claim, deadline).err()
            } else {
                Some(Refusal::UnknownHost)
            };
            let mut out = Vec::new();
            let session = handshake.decide(refused, &mut out);
            let sent = send(stream, &mut out);
            return match session {
                Some(session) => sent.map(|()| session).map_err(|error| {
                    shared.vacate(peer);
                    error.into()
                }),
                None => Err(refusal(shared, claim, refused)),
            };
        }
    }
}

/// What it means here that a host was refused.
fn refusal(shared: &Shared, claim: Claim, refused: Option<Refusal>) -> LinkError {
    let Claim { peer, run, .. } = claim;
    match refused {
        Some(Refusal::UnknownHost) => LinkError::UnknownHost { number: peer.number() },
        Some(Refusal::Stale) => {
            LinkError::Stale { host: peer, run, newest: shared.table.lock().newest(peer) }
        }
        _ => LinkError::Replaced,
    }
}

/// Waits until the link to a host is ours to make, unless another stays.
pub(super) fn take(shared: &Shared, claim: Claim, deadline: Instant) -> Result<(), Refusal> {
    let mut table = shared.table.lock();
    loop {
        if table.is_closing {
            return Err(Refusal::Busy);
        }
        match table.claim(claim) {
            Verdict::Granted => return Ok(()),
            Verdict::Refused(refusal) => return Err(refusal),
            Verdict::Later => {}
        }
        if !shared.wait(&mut table, deadline) {
            return Err(Refusal::Busy);
        }
    }
}

fn send(stream: &TcpStream, out: &mut Vec<u8>) -> io::Result<()> {
    let mut stream = stream;
    stream.write_all(out)?;
    out.clear();
    Ok(())
}

/// Reads one message at most, since what comes after the last is for the session.
fn receive(
    shared: &Shared,
    stream: &TcpStream,
    handshake: &mut Handshake,
    deadline: Instant,
) -> Result<Progress, LinkError> {
    let (mut stream, mut room) = (stream, [0; MESSAGE_BYTES]);
    let left = shared.left_until(deadline).ok_or(LinkError::Late)?;
    if shared.table.lock().is_closing {
        return Err(LinkError::ClosedHere);
    }
    stream.set_read_timeout(Some(left.min(LOOK)))?;
    let bytes = match stream.read(&mut room[..handshake.wants()]) {
        Ok(0) => return Err(LinkError::Truncated),
        Ok(bytes) => bytes,
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => {
                return Ok(Progress::More);
            }
            _ => return Err(error.into()),
        },
    };
    let mut out = Vec::new();
    let progress = handshake.receive(&mut &room[..bytes], &mut out);
    // What is said to whom is refused may be lost: the refusal counts, not that it was heard.
    let sent = send(stream, &mut out);
    let progress = progress?;
    sent?;
    Ok(progress)
}
