//! [`Handshake`]: makes a session of a stream of bytes, or finds out why none can be made.

use std::mem;

use super::error::{LinkError, Refusal};
use super::hello::{HELLO_BYTES, Hello, HelloBytes, is_same};
use super::identity::{Identity, Incarnation, NONCE_BYTES};
use super::session::Session;
use crate::cluster::HostId;

const PROOF_BYTES: usize = 32;
const VERDICT_BYTES: usize = 1 + PROOF_BYTES;

const HELLO: &[u8; 8] = b"hello\0\0\0";
const ANSWER: &[u8; 8] = b"answer\0\0";
const CLAIM: &[u8; 8] = b"claim\0\0\0";
const VERDICT: &[u8; 8] = b"verdict\0";
const SESSION: &[u8; 8] = b"session\0";

/// What the answer says to a hello that is not proven. Who cannot prove its hello cannot check this either.
const UNPROVEN: u8 = u8::MAX;

/// How far a handshake has come.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, when a link begins")]
pub enum Progress {
    /// Bytes are missing.
    More,
    /// This host wants a link and has proven who it is: call [`Handshake::decide`].
    Asked {
        /// The host.
        peer: HostId,
        /// Which run of it.
        run: Incarnation,
    },
    /// The session stands on both sides.
    Linked(Session),
}

/// What is expected next.
#[derive(Debug)]
enum State {
    /// Of who dials.
    Answer { peer: HostId },
    /// Of who dials: both hellos were exchanged and proven.
    Verdict { peer: HostId, run: Incarnation },
    /// Of who accepts.
    Hello { nonce: [u8; NONCE_BYTES] },
    /// Of who accepts: both hellos were exchanged and proven.
    Claim { peer: HostId, run: Incarnation },
    /// Nothing but what who accepts decides.
    Decision { peer: HostId, run: Incarnation },
    /// Nothing: there is a session, or there will be none.
    Ended,
}

/// One side of a handshake; feed it what is received and send what it says.
///
/// It keeps at most the longest message of a handshake, whatever is received.
#[derive(Debug)]
pub struct Handshake {
    identity: Identity,
    state: State,
    /// What both sides have said, as far as it is known: the hello of who dials, then that of who accepts.
    heard: Vec<u8>,
    /// The beginning of the message that is expected.
    partial: Vec<u8>,
}

impl Handshake {
    /// That of a host that dials another. The nonce was never used before: see [`Secret::nonce`](super::Secret::nonce).
    #[must_use]
    pub fn dial(identity: Identity, peer: HostId, nonce: [u8; NONCE_BYTES], out: &mut Vec<u8>) -> Self {
        let hello = Hello::of(&identity, peer.number(), nonce).encode(&identity.secret, HELLO, &[]);
        out.extend_from_slice(&hello);
        Self { identity, state: State::Answer { peer }, heard: hello.to_vec(), partial: Vec::new() }
    }

    /// That of a host that was dialled.
    #[must_use]
    pub const fn accept(identity: Identity, nonce: [u8; NONCE_BYTES]) -> Self {
        Self { identity, state: State::Hello { nonce }, heard: Vec::new(), partial: Vec::new() }
    }

    /// How many bytes the message lacks that is expected. What comes after them may not be for the handshake any more.
    #[must_use]
    pub const fn wants(&self) -> usize {
        let whole = match self.state {
            State::Answer { .. } | State::Hello { .. } => HELLO_BYTES,
            State::Verdict { .. } => VERDICT_BYTES,
            State::Claim { .. } => PROOF_BYTES,
            State::Decision { .. } | State::Ended => 0,
        };
        whole - self.partial.len()
    }

    /// Takes what was received, as far as it is for the handshake, and appends what must be sent, even if it fails.
    ///
    /// # Errors
    ///
    /// If there will be no session; the stream must be closed once what was appended has been sent.
    pub fn receive(&mut self, bytes: &mut &[u8], out: &mut Vec<u8>) -> Result<Progress, LinkError> {
        loop {
            let (taken, rest) = bytes.split_at(bytes.len().min(self.wants()));
            self.partial.extend_from_slice(taken);
            *bytes = rest;
            if self.wants() > 0 {
                return Ok(Progress::More);
            }
            match self.step(out)? {
                Progress::More => {}
                progress => return Ok(progress),
            }
        }
    }

