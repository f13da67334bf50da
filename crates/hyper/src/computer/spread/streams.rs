//! [`Streams`]: noticing that pages are missed one after another, upwards or downwards, and saying which will be next.

use std::ops::RangeInclusive;

/// How many pages are asked for ahead at first, and at most.
const AHEAD_MIN: i64 = 2;
const AHEAD_MAX: i64 = 128;

/// How many streams are followed at a time: about as many as harts here.
const STREAMS: usize = 4;

/// Misses that follow each other.
#[derive(Debug, Clone, Copy)]
struct Stream {
    /// The page that was missed last.
    last: i64,
    /// The last page that was asked for.
    asked: i64,
    /// Upwards, downwards, or zero if only one page was missed.
    step: i64,
    /// How far ahead pages are asked for: further each time, as long as somebody comes for them.
    ahead: i64,
}

/// Some streams of misses; the one that was followed last comes first.
#[derive(Debug, Default)]
pub(super) struct Streams(Vec<Stream>);

impl Stream {
    /// Which way it goes if this page belongs to it: one that was asked for and is not here yet, or the one after those.
    fn step_to(&self, page: i64) -> Option<i64> {
        let distance = page - self.last;
        match self.step {
            0 => (distance.abs() == 1).then_some(distance),
            step => (1..=(self.asked - self.last) * step + 1).contains(&(distance * step)).then_some(step),
        }
    }

    /// The page is missed. What is to be asked for: something, when half of what was asked for is left or less.
    fn follow(&mut self, page: i64, step: i64) -> Option<RangeInclusive<i64>> {
        (self.last, self.step) = (page, step);
        if (self.asked - page) * step > self.ahead / 2 {
            return None;
        }
        let begin = if (self.asked - page) * step > 0 { self.asked + step } else { page + step };
        self.ahead = (self.ahead * 2).clamp(AHEAD_MIN, AHEAD_MAX);
        self.asked = page + step * self.ahead;
        Some(begin.min(self.asked)..=begin.max(self.asked))
    }
}

impl Streams {
    /// A page was missed. Those that will be next, if it belongs to a stream.
    pub(super) fn missed(&mut self, page: u32) -> impl Iterator<Item = u32> + use<> {
        let page = i64::from(page);
        let found =
            self.0.iter().enumerate().find_map(|(index, stream)| Some((index, stream.step_to(page)?)));
        let (stream, next) = match found {
            Some((index, step)) => {
                let mut stream = self.0.remove(index);
                let next = stream.follow(page, step);
                (stream, next)
            }
            None => (Stream { last: page, asked: page, step: 0, ahead: 0 }, None),
        };
        self.0.insert(0, stream);
        self.0.truncate(STREAMS);
        next.into_iter().flatten().filter_map(|page| u32::try_from(page).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is asked for ahead when these pages are missed in turn.
    fn check(missed: &[(u32, &[u32])]) {
        let mut streams = Streams::default();
        for (page, expected) in missed {
            assert_eq!(streams.missed(*page).collect::<Vec<_>>(), *expected, "when {page} was missed");
        }
    }

    #[test]
    fn what_goes_on_is_asked_for_ahead_and_more_each_time() {
        check(&[(5, &[]), (6, &[7, 8]), (9, &[10, 11, 12, 13]), (14, &[15, 16, 17, 18, 19, 20, 21, 22])]);
        check(&[(9, &[]), (8, &[6, 7]), (5, &[1, 2, 3, 4])]);
    }

    #[test]
    fn who_waits_for_what_was_asked_for_is_asked_further_ahead() {
        check(&[(5, &[]), (6, &[7, 8]), (7, &[9, 10, 11]), (8, &[]), (9, &[12, 13, 14, 15, 16, 17])]);
    }

    #[test]
    fn what_jumps_is_not() {
        check(&[(5, &[]), (50, &[]), (500, &[]), (7, &[]), (90, &[])]);
    }

    #[test]
    fn streams_may_alternate_and_end_at_the_edge() {
        check(&[(5, &[]), (105, &[]), (6, &[7, 8]), (106, &[107, 108]), (9, &[10, 11, 12, 13])]);
        check(&[(2, &[]), (1, &[0])]);
    }

    #[test]
    fn no_more_is_asked_for_ahead_than_may_be() {
        let mut streams = Streams::default();
        let mut asked = 0;
        for page in 0..1_000 {
            asked += streams.missed(page).count();
            assert!(asked <= page as usize + AHEAD_MAX as usize);
        }
        assert!(asked > 1_000);
    }
}
