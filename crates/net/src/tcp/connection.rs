//! [`Connection`]: one side of a TCP connection.
//!
//! What everybody asks of it is here. What happens when a segment arrives is in `arrive`, `acknowledge`, `recover` and
//! `accept`; what is sent, and when, in `transmit` and `emit`; what time brings in `expire`; what the network says in
//! `network`.

use std::net::SocketAddr;

use ironloom_core::Instant;

use super::assembler::Assembler;
use super::congestion::Window;
use super::offer::{Offer, SEGMENT_BYTES_MIN, offered_window, window_shift};
use super::rope::Rope;
use super::rtt::RoundTrip;
use super::scoreboard::Scoreboard;
use super::{Config, Embryo, Error, ReceiveError, SendError, Sequence, TimeWait};
use crate::frame::Segment;
use crate::{Payload, Readiness};

mod accept;
mod acknowledge;
mod arrive;
mod emit;
mod expire;
#[cfg(test)]
mod inspect;
mod marks;
mod network;
mod open;
mod recover;
mod transmit;

use expire::Timer;
use marks::Marks;
use recover::Mode;

/// The two ends of a connection, as this side sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ends {
    /// Ours.
    pub(crate) local: SocketAddr,
    /// The other side's.
    pub(crate) remote: SocketAddr,
}

/// Where in its life a connection is (RFC 9293, 3.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// We asked for it.
    SynSent,
    /// Both asked at once.
    SynReceived,
    /// Both may send.
    Established,
    /// We have finished.
    FinWait1,
    /// We have finished, and the other side knows.
    FinWait2,
    /// The other side has finished.
    CloseWait,
    /// Both finished at once; the other side does not know yet.
    Closing,
    /// Both have finished, the other side first; it does not know yet.
    LastAck,
    /// Both have finished. Late segments are expected.
    TimeWait,
    /// There is nothing any more.
    Closed,
}

/// One side of a TCP connection.
///
/// After every call that may change something, [`poll`](Self::poll) is to be called until it gives nothing more, then
/// [`deadline`](Self::deadline). A deadline moves with every acknowledgement, almost always to a later time; whoever
/// keeps a timer need not move it then, because [`expire`](Self::expire) may be called early and does nothing.
#[derive(Debug)]
pub(crate) struct Connection {
    /// What was given to be sent and is not acknowledged, and what is to be received.
    outgoing: Rope,
    incoming: Rope,
    /// When what is due: see `expire`. [`Instant::MAX`] for "never".
    retransmit_at: Instant,
    acknowledge_at: Instant,
    idle_at: Instant,
    /// When something was heard last, and when something was acknowledged last (or sent after everything was).
    heard_at: Instant,
    progress_at: Instant,
    /// When the segment was sent that ends at `timed`, and whose round trip is being measured.
    timed_at: Instant,
    /// What is rare, and here only while it is needed.
    early: Option<Box<Assembler>>,
    board: Option<Box<Scoreboard>>,
    answer: Option<Box<Segment>>,
    congestion: Window,
    round_trip: RoundTrip,
    /// The oldest number that is not acknowledged, and one past the newest that was sent.
    oldest: Sequence,
    next: Sequence,
    /// What the other side takes after `oldest`, the most that it ever took, and what said so.
    window: u32,
    window_max: u32,
    window_sequence: Sequence,
    window_acknowledgement: Sequence,
    /// Once this is acknowledged, a loss is over.
    recover_at: Sequence,
    /// One past the last segment that was not full.
    small_end: Sequence,
    timed: Sequence,
    /// The number that is expected next, one past the last that we take, and what we acknowledged last.
    expected: Sequence,
    edge: Sequence,
    acknowledged: Sequence,
    /// The last time that the other side said.
    stamp_recent: u32,
    /// The second in which segments that do not fit were answered, and how many were.
    challenge_second: u32,
    marks: Marks,
    source: u16,
    target: u16,
    /// The largest segment that we send.
    segment_bytes: u16,
    /// How often the same was acknowledged again, without selective acknowledgements.
    duplicates: u16,
    challenges: u8,
    state: State,
    mode: Mode,
    timer: Timer,
    /// By how many bits the other side's windows are shifted, and ours.
    window_shift: u8,
    own_shift: u8,
    /// How often something was sent again since anything was acknowledged.
    in_vain: u8,
    /// How often the time that answers are waited for was doubled since it was last measured how long they take: what
    /// was sent twice tells nothing about that (Karn).
    doublings: u8,
    /// How many questions were asked since anything was heard.
    questions: u8,
    /// How many segments arrived since we acknowledged anything.
    pending: u8,
    readiness: Readiness,
    error: Option<Error>,
    /// What the network said about a connection that existed: it counts only if nothing more is heard.
    rumour: Option<Error>,
}

