//! [`FlowLog`]: who talked to whom, how much, and how it ended.

use std::collections::VecDeque;

use ironloom_core::metrics::{MetricError, Scope};
use ironloom_core::{Duration, Instant, Rng};

use super::flow::FlowKey;
use super::flow_metrics::FlowMetrics;
use super::table::{Queue, Table};
use super::{Flow, FlowEnd, Tally};
use crate::frame::{Body, Flags, Frame, Packet, Transport};

/// How much a log keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowLogConfig {
    /// After how long without a packet a flow has ended.
    pub idle: Duration,
    /// For how long after its end packets still belong to a connection: last acknowledgements and repetitions.
    pub linger: Duration,
    /// How many flows go on or linger at once; for one more, one that was silent for longest is ended.
    pub flows_max: usize,
    /// How many flows that ended are kept for whoever [asks](FlowLog::next_flow); for one more, the oldest is lost.
    pub ended_max: usize,
}

impl Default for FlowLogConfig {
    fn default() -> Self {
        let (idle, linger) = (Duration::from_secs(60), Duration::from_secs(2));
        Self { idle, linger, flows_max: 65_536, ended_max: 65_536 }
    }
}

/// A flow that goes on or lingers.
#[derive(Debug)]
struct Entry {
    first: Instant,
    last: Instant,
    /// When it is given up.
    due: Instant,
    /// Whether the lesser end of the key spoke first.
    lesser_first: bool,
    sent: Tally,
    received: Tally,
    /// Whether who spoke first and who answered have finished.
    finished: [bool; 2],
    end: Option<FlowEnd>,
}

/// Who talked to whom, how much, and how it ended.
///
/// ```
/// use ironloom_core::{Instant, Rng, Seed};
/// use ironloom_net::capture::{FlowLog, FlowLogConfig};
/// use ironloom_net::frame::{Datagram, Transport};
/// use ironloom_net::{Packet, Payload};
///
/// let mut log = FlowLog::new(FlowLogConfig::default(), &mut Rng::new(Seed::new(1)));
/// let question = Packet {
///     source: [10, 0, 0, 1].into(),
///     target: [10, 0, 0, 2].into(),
///     hops: 64,
///     service: 0,
///     identification: 0,
///     may_fragment: false,
///     transport: Transport::Udp(Datagram { source: 4_000, target: 53, payload: Payload::EMPTY }),
/// };
/// log.note_packet(Instant::ZERO, &question);
/// log.expire(log.next_event().unwrap());
///
/// let flow = log.next_flow().unwrap().to_string();
/// assert_eq!(flow, "udp 10.0.0.1:4000 > 10.0.0.2:53 0.000000000s..0.000000000s 1/28 0/0 idle");
/// ```
#[derive(Debug)]
pub struct FlowLog {
    config: FlowLogConfig,
    table: Table<FlowKey, Entry>,
    ended: VecDeque<Flow>,
    lost: u64,
    metrics: Option<FlowMetrics>,
}

impl FlowLog {
    /// An empty log; the stream keeps anybody from preparing addresses that fall together in its table.
    #[must_use]
    pub fn new(config: FlowLogConfig, rng: &mut Rng) -> Self {
        let table = Table::new(rng.next_u64());
        Self { config, table, ended: VecDeque::new(), lost: 0, metrics: None }
    }

    /// Shows what is counted from now on among the metrics of a scope.
    ///
    /// # Errors
    ///
    /// If the scope has other metrics of these names, or too many.
    pub fn show_in(&mut self, scope: &Scope) -> Result<(), MetricError> {
        let metrics = self.metrics.insert(FlowMetrics::new(scope)?);
        metrics.open.set(self.table.len() as i64);
        Ok(())
    }

    /// Counts a frame, if it is of the internet protocol.
    pub fn note(&mut self, now: Instant, frame: &Frame) {
        if let Body::Ip(packet) = &frame.body {
            self.note_packet(now, packet);
        }
    }

    /// Counts a packet.
    pub fn note_packet(&mut self, now: Instant, packet: &Packet) {
        let (key, is_lesser) = FlowKey::of(packet);
        let place = self.table.place(&key).and_then(|place| self.unless_over(now, place, packet));
        let Some(place) = place else { return self.begin(now, key, is_lesser, packet) };
        let Some(entry) = self.table.at(place) else { return };
        let was_over = entry.end.is_some();
        entry.note(now, is_lesser, packet);
        if entry.end.is_none() {
            entry.due = now.saturating_add(self.config.idle);
            self.table.touch(place, Queue::Active);
        } else if !was_over {
            entry.due = now.saturating_add(self.config.linger);
            self.table.touch(place, Queue::Lingering);
        }
    }

