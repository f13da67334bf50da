//! Two machines, each with one end of a connection, and a channel between them that loses, doubles, delays and
//! overtakes.

use std::collections::BTreeMap;

use ironloom_core::{Duration, Instant, Rng, Seed};

use super::super::{
    Config, Connection, Embryo, Ends, Error, Late, Reaction, ReceiveError, SendError, State, TimeWait,
    refusal,
};
use super::{cut, ends, turned};
use crate::frame::{Flags, Segment};
use crate::{Payload, Readiness};

/// What the channel does to segments.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    pub(super) delay: Duration,
    pub(super) jitter: Duration,
    /// Of a thousand segments so many are lost, or doubled.
    pub(super) loss: u64,
    pub(super) double: u64,
    /// Of a thousand segments so many are cut into packets, each with its own fate.
    pub(super) cut: u64,
    /// How long a byte takes on the wire, and how many may wait for it.
    pub(super) nanos_per_byte: u64,
    pub(super) queue_bytes: u64,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(5),
            jitter: Duration::ZERO,
            loss: 0,
            double: 0,
            cut: 0,
            nanos_per_byte: 0,
            queue_bytes: u64::MAX,
        }
    }
}

/// What a side does with its connection.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// How many bytes it sends, and how many at a time.
    pub(super) bytes: u64,
    pub(super) chunk: usize,
    /// Whether bytes are handed over in shared buffers.
    pub(super) shares: bool,
    /// How many bytes it receives at a time, and how long it rests afterwards.
    pub(super) sip: usize,
    pub(super) rest: Duration,
    /// Whether it closes instead of finishing once it has sent and received everything.
    pub(super) closes: bool,
    /// After how many bytes sent or received it gives up, if it does.
    pub(super) aborts_after: Option<u64>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            bytes: 0,
            chunk: 64 << 10,
            shares: false,
            sip: 64 << 10,
            rest: Duration::ZERO,
            closes: false,
            aborts_after: None,
        }
    }
}

pub(super) enum Life {
    Listening,
    Embryo(Embryo),
    Connection(Box<Connection>),
    TimeWait(TimeWait),
    Over,
}

pub(super) struct Side {
    pub(super) config: Config,
    pub(super) plan: Plan,
    pub(super) life: Life,
    ends: Ends,
    /// Which stream it sends; the other side sends another one.
    salt: u64,
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) saw_end: bool,
    has_finished: bool,
    pub(super) has_aborted: bool,
    pub(super) error: Option<Error>,
    wake_at: Instant,
    pub(super) segments_sent: u64,
}