const _: () = assert!(size_of::<Connection>() <= 320);

impl Connection {
    /// Asks for a connection. Its first segment is what [`poll`](Self::poll) gives.
    pub(crate) fn connect(now: Instant, config: &Config, ends: Ends, initial: u32) -> Self {
        let initial = Sequence::new(initial);
        let ports = (ends.local.port(), ends.remote.port());
        let mut connection = Self::empty(now, config, ports, initial, ends.remote.is_ipv6());
        connection.own_shift = window_shift(config);
        connection.marks.set(Marks::SYN_DUE);
        connection
    }

    /// Makes a connection of one that was half open, with the segment that completed it.
    pub(crate) fn from_embryo(now: Instant, config: &Config, embryo: &Embryo, ack: Segment) -> Self {
        let ports = (embryo.source, embryo.target);
        let mut connection = Self::empty(now, config, ports, embryo.initial, embryo.is_ipv6);
        connection.agree(config, &embryo.offer, embryo.expected);
        connection.own_shift = embryo.shift;
        connection.state = State::SynReceived;
        connection.next = embryo.initial.plus(1);
        if embryo.retries == 0 {
            connection.time_round_trip(embryo.began_at, connection.next);
        }
        // In case the segment is not worth what it seemed to be.
        connection.arm(now, config);
        connection.handle(now, config, ack);
        connection
    }

    fn empty(now: Instant, config: &Config, ports: (u16, u16), initial: Sequence, is_ipv6: bool) -> Self {
        let segment_bytes = config.segment_bytes_max.max(SEGMENT_BYTES_MIN);
        let mut marks = Marks::default();
        marks.put(Marks::NAGLE, config.nagle);
        marks.put(Marks::ACK_WAITS, !config.acknowledgement_delay.is_zero());
        marks.put(Marks::KEEPALIVE, config.keepalive.is_some());
        marks.put(Marks::IPV6, is_ipv6);
        let nothing = Sequence::default();
        Self {
            outgoing: Rope::default(),
            incoming: Rope::default(),
            retransmit_at: Instant::MAX,
            acknowledge_at: Instant::MAX,
            idle_at: Instant::MAX,
            heard_at: now,
            progress_at: now,
            timed_at: now,
            early: None,
            board: None,
            answer: None,
            congestion: Window::new(config, segment_bytes.into()),
            round_trip: RoundTrip::default(),
            oldest: initial,
            next: initial,
            window: 0,
            window_max: 0,
            window_sequence: nothing,
            window_acknowledgement: nothing,
            recover_at: initial,
            small_end: initial,
            timed: initial,
            expected: nothing,
            edge: nothing,
            acknowledged: nothing,
            stamp_recent: 0,
            challenge_second: 0,
            marks,
            source: ports.0,
            target: ports.1,
            segment_bytes,
            duplicates: 0,
            challenges: 0,
            state: State::SynSent,
            mode: Mode::Open,
            timer: Timer::Retransmit,
            window_shift: 0,
            own_shift: 0,
            in_vain: 0,
            doublings: 0,
            questions: 0,
            pending: 0,
            readiness: Readiness::NONE,
            error: None,
            rumour: None,
        }
    }

