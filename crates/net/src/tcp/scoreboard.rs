//! [`Scoreboard`]: what a sender knows of what it sent, if it is more than one number says.
//!
//! It exists only while something was lost or overtaken. Spans of sequence numbers lie side by side from the oldest
//! byte that is not acknowledged; what is beyond the last span was sent once and nothing is known of it. Selective
//! acknowledgements mark spans as arrived; a span is lost once so much arrived that was sent after it (RFC 6675), and
//! that is true of one that was sent again, too.

use super::Sequence;

/// So many ranges, or one segment less in bytes, arrived after a span that is lost.
const OVERTAKEN: u32 = 3;
/// With more spans than this, what is sent again one after the other is one span.
const RESENT_SPANS_MAX: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is on its way, or nothing is known of it.
    Sent,
    /// It arrived.
    Arrived,
    /// It is to be sent again.
    Lost,
    /// It was sent again.
    Resent,
}

/// Neighbouring bytes with the same fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: Sequence,
    end: Sequence,
    fate: Fate,
    /// If it was sent again: what was sent first at the time, and the how-manieth that it was.
    frontier: Sequence,
    turn: u32,
}

impl Span {
    const fn new(start: Sequence, end: Sequence, fate: Fate) -> Self {
        Self { start, end, fate, frontier: start, turn: 0 }
    }

    const fn len(&self) -> u32 {
        self.end.since(self.start)
    }

    fn is_like(&self, other: &Self) -> bool {
        self.fate == other.fate && (self.fate != Fate::Resent || self.turn == other.turn)
    }
}

#[derive(Debug, Default)]
pub(super) struct Scoreboard {
    spans: Vec<Span>,
    /// How many bytes arrived.
    arrived: u32,
    /// How many bytes are to be sent again.
    lost: u32,
    /// How often something was sent again, and the last of these that arrived.
    turns: u32,
    turn_arrived: u32,
}

impl Scoreboard {
    /// How many bytes are to be sent again.
    pub(super) const fn lost_bytes(&self) -> u32 {
        self.lost
    }

    /// How many bytes are known not to be on their way: arrived, or lost and not sent again.
    pub(super) const fn absent_bytes(&self) -> u32 {
        self.arrived + self.lost
    }