    /// Ends what was silent for too long at `now`.
    pub fn expire(&mut self, now: Instant) {
        for queue in [Queue::Lingering, Queue::Active] {
            while let Some((place, entry)) = self.table.first(queue)
                && entry.due <= now
            {
                self.end(place, FlowEnd::Idle);
            }
        }
    }

    /// When [`expire`](Self::expire) has something to do.
    #[must_use]
    pub fn next_event(&self) -> Option<Instant> {
        let due = |queue| self.table.first(queue).map(|(_, entry)| entry.due);
        [due(Queue::Lingering), due(Queue::Active)].into_iter().flatten().min()
    }

    /// The next flow that ended.
    pub fn next_flow(&mut self) -> Option<Flow> {
        self.ended.pop_front()
    }

    /// Ends all flows.
    pub fn close(&mut self) {
        for queue in [Queue::Lingering, Queue::Active] {
            while let Some((place, _)) = self.table.first(queue) {
                self.end(place, FlowEnd::Open);
            }
        }
    }

    /// How many flows go on or linger.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether no flow goes on.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many flows ended and were lost because nobody asked for them.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// The place, unless its flow is over and the packet begins another.
    fn unless_over(&mut self, now: Instant, place: u32, packet: &Packet) -> Option<u32> {
        let entry = self.table.at(place)?;
        let begins = match &packet.transport {
            Transport::Tcp(segment) => {
                segment.flags.contains(Flags::SYN)
                    && !segment.flags.contains(Flags::ACK)
                    && entry.end.is_some()
            }
            _ => false,
        };
        if begins || entry.due <= now {
            self.end(place, FlowEnd::Idle);
            return None;
        }
        Some(place)
    }

    fn begin(&mut self, now: Instant, key: FlowKey, lesser_first: bool, packet: &Packet) {
        if self.table.len() >= self.config.flows_max {
            let longest = self.table.first(Queue::Lingering).or_else(|| self.table.first(Queue::Active));
            match longest.map(|(place, _)| place) {
                Some(place) => self.end(place, FlowEnd::Evicted),
                None => return,
            }
        }
        let mut entry = Entry {
            first: now,
            last: now,
            due: now.saturating_add(self.config.idle),
            lesser_first,
            sent: Tally::default(),
            received: Tally::default(),
            finished: [false; 2],
            end: None,
        };
        entry.note(now, lesser_first, packet);
        let is_over = entry.end.is_some();
        if is_over {
            entry.due = now.saturating_add(self.config.linger);
        }
        self.table.insert(key, entry);
        if let Some(metrics) = &self.metrics {
            metrics.open.add(1);
        }
        if let Some(place) = self.table.place(&key).filter(|_| is_over) {
            self.table.touch(place, Queue::Lingering);
        }
    }

    /// Ends a flow, for a reason that counts unless it was over before.
    fn end(&mut self, place: u32, reason: FlowEnd) {
        let Some((key, entry)) = self.table.remove(place) else { return };
        let (source, target) = key.ends(entry.lesser_first);
        let Entry { first, last, sent, received, end, .. } = entry;
        let (protocol, end) = (key.protocol(), end.unwrap_or(reason));
        let flow = Flow { protocol, source, target, first, last, sent, received, end };
        if let Some(metrics) = &self.metrics {
            metrics.open.add(-1);
            metrics.note(&flow);
        }
        self.keep(flow);
    }

    /// Keeps a flow that ended until somebody asks for it, in place of the oldest if there is no room.
    fn keep(&mut self, flow: Flow) {
        if self.ended.len() >= self.config.ended_max {
            self.lost += 1;
            if let Some(metrics) = &self.metrics {
                metrics.lost.add(1);
            }
            if self.ended.pop_front().is_none() {
                return;
            }
        }
        self.ended.push_back(flow);
    }
}

impl Entry {
    fn note(&mut self, now: Instant, is_lesser: bool, packet: &Packet) {
        self.last = now;
        let is_answer = is_lesser != self.lesser_first;
        if is_answer { &mut self.received } else { &mut self.sent }.add(packet);
        if let Transport::Tcp(segment) = &packet.transport
            && self.end.is_none()
        {
            self.finished[usize::from(is_answer)] |= segment.flags.contains(Flags::FIN);
            if segment.flags.contains(Flags::RST) {
                self.end = Some(FlowEnd::Reset);
            } else if self.finished == [true; 2] {
                self.end = Some(FlowEnd::Finished);
            }
        }
    }
}