    /// Acts on a whole message.
    fn step(&mut self, out: &mut Vec<u8>) -> Result<Progress, LinkError> {
        let message = mem::take(&mut self.partial);
        match mem::replace(&mut self.state, State::Ended) {
            State::Answer { peer } => self.answered(peer, hello_of(&message), out),
            State::Verdict { peer, run } => self.decided(peer, run, &message),
            State::Hello { nonce } => self.greeted(nonce, hello_of(&message), out),
            State::Claim { peer, run } => {
                if !is_same(&self.identity.secret.prove(CLAIM, &self.heard), &message) {
                    return Err(LinkError::Unproven);
                }
                self.state = State::Decision { peer, run };
                Ok(Progress::Asked { peer, run })
            }
            state @ State::Decision { peer, run } => {
                self.state = state;
                Ok(Progress::Asked { peer, run })
            }
            State::Ended => Err(LinkError::ClosedHere),
        }
    }

    /// The hello of who dials has come.
    fn greeted(
        &mut self,
        nonce: [u8; NONCE_BYTES],
        message: &HelloBytes,
        out: &mut Vec<u8>,
    ) -> Result<Progress, LinkError> {
        let secret = &self.identity.secret;
        let hello = Hello::decode(message, secret, HELLO, &[]);
        let (from, judged) = match hello {
            Ok(hello) => (hello.from, hello.host(&self.identity).map(|peer| (peer, hello.run))),
            Err(LinkError::Unproven) => (message[6], Err((LinkError::Unproven, UNPROVEN))),
            // Nothing is said to whom nothing can be said.
            Err(error) => return Err(error),
        };
        let mut answer = Hello::of(&self.identity, from, nonce);
        answer.code = judged.as_ref().err().map_or(0, |(_, code)| *code);
        let answer = answer.encode(secret, ANSWER, message);
        out.extend_from_slice(&answer);
        let (peer, run) = judged.map_err(|(error, _)| error)?;
        self.heard = [&message[..], &answer[..]].concat();
        self.state = State::Claim { peer, run };
        Ok(Progress::More)
    }

    /// The answer of who was dialled has come.
    fn answered(
        &mut self,
        peer: HostId,
        message: &HelloBytes,
        out: &mut Vec<u8>,
    ) -> Result<Progress, LinkError> {
        if self.heard == message[..] {
            return Err(LinkError::Reflected);
        }
        let answer = Hello::decode(message, &self.identity.secret, ANSWER, &self.heard)?;
        if let Some(refusal) = Refusal::of(answer.code) {
            return Err(LinkError::Refused(refusal));
        }
        let found = answer.host(&self.identity).map_err(|(error, _)| error)?;
        if found != peer {
            return Err(LinkError::Misdirected { called: peer, found });
        }
        self.heard.extend_from_slice(message);
        out.extend_from_slice(&self.identity.secret.prove(CLAIM, &self.heard));
        self.state = State::Verdict { peer, run: answer.run };
        Ok(Progress::More)
    }

    /// Lets the host that asked have its link, or refuses it.
    ///
    /// # Panics
    ///
    /// If nobody has asked: see [`Progress::Asked`].
    pub fn decide(&mut self, refusal: Option<Refusal>, out: &mut Vec<u8>) -> Option<Session> {
        let State::Decision { peer, run } = mem::replace(&mut self.state, State::Ended) else {
            panic!("a link is decided on when somebody has asked for it");
        };
        let code = refusal.map_or(0, Refusal::code);
        out.push(code);
        out.extend_from_slice(&self.verdict(code));
        refusal.is_none().then(|| self.session(peer, run, false))
    }

    /// What who accepts has decided has come.
    fn decided(&self, peer: HostId, run: Incarnation, message: &[u8]) -> Result<Progress, LinkError> {
        let (code, proof) = (message[0], &message[1..]);
        if !is_same(&self.verdict(code), proof) {
            return Err(LinkError::Unproven);
        }
        match Refusal::of(code) {
            Some(refusal) => Err(LinkError::Refused(refusal)),
            None if code == 0 => Ok(Progress::Linked(self.session(peer, run, true))),
            None => Err(LinkError::Foreign),
        }
    }

    fn verdict(&self, code: u8) -> [u8; PROOF_BYTES] {
        self.identity.secret.prove(VERDICT, &[&self.heard[..], &[code]].concat())
    }

    fn session(&self, peer: HostId, run: Incarnation, is_dialled: bool) -> Session {
        Session::new(&self.identity.secret.prove(SESSION, &self.heard), peer, run, is_dialled)
    }
}

fn hello_of(message: &[u8]) -> &HelloBytes {
    message.try_into().expect("a message is taken when it is whole")
}
