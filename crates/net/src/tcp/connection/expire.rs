//! What time brings: what is sent again, asked, acknowledged or given up.

use ironloom_core::{Duration, Instant};

use super::super::{Config, Error};
use super::{Connection, Marks, Mode, State};

/// What is added to two round trips before the tail is probed: answers vary.
const TAIL_SLACK: Duration = Duration::from_millis(2);

/// Something that was overtaken has at least this long to come, besides a quarter of a round trip.
const REORDER_MIN: Duration = Duration::from_micros(100);

/// What `retransmit_at` is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    /// Something is to be sent again.
    Retransmit,
    /// The last segment is to be sent again, or a new one, because losses at the end are heard of no other way.
    Tail,
    /// What was overtaken may only be late. If it is not there by then, it is lost.
    Reorder,
    /// The other side's window is closed: it is asked whether it still is.
    Persist,
}

impl Connection {
    /// Does what is due. It may be called early: then nothing happens.
    pub(crate) fn expire(&mut self, now: Instant, config: &Config) {
        if now >= self.acknowledge_at {
            self.acknowledge_at = Instant::MAX;
            self.marks.set(Marks::ACK_DUE);
        }
        if now >= self.retransmit_at {
            self.retransmit_at = Instant::MAX;
            self.expire_retransmission(now, config);
        }
        if now >= self.idle_at {
            self.idle_at = Instant::MAX;
            self.expire_idle(now, config);
        }
    }

    /// When [`expire`](Self::expire) is to be called, if nothing else happens before.
    #[inline]
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let first = self.retransmit_at.min(self.acknowledge_at).min(self.idle_at);
        (first != Instant::MAX).then_some(first)
    }

    /// Sets the time at which what is on its way is missed.
    pub(super) fn arm(&mut self, now: Instant, config: &Config) {
        let timeout = self.round_trip.timeout(config, self.doublings);
        (self.timer, self.retransmit_at) = (Timer::Retransmit, now.saturating_add(timeout));
        if self.has_suspects()
            && let Some(mean) = self.round_trip.mean()
        {
            let slack = Duration::from_nanos(mean.as_nanos() / 4).max(REORDER_MIN);
            (self.timer, self.retransmit_at) = (Timer::Reorder, now.saturating_add(slack));
        } else if self.marks.has(Marks::SELECTIVE)
            && !self.marks.has(Marks::TAIL_PROBED)
            && self.in_vain == 0
            && self.mode != Mode::Loss
            && let Some(mean) = self.round_trip.mean()
        {
            // One segment alone may be acknowledged late.
            let is_alone = self.next.since(self.oldest) <= u32::from(self.segment_bytes);
            let delay = if is_alone { config.acknowledgement_delay } else { Duration::ZERO };
            let tail = mean.saturating_mul(2).saturating_add(TAIL_SLACK).saturating_add(delay);
            if tail < timeout {
                (self.timer, self.retransmit_at) = (Timer::Tail, now.saturating_add(tail));
            }
        }
        if let Some(patience) = config.user_timeout {
            self.retransmit_at = self.retransmit_at.min(self.progress_at.saturating_add(patience));
        }
    }

    /// Something was acknowledged: what else is on its way has its time anew.
    #[inline]
    pub(super) fn rearm(&mut self, now: Instant, config: &Config) {
        if self.next == self.oldest {
            (self.timer, self.retransmit_at) = (Timer::Retransmit, Instant::MAX);
        } else {
            self.arm(now, config);
        }
    }

    /// Nothing is on its way that would be answered, and the other side takes nothing: it will be asked.
    pub(super) fn await_window(&mut self, now: Instant, config: &Config) {
        if self.next == self.oldest && self.retransmit_at == Instant::MAX {
            self.timer = Timer::Persist;
            self.retransmit_at = now.saturating_add(self.round_trip.timeout(config, self.in_vain));
        }
    }

    fn expire_retransmission(&mut self, now: Instant, config: &Config) {
        let is_persist = self.timer == Timer::Persist;
        let since = if is_persist { self.heard_at } else { self.progress_at };
        let waited = now.saturating_since(since);
        let is_out_of_patience = config.user_timeout.is_some_and(|patience| waited >= patience);
        if is_out_of_patience && (!is_persist || self.questions > 0) {
            return self.give_up();
        }
        match self.timer {
            Timer::Persist => self.expire_persist(now, config),
            Timer::Tail => {
                self.marks.set(Marks::TAIL_DUE | Marks::TAIL_PROBED);
                self.arm(now, config);
            }
            Timer::Reorder => {
                self.lose_suspects(config);
                self.arm(now, config);
            }
            Timer::Retransmit => self.expire_patience(now, config),
        }
    }

    /// The other side was waited for too long.
    fn expire_patience(&mut self, now: Instant, config: &Config) {
        let is_opening = matches!(self.state, State::SynSent | State::SynReceived);
        let retries_max = if is_opening { config.syn_retries_max } else { config.retries_max };
        if self.in_vain >= retries_max {
            return self.give_up();
        }
        if self.next == self.oldest {
            return;
        }
        self.in_vain += 1;
        self.doublings = self.doublings.saturating_add(1);
        self.marks.clear(Marks::TIMED);
        if is_opening {
            self.marks.set(Marks::SYN_DUE);
        } else {
            self.lose_all(config);
        }
        self.arm(now, config);
    }

    fn expire_persist(&mut self, now: Instant, config: &Config) {
        if self.questions >= config.retries_max {
            return self.give_up();
        }
        if self.window > 0 {
            self.marks.set(Marks::SMALL_DUE);
            return;
        }
        self.questions += 1;
        self.in_vain = self.in_vain.saturating_add(1);
        self.marks.set(Marks::QUESTION_DUE);
        self.await_window(now, config);
    }

    /// Begins to listen for silence.
    pub(super) fn expect_questions(&mut self, now: Instant, config: &Config) {
        if self.marks.has(Marks::KEEPALIVE) {
            self.idle_at = now.saturating_add(config.keepalive.unwrap_or_default().idle);
        }
    }

    fn expire_idle(&mut self, now: Instant, config: &Config) {
        if self.state == State::TimeWait || self.marks.has(Marks::HALF_OPEN) {
            return self.end(None);
        }
        if !self.marks.has(Marks::KEEPALIVE) {
            return;
        }
        let keepalive = config.keepalive.unwrap_or_default();
        let is_busy = self.next != self.oldest || self.timer == Timer::Persist;
        let silent_until = self.heard_at.saturating_add(keepalive.idle);
        if now < silent_until || is_busy {
            // Something was heard meanwhile, or other timers see to it that somebody answers.
            self.idle_at = silent_until.max(now.saturating_add(keepalive.interval));
            return;
        }
        if self.questions >= keepalive.questions_max {
            return self.give_up();
        }
        self.questions += 1;
        self.marks.set(Marks::QUESTION_DUE);
        self.idle_at = now.saturating_add(keepalive.interval);
    }

    /// Nobody answers.
    fn give_up(&mut self) {
        let error = self.rumour.unwrap_or(Error::TimedOut);
        self.end(Some(error));
    }
}