    /// Takes over what the other side's first segment says.
    fn agree(&mut self, config: &Config, offer: &Offer, expected: Sequence) {
        self.marks.put(Marks::SELECTIVE, offer.selective);
        self.marks.put(Marks::STAMPS, offer.timestamps);
        self.stamp_recent = offer.stamp;
        self.segment_bytes = offer.segment_bytes;
        self.congestion = Window::new(config, offer.segment_bytes.into());
        self.window_shift = offer.shift.unwrap_or(0);
        self.window = offer.window.into();
        self.window_max = self.window;
        self.expected = expected;
        self.acknowledged = expected;
        self.edge = expected.plus(offered_window(config).into());
        self.window_sequence = expected.minus(1);
        self.window_acknowledgement = self.oldest;
    }

    /// Takes bytes to be sent; how many there was room for.
    ///
    /// # Errors
    ///
    /// If nothing more can be sent, because it was said so before or because the connection failed.
    pub(crate) fn send(&mut self, config: &Config, bytes: &[u8]) -> Result<usize, SendError> {
        let taken = self.room_for(config, bytes.len())?;
        self.outgoing.append(&bytes[..taken]);
        Ok(taken)
    }

    /// Takes bytes to be sent without copying them, unless they are few; how many there was room for.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub(crate) fn send_payload(&mut self, config: &Config, payload: Payload) -> Result<usize, SendError> {
        let taken = self.room_for(config, payload.len())?;
        let payload = if taken == payload.len() { payload } else { payload.slice(0, taken) };
        payload.into_each(|piece| self.outgoing.push(piece));
        Ok(taken)
    }

    fn room_for(&mut self, config: &Config, bytes: usize) -> Result<usize, SendError> {
        if let Some(error) = self.error {
            return Err(error.into());
        }
        if self.marks.has(Marks::FINISHED) || self.state == State::Closed {
            return Err(SendError::Finished);
        }
        let room = config.send_bytes_max.saturating_sub(self.outgoing.len()) as usize;
        if bytes > room {
            self.marks.set(Marks::CROWDED);
        }
        Ok(bytes.min(room))
    }

    /// Gives bytes that arrived: how many, `None` if there are none yet, 0 after the last.
    ///
    /// # Errors
    ///
    /// If the connection failed and everything that arrived before was received, or if it was closed here.
    pub(crate) fn receive(&mut self, target: &mut [u8]) -> Result<Option<usize>, ReceiveError> {
        if self.incoming.is_empty() {
            return self.nothing_to_receive().map(|is_end| is_end.then_some(0));
        }
        Ok(Some(self.incoming.read(target)))
    }

    /// Gives at most `max` bytes that arrived without copying them: `None` if there are none yet, none after the last.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive).
    pub(crate) fn receive_payload(&mut self, max: usize) -> Result<Option<Payload>, ReceiveError> {
        if self.incoming.is_empty() {
            return self.nothing_to_receive().map(|is_end| is_end.then_some(Payload::EMPTY));
        }
        let mut rest = max;
        let pieces = std::iter::from_fn(|| self.incoming.pop(rest).inspect(|piece| rest -= piece.len()));
        Ok(Some(pieces.collect()))
    }

    /// Whether there is nothing because the other side has finished.
    fn nothing_to_receive(&self) -> Result<bool, ReceiveError> {
        if self.marks.has(Marks::CLOSED) {
            return Err(ReceiveError::Closed);
        }
        if self.marks.has(Marks::PEER_FINISHED) {
            return Ok(true);
        }
        self.error.map_or(Ok(false), |error| Err(error.into()))
    }

    /// Nothing more will be sent than what was given. What the other side sends is still received.
    pub(crate) fn finish(&mut self) {
        self.marks.set(Marks::FINISHED);
        match self.state {
            State::Established => self.state = State::FinWait1,
            State::CloseWait => self.state = State::LastAck,
            _ => {}
        }
    }

    /// Nothing more will be sent than what was given, and nothing received. Whatever arrives from now on, or arrived
    /// and was not received, resets the connection, so that the other side learns that it was in vain.
    pub(crate) fn close(&mut self) {
        self.marks.set(Marks::CLOSED);
        if self.state == State::SynSent {
            self.end(None);
        } else if self.incoming.is_empty() {
            self.finish();
        } else if let Some(reset) = self.abort() {
            self.answer = Some(Box::new(reset));
        }
        self.incoming = Rope::default();
    }

    /// Ends the connection at once; the segment that tells the other side, if it knows of the connection.
    pub(crate) fn abort(&mut self) -> Option<Segment> {
        let reset = match self.state {
            State::SynSent | State::TimeWait | State::Closed => None,
            _ => Some(self.reset_segment()),
        };
        if self.state != State::Closed {
            self.end(Some(Error::Aborted));
        }
        self.incoming = Rope::default();
        reset
    }

    /// There is nothing any more, and why.
    fn end(&mut self, error: Option<Error>) {
        self.state = State::Closed;
        self.error = self.error.or(error);
        self.outgoing = Rope::default();
        (self.early, self.board) = (None, None);
        (self.retransmit_at, self.acknowledge_at, self.idle_at) = (Instant::MAX, Instant::MAX, Instant::MAX);
        self.readiness |= Readiness::OVER | Readiness::READABLE | Readiness::WRITABLE;
    }

    /// What can be done since this was last asked that could not be done before.
    ///
    /// Bytes that arrive are told if there were none; so whoever hears of them receives until there are none.
    pub(crate) fn take_readiness(&mut self) -> Readiness {
        std::mem::take(&mut self.readiness)
    }

    /// Whether small segments wait while another one is on its way.
    pub(crate) fn set_nagle(&mut self, is_on: bool) {
        self.marks.put(Marks::NAGLE, is_on);
    }

    /// Whether somebody who says nothing is asked whether he is still there.
    pub(crate) fn set_keepalive(&mut self, now: Instant, config: &Config, is_on: bool) {
        self.marks.put(Marks::KEEPALIVE, is_on);
        // In other states the same deadline is about something else.
        if matches!(self.state, State::Established | State::CloseWait) {
            self.idle_at = Instant::MAX;
            self.expect_questions(now, config);
        }
    }

    /// Whether acknowledgements wait for a second segment.
    pub(crate) fn set_delayed_acknowledgements(&mut self, is_on: bool) {
        self.marks.put(Marks::ACK_WAITS, is_on);
    }

    /// Where in its life it is.
    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Why it failed, if it did.
    pub(crate) fn error(&self) -> Option<Error> {
        self.error
    }

    /// Whether it can be forgotten: it is closed, and nothing is left to be sent. What arrived can still be received.
    pub(crate) fn is_over(&self) -> bool {
        self.state == State::Closed && self.answer.is_none()
    }

    /// What is left of it, once both sides have finished and everything was received: keep that instead.
    pub(crate) fn time_wait(&self) -> Option<TimeWait> {
        let is_quiet = self.incoming.is_empty() && self.answer.is_none() && !self.marks.has(Marks::ACK_DUE);
        (self.state == State::TimeWait && is_quiet).then(|| TimeWait {
            until: self.idle_at,
            next: self.next,
            expected: self.expected,
            stamp_recent: self.marks.has(Marks::STAMPS).then_some(self.stamp_recent),
            answered_at: Instant::ZERO,
            source: self.source,
            target: self.target,
            window: self.window_field(),
        })
    }

    /// How many bytes wait to be received.
    pub(crate) fn receivable_bytes(&self) -> usize {
        self.incoming.len() as usize
    }

    /// How much memory is held besides the connection itself.
    pub(crate) fn buffered_bytes(&self) -> usize {
        let rare = if self.early.is_some() || self.board.is_some() { self.rare_bytes() } else { 0 };
        self.outgoing.held_bytes() + self.incoming.held_bytes() + self.congestion.held_bytes() + rare
    }

    #[cold]
    fn rare_bytes(&self) -> usize {
        let early = self.early.as_ref().map_or(0, |early| early.held_bytes());
        early + self.board.as_ref().map_or(0, |board| board.held_bytes())
    }
}
