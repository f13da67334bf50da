//! Two sides of a link with nothing between them but bytes, which somebody may change.

use ironloom_core::{MachineId, Rng, Seed};

use super::*;
use crate::cluster::HostId;

mod frames;
mod handshakes;

fn host(number: u8) -> HostId {
    HostId::new(number).unwrap()
}

fn identity(number: u8) -> Identity {
    let machine = MachineId::random(&mut Rng::new(Seed::new(3)));
    Identity { machine, here: host(number), run: Incarnation::new(7), secret: Secret::new(b"ours") }
}

/// Who dials, and who accepts.
struct Pair {
    dial: Handshake,
    accept: Handshake,
    /// What the side that dials has said.
    said: Vec<u8>,
}

type Ends = (Result<Session, LinkError>, Result<Session, LinkError>);

impl Pair {
    fn new(dial: Identity, accept: Identity, called: u8, count: u64) -> Self {
        let mut said = Vec::new();
        let nonce = dial.secret.nonce(dial.run, count);
        let answer = accept.secret.nonce(accept.run, count);
        let dial = Handshake::dial(dial, host(called), nonce, &mut said);
        Self { dial, accept: Handshake::accept(accept, answer), said }
    }

    /// Lets both sides speak until nothing more is said; `between` may change the bytes of each step.
    fn meet(mut self, refusal: Option<Refusal>, mut between: impl FnMut(usize, &mut Vec<u8>)) -> Ends {
        let (mut dialled, mut accepted) = (Err(LinkError::Truncated), Err(LinkError::Truncated));
        let mut to_accept = self.said;
        for step in 0..2 {
            between(2 * step, &mut to_accept);
            let mut to_dial = Vec::new();
            match self.accept.receive(&mut &to_accept[..], &mut to_dial) {
                Ok(Progress::Asked { peer, run }) => {
                    assert_eq!((peer, run), (host(1), Incarnation::new(7)));
                    accepted = self.accept.decide(refusal, &mut to_dial).ok_or(LinkError::Replaced);
                }
                Ok(_) => {}
                Err(error) => accepted = Err(error),
            }
            between(2 * step + 1, &mut to_dial);
            to_accept = Vec::new();
            match self.dial.receive(&mut &to_dial[..], &mut to_accept) {
                Ok(Progress::Linked(session)) => dialled = Ok(session),
                Ok(_) => {}
                Err(error) => return (Err(error), accepted),
            }
        }
        (dialled, accepted)
    }
}

/// A session, as both sides have it.
fn session(count: u64) -> (Session, Session) {
    let (dialled, accepted) = Pair::new(identity(1), identity(2), 2, count).meet(None, |_, _| {});
    (dialled.unwrap(), accepted.unwrap())
}

/// Everything that a session makes of these bytes, and why it does not go on.
fn open_all(session: &mut Session, mut bytes: &[u8]) -> (Vec<Vec<u8>>, Option<LinkError>) {
    let mut payloads = Vec::new();
    loop {
        session.feed(&mut bytes);
        loop {
            match session.open() {
                Ok(Some(frame)) => payloads.extend(frame.map(<[u8]>::to_vec)),
                Ok(None) => break,
                Err(error) => return (payloads, Some(error)),
            }
        }
        if bytes.is_empty() {
            return (payloads, None);
        }
    }
}
