//! What is sent next: what was lost, what is new, a question, or nothing but an acknowledgement.

use ironloom_core::Instant;

use super::super::{Config, Sequence};
use super::{Connection, Marks, Mode, State, Timer};
use crate::frame::Segment;

/// A segment that is to be cut is cut into at most so many.
const OFFLOAD_SEGMENTS_MAX: u32 = 64;
/// A segment that is to be cut takes at most this part of what may be on its way: what is lost is lost whole.
const OFFLOAD_SHARE: u32 = 4;

impl Connection {
    /// The next segment to be sent, if there is one now.
    #[inline]
    pub(crate) fn poll(&mut self, now: Instant, config: &Config) -> Option<Segment> {
        match self.state {
            State::Established | State::CloseWait | State::FinWait1 | State::Closing | State::LastAck => {
                self.poll_bytes(now, config).or_else(|| self.poll_acknowledgement(now, config))
            }
            State::SynSent | State::SynReceived => {
                self.poll_answer().or_else(|| self.poll_opening(now, config))
            }
            State::FinWait2 => {
                self.limit_half_open(now, config);
                self.poll_question(now, config).or_else(|| self.poll_acknowledgement(now, config))
            }
            State::TimeWait => self.poll_acknowledgement(now, config),
            State::Closed => self.poll_answer(),
        }
    }

    /// A reset that answers something.
    fn poll_answer(&mut self) -> Option<Segment> {
        self.answer.take().map(|answer| *answer)
    }

    #[inline]
    fn poll_bytes(&mut self, now: Instant, config: &Config) -> Option<Segment> {
        if self.board.is_some() || self.has_errand() {
            let segment = self.poll_rare(now, config);
            if segment.is_some() || self.lost_bytes() > 0 {
                return segment;
            }
        }
        let is_finish_due = self.is_finish_due();
        (self.unsent() > 0 || is_finish_due).then(|| self.poll_fresh(now, config, is_finish_due)).flatten()
    }

    #[inline]
    fn has_errand(&self) -> bool {
        self.marks.has(Marks::TAIL_DUE | Marks::QUESTION_DUE)
    }

    /// How many bytes were never sent.
    #[inline]
    pub(super) fn unsent(&self) -> u32 {
        let outstanding = self.next.since(self.oldest);
        // After the finish was sent, one more than there are bytes is outstanding.
        self.outgoing.len().saturating_sub(outstanding)
    }

    #[inline]
    pub(super) fn is_finish_due(&self) -> bool {
        self.marks.has(Marks::FINISHED) && !self.marks.has(Marks::FINISH_SENT)
    }

    /// How many more bytes the other side takes.
    #[inline]
    fn room(&self) -> u32 {
        self.window.saturating_sub(self.next.since(self.oldest))
    }

    /// What is sent while something is missing, or asked.
    #[cold]
    fn poll_rare(&mut self, now: Instant, config: &Config) -> Option<Segment> {
        self.poll_lost(now, config)
            .or_else(|| self.poll_tail(now, config))
            .or_else(|| self.poll_question(now, config))
    }

    /// What is sent again because it is lost; or, when nothing else can be sent, because it may be.
    fn poll_lost(&mut self, now: Instant, config: &Config) -> Option<Segment> {
        let board = self.board.as_deref()?;
        let room = self.congestion.bytes().saturating_sub(self.flight());
        let segment_bytes = self.full_bytes();
        let is_forced = self.marks.take(Marks::RESEND_DUE);
        if room < segment_bytes && !is_forced {
            return None;
        }
        let can_send_new = self.room().min(self.unsent()) > 0;
        let suspect = || {
            let may_suspect = self.mode == Mode::Recovery && !can_send_new;
            board.next_suspect().filter(|_| may_suspect)
        };
        let (start, end) = board.next_lost().or_else(suspect)?;
        let is_taken = start == self.oldest || start.since(self.oldest) < self.window;
        if !is_taken {
            return None;
        }
        let most = self.offload_bytes(config).min((room / segment_bytes).max(1) * segment_bytes);
        let end = end.earlier(start.plus(most));
        Some(self.resend(now, config, start, end))
    }

    /// Sends `start..end` again.
    fn resend(&mut self, now: Instant, config: &Config, start: Sequence, end: Sequence) -> Segment {
        self.marks.clear(Marks::TIMED);
        let frontier = self.next;
        if let Some(board) = &mut self.board {
            board.resend(start, end, frontier);
        }
        if self.retransmit_at == Instant::MAX || self.timer == Timer::Persist {
            self.arm(now, config);
        }
        self.bytes_segment(now, config, start, end)
    }

    /// Something to hear of a loss at the end of what was sent, of which nothing that follows could tell.
    fn poll_tail(&mut self, now: Instant, config: &Config) -> Option<Segment> {
        if !self.marks.take(Marks::TAIL_DUE) || self.next == self.oldest {
            return None;
        }
        let segment_bytes = self.full_bytes();
        let fresh = self.unsent().min(self.room()).min(segment_bytes);
        if fresh > 0 && self.mode == Mode::Open {
            return Some(self.send_fresh(now, config, fresh, false));
        }
        let (start, end) = if self.mode == Mode::Open {
            (self.next.minus(segment_bytes.min(self.next.since(self.oldest))), self.next)
        } else {
            (self.oldest, self.oldest.plus(segment_bytes).earlier(self.next))
        };
        self.marks.clear(Marks::TIMED);
        Some(self.bytes_segment(now, config, start, end))
    }

