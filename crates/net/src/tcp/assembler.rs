//! [`Assembler`]: bytes that arrived before what should have come first.
//!
//! It exists only while there is a gap. There are at most so many ranges, and small pieces are copied together: who
//! sends a byte here and a byte there fills a short list, not the memory.

use super::Sequence;
use super::rope::Rope;
use crate::Payload;

/// How many ranges a segment has room to tell of.
const TOLD_MAX: usize = 4;

#[derive(Debug)]
struct Range {
    start: Sequence,
    rope: Rope,
}

impl Range {
    fn end(&self) -> Sequence {
        self.start.plus(self.rope.len())
    }
}

#[derive(Debug, Default)]
pub(super) struct Assembler {
    /// In order, with gaps between them.
    ranges: Vec<Range>,
    /// A byte of each of the ranges in which something arrived last, the last one first.
    recent: [Sequence; TOLD_MAX],
    recent_count: u8,
    /// Where the stream ends, if that is known.
    pub(super) finish: Option<Sequence>,
}

impl Assembler {
    pub(super) const fn is_empty(&self) -> bool {
        self.ranges.is_empty() && self.finish.is_none()
    }

    pub(super) fn held_bytes(&self) -> usize {
        let ranges = self.ranges.capacity() * size_of::<Range>();
        size_of::<Self>() + ranges + self.ranges.iter().map(|range| range.rope.held_bytes()).sum::<usize>()
    }

    /// Keeps a payload that begins at `start`, as far as it is new and there is room for its ranges.
    pub(super) fn insert(&mut self, start: Sequence, payload: &Payload, ranges_max: usize) {
        let end = start.plus(payload.len() as u32);
        let mut at = start;
        while at.is_before(end) {
            let index = self.ranges.partition_point(|range| !range.end().is_after(at));
            let next = self.ranges.get(index);
            if let Some(range) = next.filter(|range| !range.start.is_after(at)) {
                at = range.end();
                continue;
            }
            let until = next.map_or(end, |next| next.start.earlier(end));
            let part = || payload.slice(at.since(start) as usize, until.since(start) as usize);
            self.fill(index, at, part, ranges_max);
            at = until;
        }
        self.remember(start);
    }

    /// Puts a part of a payload into the gap before the range at `index`, if there is room.
    fn fill(&mut self, index: usize, at: Sequence, part: impl FnOnce() -> Payload, ranges_max: usize) {
        let before = index.checked_sub(1).filter(|before| self.ranges[*before].end() == at);
        let target = match before {
            Some(before) => before,
            None if self.ranges.len() >= ranges_max => return,
            None => {
                self.ranges.insert(index, Range { start: at, rope: Rope::default() });
                index
            }
        };
        part().into_each(|piece| self.ranges[target].rope.push(piece));
        let end = self.ranges[target].end();
        if self.ranges.get(target + 1).is_some_and(|next| next.start == end) {
            let next = self.ranges.remove(target + 1);
            self.ranges[target].rope.join(next.rope);
        }
    }

    /// The range that holds a byte.
    fn range_of(&self, at: Sequence) -> Option<&Range> {
        let index = self.ranges.partition_point(|range| !range.end().is_after(at));
        self.ranges.get(index).filter(|range| !range.start.is_after(at))
    }

    /// Something arrived at `at`: of its range is told first.
    fn remember(&mut self, at: Sequence) {
        let Some(start) = self.range_of(at).map(|range| range.start) else { return };
        let mut recent = [at; TOLD_MAX];
        let mut count = 1;
        for &other in &self.recent[..usize::from(self.recent_count)] {
            let is_another = self.range_of(other).is_some_and(|range| range.start != start);
            if is_another && count < TOLD_MAX {
                recent[count] = other;
                count += 1;
            }
        }
        (self.recent, self.recent_count) = (recent, count as u8);
    }

    /// The ranges in which something arrived last, the last one first; `None` if there are none.
    pub(super) fn told(&self, max: usize) -> Option<Box<[(u32, u32)]>> {
        let recent = &self.recent[..usize::from(self.recent_count).min(max)];
        let told: Box<[_]> = recent
            .iter()
            .filter_map(|&at| self.range_of(at))
            .map(|range| (range.start.number(), range.end().number()))
            .collect();
        (!told.is_empty()).then_some(told)
    }

    /// Takes what follows without a gap once all before `at` arrived.
    pub(super) fn take(&mut self, at: Sequence) -> Option<Rope> {
        while let Some(first) = self.ranges.first().filter(|first| !first.start.is_after(at)) {
            let passed = at.since(first.start);
            let mut range = self.ranges.remove(0);
            if passed < range.rope.len() {
                range.rope.advance(passed);
                return Some(range.rope);
            }
        }
        None
    }
}