/// The byte at a place of a stream.
pub(super) fn byte_at(salt: u64, place: u64) -> u8 {
    ((place ^ salt).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
}

impl Side {
    pub(super) fn new(config: Config, plan: Plan, ends: Ends, life: Life, salt: u64) -> Self {
        Self {
            config,
            plan,
            life,
            ends,
            salt,
            sent: 0,
            received: 0,
            saw_end: false,
            has_finished: false,
            has_aborted: false,
            error: None,
            wake_at: Instant::MAX,
            segments_sent: 0,
        }
    }

    /// Does with the connection what is planned, after something can be done that could not.
    fn react(&mut self, now: Instant, readiness: Readiness, out: &mut Vec<Segment>) {
        let Life::Connection(connection) = &mut self.life else { return };
        if readiness.contains(Readiness::OVER) {
            self.error = self.error.or(connection.error());
        }
        let is_made = !matches!(connection.state(), State::SynSent | State::SynReceived);
        if readiness.contains(Readiness::WRITABLE) && is_made {
            self.write();
        }
        if readiness.contains(Readiness::READABLE) && self.wake_at == Instant::MAX {
            self.read(now);
        }
        let Life::Connection(connection) = &mut self.life else { return };
        let limit = self.plan.aborts_after.unwrap_or(u64::MAX);
        if self.sent + self.received >= limit && !self.has_aborted && connection.state() != State::Closed {
            self.has_aborted = true;
            out.extend(connection.abort());
        }
    }

    fn write(&mut self) {
        let Life::Connection(connection) = &mut self.life else { return };
        while self.sent < self.plan.bytes {
            let len = (self.plan.bytes - self.sent).min(self.plan.chunk as u64);
            let bytes: Vec<u8> = (self.sent..self.sent + len).map(|at| byte_at(self.salt, at)).collect();
            let taken = if self.plan.shares {
                connection.send_payload(&self.config, Payload::from(bytes))
            } else {
                connection.send(&self.config, &bytes)
            };
            match taken {
                Ok(taken) => {
                    self.sent += taken as u64;
                    if taken < len as usize {
                        return;
                    }
                }
                Err(SendError::Finished) => panic!("bytes are left, but it has finished"),
                Err(_) => return,
            }
        }
        self.finish_if_done();
    }

    fn finish_if_done(&mut self) {
        let Life::Connection(connection) = &mut self.life else { return };
        if self.has_finished || self.sent < self.plan.bytes {
            return;
        }
        if !self.plan.closes {
            self.has_finished = true;
            connection.finish();
        } else if self.saw_end {
            self.has_finished = true;
            connection.close();
        }
    }

    fn read(&mut self, now: Instant) {
        let other = !self.salt;
        let mut target = vec![0; self.plan.sip];
        loop {
            let Life::Connection(connection) = &mut self.life else { return };
            if self.saw_end {
                return;
            }
            let found = if self.plan.shares {
                connection.receive_payload(self.plan.sip).map(|payload| {
                    payload.map(|payload| {
                        assert!(payload.len() <= self.plan.sip);
                        payload.copy_to(&mut target)
                    })
                })
            } else {
                connection.receive(&mut target)
            };
            match found {
                Ok(None) | Err(ReceiveError::Closed) => return,
                Ok(Some(0)) => {
                    self.saw_end = true;
                    return self.finish_if_done();
                }
                Ok(Some(len)) => {
                    for (at, byte) in (self.received..).zip(&target[..len]) {
                        assert_eq!(*byte, byte_at(other, at), "the byte at {at} of {}", self.received);
                    }
                    self.received += len as u64;
                    if !self.plan.rest.is_zero() {
                        self.wake_at = now.saturating_add(self.plan.rest);
                        return;
                    }
                }
                Err(ReceiveError::Failed(error)) => {
                    self.error = Some(error);
                    return;
                }
            }
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        let life = match &self.life {
            Life::Listening | Life::Over => None,
            Life::Embryo(embryo) => Some(embryo.deadline()),
            Life::Connection(connection) => connection.deadline(),
            Life::TimeWait(wait) => Some(wait.deadline()),
        };
        life.unwrap_or(Instant::MAX).min(self.wake_at)
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.life, Life::Over)
    }

    pub(super) fn handle(&mut self, now: Instant, segment: Segment, rng: &mut Rng, out: &mut Vec<Segment>) {
        match &mut self.life {
            Life::Listening if is_syn(&segment) => {
                let initial = rng.next_u64() as u32;
                let embryo = Embryo::new(now, &self.config, self.ends, &segment, initial);
                out.push(embryo.syn_ack(now, &self.config));
                self.life = Life::Embryo(embryo);
            }
            Life::Listening | Life::Over => out.extend(refusal(&segment)),
            Life::Embryo(embryo) => match embryo.handle(&segment) {
                Reaction::Complete => {
                    let connection = Connection::from_embryo(now, &self.config, embryo, segment);
                    self.life = Life::Connection(Box::new(connection));
                }
                Reaction::Reset => self.life = Life::Listening,
                Reaction::Again => out.push(embryo.syn_ack(now, &self.config)),
                Reaction::Refuse => out.extend(refusal(&segment)),
                Reaction::Ignore => {}
            },
            Life::Connection(connection) => connection.handle(now, &self.config, segment),
            Life::TimeWait(wait) => match wait.handle(now, &self.config, &segment) {
                Late::Answer(answer) => out.push(answer),
                Late::Ignore | Late::Reopen(_) => {}
                Late::Over => self.life = Life::Over,
            },
        }
    }

    pub(super) fn expire(&mut self, now: Instant, out: &mut Vec<Segment>) {
        match &mut self.life {
            Life::Embryo(embryo) => match embryo.expire(now, &self.config) {
                Reaction::Again => out.push(embryo.syn_ack(now, &self.config)),
                Reaction::Reset => self.life = Life::Listening,
                _ => {}
            },
            Life::Connection(connection) => connection.expire(now, &self.config),
            Life::TimeWait(wait) if now >= wait.deadline() => self.life = Life::Over,
            Life::TimeWait(_) | Life::Listening | Life::Over => {}
        }
        if now >= self.wake_at {
            self.wake_at = Instant::MAX;
            self.read(now);
        }
    }

    /// Lets the plan and the connection go on until neither has anything to do.
    pub(super) fn settle(&mut self, now: Instant, out: &mut Vec<Segment>) {
        loop {
            let Life::Connection(connection) = &mut self.life else { return };
            let readiness = connection.take_readiness();
            self.react(now, readiness, out);
            let Life::Connection(connection) = &mut self.life else { return };
            let mut polls = 0;
            while let Some(segment) = connection.poll(now, &self.config) {
                out.push(segment);
                polls += 1;
                assert!(polls < 20_000, "it has something to send for ever: {connection:#?}");
            }
            check_memory(connection, &self.config);
            connection.check();
            if readiness.is_none() {
                return self.retire();
            }
        }
    }

    fn retire(&mut self) {
        let Life::Connection(connection) = &self.life else { return };
        let is_read = self.saw_end || self.has_aborted || connection.error().is_some();
        if connection.is_over() && is_read {
            self.life = Life::Over;
        } else if let Some(wait) = connection.time_wait().filter(|_| self.saw_end) {
            self.life = Life::TimeWait(wait);
        }
    }
}

fn is_syn(segment: &Segment) -> bool {
    segment.flags.contains(Flags::SYN) && !segment.flags.contains(Flags::ACK)
}

/// What a connection holds is bounded by what it may hold, whatever comes.
pub(super) fn check_memory(connection: &Connection, config: &Config) {
    let ranges = usize::from(config.early_ranges_max + config.scoreboard_ranges_max);
    // Chunks have room for as much again; every 512 bytes may have a piece of its own; chunks of 512 for ranges.
    let buffers = (config.send_bytes_max + config.receive_bytes_max) as usize;
    let limit = 4 * buffers + ranges * 700 + 20_000;
    assert!(connection.buffered_bytes() <= limit, "{} of {limit}", connection.buffered_bytes());
}

/// Both machines and what is on its way between them.
pub(super) struct World {
    pub(super) now: Instant,
    pub(super) sides: [Side; 2],
    pub(super) profile: Profile,
    rng: Rng,
    queue: BTreeMap<(Instant, u64), (usize, Segment)>,
    count: u64,
    busy_until: [Instant; 2],
    pub(super) lost: u64,
    pub(super) trace: bool,
}

impl World {
    /// The first side asks the second for a connection.
    pub(super) fn new(seed: u64, profile: Profile, sides: [(Config, Plan); 2]) -> Self {
        let mut rng = Rng::new(Seed::new(seed));
        let now = Instant::ZERO;
        let [(config, plan), (other_config, other_plan)] = sides;
        let connection = Connection::connect(now, &config, ends(), rng.next_u64() as u32);
        let first = Side::new(config, plan, ends(), Life::Connection(Box::new(connection)), seed);
        let second = Side::new(other_config, other_plan, turned(ends()), Life::Listening, !seed);
        let mut world = Self {
            now,
            sides: [first, second],
            profile,
            rng,
            queue: BTreeMap::new(),
            count: 0,
            busy_until: [now; 2],
            lost: 0,
            trace: false,
        };
        world.settle(0, Vec::new());
        world
    }

    fn settle(&mut self, side: usize, mut out: Vec<Segment>) {
        self.sides[side].settle(self.now, &mut out);
        for segment in out {
            self.transmit(side, segment);
        }
    }

    fn transmit(&mut self, from: usize, segment: Segment) {
        let is_cut = self.rng.chance(self.profile.cut, 1_000);
        let segments = if is_cut { cut(segment) } else { vec![segment] };
        for segment in segments {
            self.sides[from].segments_sent += 1;
            if self.trace {
                println!("{} {from}: {}", self.now, show(&segment));
            }
            let copies = 1 + usize::from(self.rng.chance(self.profile.double, 1_000));
            for _ in 0..copies {
                self.transmit_packet(from, segment.clone());
            }
        }
    }

    fn transmit_packet(&mut self, from: usize, segment: Segment) {
        let profile = &self.profile;
        let bytes = segment.payload.len() as u64 + 40;
        let begin = self.busy_until[from].max(self.now);
        let queued = begin.saturating_since(self.now).as_nanos() / profile.nanos_per_byte.max(1);
        if self.rng.chance(profile.loss, 1_000) || queued > profile.queue_bytes {
            self.lost += 1;
            if self.trace {
                println!("      lost");
            }
            return;
        }
        let sent = begin.saturating_add(Duration::from_nanos(bytes * profile.nanos_per_byte));
        self.busy_until[from] = sent;
        let jitter = self.rng.below(profile.jitter.as_nanos() + 1);
        let at = sent.saturating_add(profile.delay).saturating_add(Duration::from_nanos(jitter));
        self.count += 1;
        self.queue.insert((at, self.count), (1 - from, segment));
    }

    /// Does what happens next; false if nothing ever will.
    pub(super) fn step(&mut self) -> bool {
        let arrival = self.queue.first_key_value().map_or(Instant::MAX, |((at, _), _)| *at);
        let deadline = self.sides.iter().map(Side::deadline).min().unwrap_or(Instant::MAX);
        let at = arrival.min(deadline);
        if at == Instant::MAX {
            return false;
        }
        self.now = self.now.max(at);
        let mut out = Vec::new();
        if arrival <= deadline {
            let (_, (side, segment)) = self.queue.pop_first().unwrap();
            self.sides[side].handle(self.now, segment, &mut self.rng, &mut out);
            self.settle(side, out);
        } else {
            let side = usize::from(self.sides[1].deadline() < self.sides[0].deadline());
            self.sides[side].expire(self.now, &mut out);
            self.settle(side, out);
        }
        true
    }

    /// Goes on until both sides are over or nothing happens any more; false if that takes more steps than this.
    pub(super) fn run(&mut self, steps_max: u64) -> bool {
        for _ in 0..steps_max {
            if self.sides.iter().all(Side::is_over) || !self.step() {
                return true;
            }
        }
        false
    }
}

/// A segment in a line.
pub(super) fn show(segment: &Segment) -> String {
    let Segment { flags, sequence, acknowledgement, window, .. } = segment;
    let mut line =
        format!("{flags:?} {sequence}+{} ack {acknowledgement} win {window}", segment.payload.len());
    for (start, end) in segment.options.received.iter().flatten() {
        line += &format!(" [{start}..{end})");
    }
    line
}