    /// A segment that carries nothing and that the other side has to answer.
    fn poll_question(&mut self, now: Instant, config: &Config) -> Option<Segment> {
        let is_due = self.marks.take(Marks::QUESTION_DUE);
        is_due.then(|| self.bare_segment(now, config, self.oldest.minus(1)))
    }

    /// What was never sent, as far as the windows go and it is worth a segment.
    #[inline]
    fn poll_fresh(&mut self, now: Instant, config: &Config, is_finish_due: bool) -> Option<Segment> {
        let (unsent, room) = (self.unsent(), self.room());
        if room == 0 {
            self.await_window(now, config);
            return None;
        }
        if self.next == self.oldest {
            self.restart_if_idle(now, config);
        }
        let segment_bytes = self.full_bytes();
        let flight = self.flight();
        let allowed = self.congestion.bytes().saturating_sub(flight);
        if allowed < unsent.min(segment_bytes) && flight > 0 {
            return None;
        }
        let allowed = allowed.max(segment_bytes);
        let most = if unsent > segment_bytes { self.offload_bytes(config) } else { segment_bytes };
        let bytes = unsent.min(room).min(allowed).min(most);
        let is_small_due = self.marks.take(Marks::SMALL_DUE);
        let bytes = if is_small_due { bytes } else { self.worthwhile(bytes, unsent, is_finish_due) };
        if bytes == 0 && unsent > 0 {
            self.await_window(now, config);
            return None;
        }
        Some(self.send_fresh(now, config, bytes, is_finish_due && bytes == unsent && bytes < room))
    }

    /// How much of what might be sent is worth it: whole segments, or the rest, unless a small one is on its way.
    #[inline]
    fn worthwhile(&self, bytes: u32, unsent: u32, is_finish_due: bool) -> u32 {
        let segment_bytes = self.full_bytes();
        if bytes == segment_bytes {
            return bytes;
        }
        let partial = bytes % segment_bytes;
        let whole = bytes - partial;
        if bytes < unsent {
            // The window ends here. A part of a segment is worth it if the window is never much larger.
            let is_much = whole == 0 && partial >= self.window_max / 2;
            return if is_much { partial } else { whole };
        }
        let is_waited_for = self.small_end.is_after(self.oldest) && self.next != self.oldest;
        let may_wait = self.marks.has(Marks::NAGLE) && !is_finish_due && self.unsent() == bytes;
        if may_wait && is_waited_for { whole } else { bytes }
    }

    fn send_fresh(&mut self, now: Instant, config: &Config, bytes: u32, is_end: bool) -> Segment {
        let start = self.next;
        let end = start.plus(bytes);
        if self.next == self.oldest {
            self.progress_at = now;
        }
        self.next = if is_end { end.plus(1) } else { end };
        self.marks.put(Marks::FINISH_SENT, is_end);
        let segment_bytes = self.full_bytes();
        if bytes < segment_bytes || !bytes.is_multiple_of(segment_bytes) {
            self.small_end = end;
        }
        if !self.marks.has(Marks::TIMED) {
            self.time_round_trip(now, self.next);
        }
        if self.retransmit_at == Instant::MAX || self.timer == Timer::Persist {
            self.in_vain = 0;
            self.arm(now, config);
        }
        self.bytes_segment(now, config, start, self.next)
    }

    /// What was learnt about the way to the other side is old.
    #[inline]
    fn restart_if_idle(&mut self, now: Instant, config: &Config) {
        let idle = now.saturating_since(self.heard_at);
        if idle > config.retransmit_min && idle > self.round_trip.timeout(config, 0) {
            self.congestion.restart(config, self.segment_bytes.into());
        }
    }

    /// The largest segment that is to be cut on its way out.
    #[inline]
    fn offload_bytes(&self, config: &Config) -> u32 {
        let segment_bytes = self.full_bytes();
        let share = self.congestion.bytes().min(self.window) / OFFLOAD_SHARE;
        let most = config.offload_bytes_max.min(share).min(segment_bytes * OFFLOAD_SEGMENTS_MAX);
        if most < 2 * segment_bytes { segment_bytes } else { most - most % segment_bytes }
    }

    /// An acknowledgement, if one is due or the other side should hear of a larger window.
    #[inline]
    fn poll_acknowledgement(&mut self, now: Instant, config: &Config) -> Option<Segment> {
        let is_due = self.marks.has(Marks::ACK_DUE) || self.is_wider(config);
        is_due.then(|| self.bare_segment(now, config, self.next))
    }

    /// It was measured how long a round trip takes.
    #[inline]
    pub(super) fn measured(&mut self, now: Instant) {
        self.marks.clear(Marks::TIMED);
        self.doublings = 0;
        self.round_trip.sample(now.saturating_since(self.timed_at));
    }

    /// Begins to measure how long it takes until `end` is acknowledged.
    pub(super) fn time_round_trip(&mut self, now: Instant, end: Sequence) {
        self.marks.set(Marks::TIMED);
        (self.timed, self.timed_at) = (end, now);
    }
}