    /// Whether there is nothing to be known.
    pub(super) const fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub(super) fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.spans.capacity() * size_of::<Span>()
    }

    /// All before `oldest` is acknowledged.
    pub(super) fn acknowledge(&mut self, oldest: Sequence) {
        let passed = self.spans.partition_point(|span| !span.end.is_after(oldest));
        for index in 0..passed {
            let span = self.spans[index];
            self.forget(&span);
        }
        self.spans.drain(..passed);
        if let Some(first) = self.spans.first_mut().filter(|first| first.start.is_before(oldest)) {
            let cut = Span { end: oldest, ..*first };
            first.start = oldest;
            self.forget(&cut);
        }
    }

    /// A span is not looked at any more, because it arrived.
    fn forget(&mut self, span: &Span) {
        match span.fate {
            Fate::Arrived => self.arrived -= span.len(),
            Fate::Lost => self.lost -= span.len(),
            Fate::Resent => self.turn_arrived = self.turn_arrived.max(span.turn),
            Fate::Sent => {}
        }
    }

    /// The other side says that `start..end`, which is within what was sent, arrived. How many bytes of it are new.
    pub(super) fn select(
        &mut self,
        oldest: Sequence,
        start: Sequence,
        end: Sequence,
        spans_max: usize,
    ) -> u32 {
        let start = start.later(oldest);
        if !start.is_before(end) || self.knows(start, end) || self.spans.len() + 3 > spans_max {
            return 0;
        }
        self.cover(oldest, end);
        let (first, last) = (self.split(start), self.split(end));
        let before = self.arrived;
        for index in first..last {
            let span = self.spans[index];
            if span.fate != Fate::Arrived {
                self.forget(&span);
                self.arrived += span.len();
                self.spans[index].fate = Fate::Arrived;
            }
        }
        self.join();
        self.arrived - before
    }

    /// Whether it is known that all of it arrived.
    fn knows(&self, start: Sequence, end: Sequence) -> bool {
        let index = self.spans.partition_point(|span| !span.end.is_after(start));
        self.spans.get(index).is_some_and(|span| {
            span.fate == Fate::Arrived && !start.is_before(span.start) && !end.is_after(span.end)
        })
    }

    /// Makes the spans reach to `end`.
    fn cover(&mut self, oldest: Sequence, end: Sequence) {
        let top = self.spans.last().map_or(oldest, |last| last.end);
        if top.is_before(end) {
            self.spans.push(Span::new(top, end, Fate::Sent));
        }
    }

    /// Makes a span begin at `at`, which is within what the spans cover; its index.
    fn split(&mut self, at: Sequence) -> usize {
        let index = self.spans.partition_point(|span| !span.end.is_after(at));
        if let Some(span) = self.spans.get_mut(index).filter(|span| span.start.is_before(at)) {
            let rest = Span { start: at, ..*span };
            span.end = at;
            self.spans.insert(index + 1, rest);
            return index + 1;
        }
        index
    }

    /// Makes one of neighbours that are alike.
    fn join(&mut self) {
        self.spans.dedup_by(|next, span| {
            let is_like = span.is_like(next);
            if is_like {
                span.end = next.end;
            }
            is_like
        });
    }

    /// Finds out what must be lost because enough arrived that was sent after it. Whether anything is.
    pub(super) fn detect_lost(&mut self, segment_bytes: u32) -> bool {
        let enough = segment_bytes.saturating_mul(OVERTAKEN - 1);
        let highest = self.spans.iter().rfind(|span| span.fate == Fate::Arrived).map(|span| span.end);
        let Some(highest) = highest else { return false };
        let (mut ranges, mut bytes, before) = (0, 0u32, self.lost);
        for span in self.spans.iter_mut().rev() {
            let is_lost = match span.fate {
                Fate::Arrived => {
                    ranges += 1;
                    bytes = bytes.saturating_add(span.len());
                    false
                }
                Fate::Sent => ranges >= OVERTAKEN || bytes > enough,
                Fate::Resent => span.turn < self.turn_arrived || highest.is_after(span.frontier.plus(enough)),
                Fate::Lost => false,
            };
            if is_lost {
                span.fate = Fate::Lost;
                self.lost += span.len();
            }
        }
        self.lost > before
    }

    /// The first bytes, up to `end`, are to be sent again.
    pub(super) fn lose_until(&mut self, oldest: Sequence, end: Sequence) {
        self.cover(oldest, end);
        let last = self.split(end);
        for span in &mut self.spans[..last] {
            if matches!(span.fate, Fate::Sent | Fate::Resent) {
                span.fate = Fate::Lost;
                self.lost += span.len();
            }
        }
        self.join();
    }

    /// Forgets what arrived: the other side may have thrown it away.
    pub(super) fn distrust(&mut self) {
        for span in &mut self.spans {
            if span.fate == Fate::Arrived {
                span.fate = Fate::Sent;
            }
        }
        self.arrived = 0;
        self.join();
    }

    /// Whether the oldest byte is said to have arrived though it is not acknowledged.
    pub(super) fn is_contradicted(&self) -> bool {
        self.spans.first().is_some_and(|first| first.fate == Fate::Arrived)
    }

    /// What is to be sent again first.
    pub(super) fn next_lost(&self) -> Option<(Sequence, Sequence)> {
        if self.lost == 0 {
            return None;
        }
        let span = self.spans.iter().find(|span| span.fate == Fate::Lost)?;
        Some((span.start, span.end))
    }

    /// Whether something arrived that was sent after what is still waited for.
    pub(super) fn has_suspects(&self) -> bool {
        self.next_suspect().is_some()
    }

    /// What was waited for long enough while later things arrived is lost.
    pub(super) fn lose_suspects(&mut self) {
        let Some(highest) = self.spans.iter().rposition(|span| span.fate == Fate::Arrived) else { return };
        for span in self.spans[..highest].iter_mut().filter(|span| span.fate == Fate::Sent) {
            span.fate = Fate::Lost;
            self.lost += span.len();
        }
    }

    /// What was never sent again although something arrived that was sent after it.
    pub(super) fn next_suspect(&self) -> Option<(Sequence, Sequence)> {
        let highest = self.spans.iter().rposition(|span| span.fate == Fate::Arrived)?;
        let span = self.spans[..highest].iter().find(|span| span.fate == Fate::Sent)?;
        Some((span.start, span.end))
    }

    /// `start..end`, which is within one span, is sent again; `frontier` is one past the newest byte that was sent.
    pub(super) fn resend(&mut self, start: Sequence, end: Sequence, frontier: Sequence) {
        let (first, last) = (self.split(start), self.split(end));
        self.turns = self.turns.saturating_add(1);
        for span in &mut self.spans[first..last] {
            if span.fate == Fate::Lost {
                self.lost -= span.len();
            }
            if span.fate != Fate::Arrived {
                *span = Span { fate: Fate::Resent, frontier, turn: self.turns, ..*span };
            }
        }
        if self.spans.len() > RESENT_SPANS_MAX {
            self.join_resent(first);
        }
    }

    /// Makes one of a span that was just sent again and the one before it, which was too.
    fn join_resent(&mut self, index: usize) {
        let Some(before) = index.checked_sub(1).and_then(|before| self.spans.get(before)).copied() else {
            return;
        };
        if let Some(span) = self.spans.get_mut(index)
            && (before.fate, span.fate) == (Fate::Resent, Fate::Resent)
            && before.frontier == span.frontier
        {
            span.start = before.start;
            self.spans.remove(index - 1);
        }
    }
}

#[cfg(test)]
impl Scoreboard {
    /// What is always true: spans lie side by side, within what was sent, and the sums are right.
    pub(super) fn check(&self, oldest: Sequence, next: Sequence) {
        let mut at = oldest;
        let (mut arrived, mut lost) = (0, 0);
        for span in &self.spans {
            assert_eq!(span.start, at, "{self:#?}");
            assert!(span.end.is_after(span.start), "{self:#?}");
            at = span.end;
            match span.fate {
                Fate::Arrived => arrived += span.len(),
                Fate::Lost => lost += span.len(),
                Fate::Sent | Fate::Resent => {}
            }
        }
        assert!(!at.is_after(next), "{at:?} is after {next:?}: {self:#?}");
        assert_eq!((arrived, lost), (self.arrived, self.lost), "{self:#?}");
    }
}
