//! [`Exchange`]: requests become answers, without a socket.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use ironloom_core::Instant;
use ironloom_net::Payload;
use ironloom_net::http::{self as codec, ServerEvent, Status, WriteError};
use ironloom_sched::Context;

use super::body::Body;
use super::handler::Later;
use super::server::Shared;
use super::site::Answer;
use super::{Config, Method, Request, Response};
use crate::doors::Access;

/// How many fields of an answer are written without an allocation.
const FIELDS: usize = 16;

/// Requests become answers.
pub(super) struct Exchange<'s> {
    shared: &'s Shared,
    ctx: &'s Context<()>,
    peer: Option<SocketAddr>,
    pub(super) codec: codec::Server,
    arriving: Option<Arriving>,
    /// How many requests are there as a whole.
    pub(super) arrived: u64,
}

/// A request that is not there as a whole.
struct Arriving {
    head: codec::Request,
    first: Bytes,
    /// The body, if it comes in several pieces.
    gathered: BytesMut,
}

/// What has to be waited for.
pub(super) enum Work {
    /// An answer that is not ready.
    Later(Later, Asked),
    /// The rest of an answer.
    Body(Body),
    /// The client waits for being told to go on.
    Proceed,
}

/// What was asked, for who answers and who is told of it.
pub(super) struct Asked {
    is_head: bool,
    /// Only if somebody is told.
    noted: Option<(codec::Request, Instant)>,
}

impl<'s> Exchange<'s> {
    pub(super) fn new(shared: &'s Shared, ctx: &'s Context<()>, peer: Option<SocketAddr>) -> Self {
        let codec = codec::Server::new(shared.config.message);
        Self { shared, ctx, peer, codec, arriving: None, arrived: 0 }
    }

    /// Answers what can be answered at once; what has to be waited for before there is more to answer.
    pub(super) fn advance(&mut self) -> Option<Work> {
        while let Some(event) = self.codec.poll() {
            let work = match event {
                ServerEvent::Request(head) => self.begin(head),
                ServerEvent::Body(bytes) => {
                    self.gather(bytes);
                    None
                }
                ServerEvent::End(_) => self.arriving.take().and_then(|arriving| self.answer(arriving)),
                ServerEvent::Refused(refusal) => {
                    self.arriving = None;
                    self.note_refusal(refusal.status());
                    None
                }
            };
            if work.is_some() {
                return work;
            }
        }
        None
    }

    /// Answers; what is left of that, if it is not done at once.
    pub(super) fn respond(&mut self, response: Response, asked: &Asked) -> Option<Body> {
        let length = response.body.length();
        self.note(asked, response.status, length);
        match self.write(response) {
            Ok(Some(_)) if asked.is_head => {
                self.codec.finish(&[]).expect("an answer to HEAD has no bytes to be missed");
                None
            }
            Ok(left) => left,
            Err(_) => {
                // The handler gave fields or a status that cannot be written, and nothing was.
                let failed = self.codec.respond(Status::INTERNAL_ERROR, &[], &Payload::EMPTY);
                failed.expect("the request still waits for its answer");
                None
            }
        }
    }

    fn begin(&mut self, head: codec::Request) -> Option<Work> {
        let waits = head.expects_continue() && head.has_body();
        self.arriving = Some(Arriving { head, first: Bytes::new(), gathered: BytesMut::new() });
        if !waits {
            return None;
        }
        self.codec.proceed().expect("whatever came before was answered");
        Some(Work::Proceed)
    }

    fn gather(&mut self, bytes: Bytes) {
        let Some(arriving) = &mut self.arriving else { return };
        if arriving.first.is_empty() {
            arriving.first = bytes;
            return;
        }
        if arriving.gathered.is_empty() {
            arriving.gathered.extend_from_slice(&arriving.first);
        }
        arriving.gathered.extend_from_slice(&bytes);
    }

    #[inline]
    fn answer(&mut self, arriving: Arriving) -> Option<Work> {
        let Arriving { head, first, gathered } = arriving;
        self.arrived += 1;
        let body = if gathered.is_empty() { first } else { gathered.freeze() };
        let noted = self.shared.config.log.is_some().then(|| (head.clone(), self.ctx.now()));
        let asked = Asked { is_head: head.method() == Method::Head, noted };
        let request = Request { head, body, peer: self.peer, captured: None };
        match self.shared.site.answer(request) {
            Answer::Now(response) => self.respond(response, &asked).map(Work::Body),
            Answer::Later(later) => Some(Work::Later(later, asked)),
        }
    }

    /// Writes an answer, or its head; what is left of it then.
    fn write(&mut self, response: Response) -> Result<Option<Body>, WriteError> {
        let Response { status, kind, fields, body } = response;
        let mut few = [("", ""); FIELDS];
        let mut many = Vec::new();
        let kind = kind.as_deref().map(|kind| ("content-type", kind));
        let all = kind.into_iter().chain(fields.iter().map(|(name, value)| (&**name, &**value)));
        let written = if fields.len() < FIELDS {
            let count = few.iter_mut().zip(all).map(|(free, field)| *free = field).count();
            &few[..count]
        } else {
            many.extend(all);
            &many[..]
        };
        match body {
            Body::Whole(payload) => self.codec.respond(status, written, &payload).map(|()| None),
            body => self.codec.begin(status, written, body.length()).map(|()| Some(body)),
        }
    }

    fn note(&self, asked: &Asked, status: Status, bytes: Option<u64>) {
        let (Some((head, at)), Some(log)) = (&asked.noted, &self.shared.config.log) else { return };
        log.note(&Access::Request {
            door: &self.shared.config.name,
            at: *at,
            peer: self.peer,
            method: head.method_name(),
            target: head.target(),
            status,
            bytes,
            took: self.ctx.now().saturating_since(*at),
        });
    }

    fn note_refusal(&self, status: Status) {
        let Config { log: Some(log), name: door, .. } = &self.shared.config else { return };
        let (at, took) = (self.ctx.now(), ironloom_core::Duration::ZERO);
        let (peer, bytes) = (self.peer, None);
        log.note(&Access::Request { door, at, peer, method: "", target: "", status, bytes, took });
    }
}
