//! [`Link`]: what one host says to another, each word once and in order, over a network that promises nothing.
//!
//! The protocol above relies on it. Messages are numbered; the receiver sets aside those that come too early and drops
//! those that it has; the sender keeps each until it is acknowledged, which is how the bytes of a page survive the loss
//! of the message that carries them. Acknowledgements ride on whatever is said anyway.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use ironloom_core::{Duration, Instant};

use super::message::Body;

/// How many messages may be on their way, and how far a message may be ahead of the one that is due.
pub(super) const WINDOW: u64 = 1_024;
/// After how many messages an acknowledgement is sent by itself.
const ACKNOWLEDGE_EVERY: u32 = 16;
/// How many messages are sent again at a time.
const REPAIR: u64 = 32;
/// The waiting time doubles up to 2 to this power.
const BACKOFF_MAX: u8 = 4;

/// One direction each of what two hosts say.
#[derive(Debug, Clone)]
pub(super) struct Link {
    /// The number of the last message that was said.
    said: u64,
    /// The number of the last one that was sent: the window may hold some back.
    sent: u64,
    /// Up to where the other one has everything.
    heard: u64,
    /// Everything after `heard`.
    kept: VecDeque<Arc<Body>>,
    retry: Retry,
    /// Up to where everything came that the other one said.
    taken: u64,
    /// What came before its turn.
    early: BTreeMap<u64, Arc<Body>>,
    /// How many came since the last acknowledgement was sent.
    owed: u32,
    owed_until: Option<Instant>,
}

#[derive(Debug, Clone)]
struct Retry {
    at: Option<Instant>,
    doubled: u8,
    /// Up to where messages are sent again, as acknowledgements come.
    until: u64,
}

impl Hash for Link {
    /// Leaves out times: links that differ in nothing else say the same things, only when differs.
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.said, self.sent, self.heard, &self.kept, self.retry.at.is_some(), self.retry.until).hash(state);
        (self.taken, &self.early, self.owed, self.owed_until.is_some()).hash(state);
    }
}

/// A message to be sent: its number, and what it says.
pub(super) type Numbered = (u64, Arc<Body>);

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Untimely {
    /// It came before.
    Repeated,
    /// It is too far ahead, or acknowledges what was never said.
    Impossible,
}

impl Link {
    pub(super) const fn new() -> Self {
        Self {
            said: 0,
            sent: 0,
            heard: 0,
            kept: VecDeque::new(),
            retry: Retry { at: None, doubled: 0, until: 0 },
            taken: 0,
            early: BTreeMap::new(),
            owed: 0,
            owed_until: None,
        }
    }

    /// Up to where everything came: this rides on each message, and settles what is owed.
    pub(super) const fn acknowledge(&mut self) -> u64 {
        self.owed = 0;
        self.owed_until = None;
        self.taken
    }

    /// The same, for what is sent again and may be late.
    pub(super) const fn acknowledged(&self) -> u64 {
        self.taken
    }

    /// Takes something to be said; gives it back with its number if it may be sent now.
    pub(super) fn say(&mut self, now: Instant, retry: Duration, body: Arc<Body>) -> Option<Numbered> {
        self.said += 1;
        self.kept.push_back(Arc::clone(&body));
        if self.sent + 1 != self.said || self.said > self.heard + WINDOW {
            return None;
        }
        self.sent = self.said;
        if self.retry.at.is_none() {
            self.retry.at = Some(now.saturating_add(retry));
        }
        Some((self.said, body))
    }

    /// Takes the other one's acknowledgement; what is sent for it goes to `send`.
    pub(super) fn hear(
        &mut self,
        now: Instant,
        retry: Duration,
        heard: u64,
        mut send: impl FnMut(Numbered),
    ) -> Result<(), Untimely> {
        if heard > self.sent {
            return Err(Untimely::Impossible);
        }
        if heard <= self.heard {
            return Ok(());
        }
        self.kept.drain(..(heard - self.heard) as usize);
        self.heard = heard;
        self.retry.doubled = 0;
        self.retry.at = (heard < self.said).then(|| now.saturating_add(retry));
        if self.retry.until > heard {
            self.repair(&mut send);
        }
        while self.sent < self.said && self.sent < self.heard + WINDOW {
            self.sent += 1;
            send(self.numbered(self.sent));
        }
        Ok(())
    }

    fn numbered(&self, number: u64) -> Numbered {
        (number, Arc::clone(&self.kept[(number - self.heard - 1) as usize]))
    }

    fn repair(&mut self, send: &mut impl FnMut(Numbered)) {
        let until = self.retry.until.min(self.heard + REPAIR);
        (self.heard + 1..=until).for_each(|number| send(self.numbered(number)));
    }

    /// Takes a message. Those that are due now are to be fetched with [`due`](Self::due).
    pub(super) fn take(
        &mut self,
        now: Instant,
        retry: Duration,
        number: u64,
        body: Arc<Body>,
    ) -> Result<(), Untimely> {
        if number > self.taken + WINDOW {
            return Err(Untimely::Impossible);
        }
        self.owed += 1;
        if number <= self.taken || self.early.contains_key(&number) {
            // The other one has not heard: it is told at once.
            self.owed = ACKNOWLEDGE_EVERY;
            return Err(Untimely::Repeated);
        }
        if self.owed_until.is_none() {
            self.owed_until = Some(now.saturating_add(Duration::from_nanos(retry.as_nanos() / 4)));
        }
        self.early.insert(number, body);
        Ok(())
    }

    /// Whether nothing is set aside, and this is the message that is due: the usual case, made short.
    pub(super) fn take_in_order(&mut self, now: Instant, retry: Duration, number: u64) -> bool {
        if number != self.taken + 1 || !self.early.is_empty() {
            return false;
        }
        self.taken = number;
        self.owed += 1;
        if self.owed_until.is_none() {
            self.owed_until = Some(now.saturating_add(Duration::from_nanos(retry.as_nanos() / 4)));
        }
        true
    }

    /// The next message in order.
    pub(super) fn due(&mut self) -> Option<Arc<Body>> {
        let body = self.early.remove(&(self.taken + 1))?;
        self.taken += 1;
        Some(body)
    }

    /// Whether an acknowledgement should be sent by itself.
    pub(super) fn owes(&self, now: Instant) -> bool {
        self.owed >= ACKNOWLEDGE_EVERY || self.owed_until.is_some_and(|until| until <= now)
    }

    /// When something is due.
    pub(super) fn next_event(&self) -> Option<Instant> {
        [self.retry.at, self.owed_until].into_iter().flatten().min()
    }

    /// Sends again what was not acknowledged in time; whether it was anything.
    pub(super) fn wake(&mut self, now: Instant, retry: Duration, mut send: impl FnMut(Numbered)) -> bool {
        if self.retry.at.is_none_or(|at| at > now) {
            return false;
        }
        self.retry.doubled = (self.retry.doubled + 1).min(BACKOFF_MAX);
        self.retry.at = Some(now.saturating_add(retry.saturating_mul(1 << self.retry.doubled)));
        self.retry.until = self.sent;
        self.repair(&mut send);
        true
    }

    /// Whether the other one has everything that was said.
    pub(super) fn is_heard(&self) -> bool {
        self.kept.is_empty()
    }
}
