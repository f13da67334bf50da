//! Conversations written down: what arrives, and what is said to it, by the event tables of RFC 9293, 3.10.
//!
//! Our numbers begin at 1,000 and the other side's at 5,000; in scripts both are counted from there.

use ironloom_core::{Duration, Instant};

use super::super::{Config, Connection, Embryo, Reaction, State};
use super::{ends, turned};
use crate::frame::{Flags, Options, Segment};
use crate::{Payload, Readiness};

mod closing;
mod defence;
mod opening;
mod recovery;
mod sending;

const OURS: u32 = 1_000;
const THEIRS: u32 = 5_000;

/// One connection, and somebody who plays the other side.
pub(super) struct Script {
    pub(super) now: Instant,
    pub(super) config: Config,
    pub(super) connection: Connection,
    /// The window of what is injected.
    pub(super) window: u16,
}

/// A segment of the other side: flags as in `S.`, numbers counted from the first ones.
pub(super) fn theirs(flags: &str, sequence: i64, len: usize, acknowledgement: i64) -> Segment {
    let bit = |letter| match letter {
        'S' => Flags::SYN,
        'F' => Flags::FIN,
        'R' => Flags::RST,
        'P' => Flags::PSH,
        _ => Flags::ACK,
    };
    Segment {
        source: 80,
        target: 50_000,
        sequence: (i64::from(THEIRS) + sequence) as u32,
        acknowledgement: (i64::from(OURS) + acknowledgement) as u32,
        flags: flags.chars().map(bit).fold(Flags::default(), |all, flag| all | flag),
        window: 0,
        cut: 0,
        options: Options::default(),
        payload: Payload::from(vec![b'x'; len]),
    }
}

/// As a script writes it: `flags sequence+length ack number`, and ranges that arrived.
pub(super) fn shown(segment: &Segment) -> String {
    let sequence = segment.sequence.wrapping_sub(OURS) as i32;
    let mut line = format!("{:?} {sequence}+{}", segment.flags, segment.payload.len());
    if segment.flags.contains(Flags::ACK) {
        line += &format!(" ack {}", segment.acknowledgement.wrapping_sub(THEIRS) as i32);
    }
    for (start, end) in segment.options.received.iter().flatten() {
        line += &format!(" [{}..{})", start.wrapping_sub(THEIRS), end.wrapping_sub(THEIRS));
    }
    line
}

impl Script {
    /// A connection that was just asked for.
    pub(super) fn connecting(config: Config) -> Self {
        let now = Instant::from_nanos(1_000_000_000);
        let connection = Connection::connect(now, &config, ends(), OURS);
        Self { now, config, connection, window: 65_535 }
    }

    /// A connection that exists, with segments of 1,000 bytes.
    pub(super) fn connected(mut config: Config) -> Self {
        config.segment_bytes_max = 1_000;
        let mut script = Self::connecting(config);
        script.sends("S 0+0");
        let mut answer = theirs("S.", 0, 0, 1);
        answer.options = Options { selective: true, segment_bytes_max: Some(1_000), ..Options::default() };
        script.arrives(answer);
        script.sends(". 1+0 ack 1");
        script.quiet();
        script.connection.take_readiness();
        script
    }

    /// The other side of one: somebody asked us.
    pub(super) fn accepted(config: Config) -> Self {
        let now = Instant::from_nanos(1_000_000_000);
        let syn = theirs("S", 0, 0, -i64::from(OURS));
        let embryo = Embryo::new(now, &config, turned(ends()), &syn, OURS);
        let ack = Segment { window: 65_535, ..theirs(".", 1, 0, 1) };
        assert_eq!(embryo.handle(&ack), Reaction::Complete);
        let connection = Connection::from_embryo(now, &config, &embryo, ack);
        Self { now, config, connection, window: 65_535 }
    }

    pub(super) fn arrives(&mut self, segment: Segment) {
        let window = if segment.window == 0 { self.window } else { segment.window };
        self.connection.handle(self.now, &self.config, Segment { window, ..segment });
    }

    pub(super) fn hears(&mut self, flags: &str, sequence: i64, len: usize, acknowledgement: i64) {
        self.arrives(theirs(flags, sequence, len, acknowledgement));
    }

    /// An acknowledgement with ranges of ours that arrived.
    pub(super) fn hears_selective(&mut self, acknowledgement: i64, ranges: &[(u32, u32)]) {
        let mut segment = theirs(".", 1, 0, acknowledgement);
        let ranges = ranges.iter().map(|(start, end)| (OURS + start, OURS + end));
        segment.options.received = Some(ranges.collect());
        self.arrives(segment);
    }

    pub(super) fn poll(&mut self) -> Option<Segment> {
        self.connection.poll(self.now, &self.config)
    }

    /// The next segment is this one.
    #[track_caller]
    pub(super) fn sends(&mut self, expected: &str) -> Segment {
        let segment = self.poll().unwrap_or_else(|| panic!("nothing, instead of {expected}"));
        assert_eq!(shown(&segment), expected);
        segment
    }

    #[track_caller]
    pub(super) fn quiet(&mut self) {
        assert_eq!(self.poll().map(|segment| shown(&segment)), None);
    }

    /// Time passes, and what is due is done when it is.
    pub(super) fn waits(&mut self, millis: u64) {
        let end = self.now.saturating_add(Duration::from_millis(millis));
        while let Some(deadline) = self.connection.deadline().filter(|deadline| *deadline <= end) {
            assert!(deadline >= self.now || deadline <= end, "{deadline}");
            self.now = self.now.max(deadline);
            self.connection.expire(self.now, &self.config);
            let is_idle = self.connection.deadline() == Some(deadline);
            assert!(!is_idle, "what was due at {deadline} still is");
            if self.connection.deadline().is_none_or(|next| next > end) {
                break;
            }
        }
        self.now = end;
    }

    pub(super) fn writes(&mut self, len: usize) -> usize {
        self.connection.send(&self.config, &vec![b'y'; len]).unwrap()
    }

    #[track_caller]
    pub(super) fn reads(&mut self, len: usize) {
        assert_eq!(self.connection.receivable_bytes(), len);
        let mut target = vec![0; len + 1];
        assert_eq!(self.connection.receive(&mut target), Ok(Some(len)));
    }

    #[track_caller]
    pub(super) fn is(&self, state: State) {
        assert_eq!(self.connection.state(), state);
    }

    #[track_caller]
    pub(super) fn tells(&mut self, readiness: Readiness) {
        assert_eq!(self.connection.take_readiness(), readiness);
    }
}
