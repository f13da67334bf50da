//! [`Streams`]: noticing that pages are missed one after another, upwards or downwards, and saying which will be next.

/// How many pages are asked for ahead at most.
const AHEAD_MAX: i64 = 16;

/// How many streams are followed at a time: about as many as harts here.
const STREAMS: usize = 4;

/// Misses that follow each other.
#[derive(Debug, Clone, Copy)]
struct Stream {
    /// Where the next miss is expected: what was asked for ahead is not missed.
    next: i64,
    /// Upwards, downwards, or zero if only one page was missed.
    step: i64,
    /// How many pages were asked for ahead.
    ahead: i64,
}

/// Some streams of misses; the one that was followed last comes first.
#[derive(Debug, Default)]
pub(super) struct Streams(Vec<Stream>);

impl Streams {
    /// A page was missed. Those that will be next, if it belongs to a stream: twice as many as the last time.
    pub(super) fn missed(&mut self, page: u32) -> impl Iterator<Item = u32> + use<> {
        let page = i64::from(page);
        let (found, step) = self.find(page);
        let before = found.map(|index| self.0.remove(index));
        let ahead =
            if step == 0 { 0 } else { (before.map_or(1, |stream| stream.ahead) * 2).clamp(2, AHEAD_MAX) };
        self.0.insert(0, Stream { next: page + step * (ahead + 1), step, ahead });
        self.0.truncate(STREAMS);
        (1..=ahead).filter_map(move |distance| u32::try_from(page + step * distance).ok())
    }

    /// The stream that a page belongs to, and where that goes.
    fn find(&self, page: i64) -> (Option<usize>, i64) {
        for (index, stream) in self.0.iter().enumerate() {
            match page - stream.next {
                0 if stream.step != 0 => return (Some(index), stream.step),
                step @ (1 | -1) if stream.step == 0 => return (Some(index), step),
                _ => {}
            }
        }
        (None, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is asked for ahead when these pages are missed in turn.
    fn check(missed: &[u32], ahead: &[&[u32]]) {
        let mut streams = Streams::default();
        for (page, expected) in missed.iter().zip(ahead) {
            assert_eq!(streams.missed(*page).collect::<Vec<_>>(), *expected, "when {page} was missed");
        }
    }

    #[test]
    fn what_goes_on_is_asked_for_ahead_and_more_each_time() {
        check(&[5, 6, 9, 14], &[&[], &[7, 8], &[10, 11, 12, 13], &[15, 16, 17, 18, 19, 20, 21, 22]]);
        check(&[9, 8, 5], &[&[], &[7, 6], &[4, 3, 2, 1]]);
    }

    #[test]
    fn what_jumps_is_not() {
        check(&[5, 50, 500, 7, 90], &[&[], &[], &[], &[], &[]]);
    }

    #[test]
    fn streams_may_alternate_and_end_at_the_edge() {
        check(
            &[5, 105, 6, 106, 9, 109],
            &[&[], &[], &[7, 8], &[107, 108], &[10, 11, 12, 13], &[110, 111, 112, 113]],
        );
        check(&[1, 0], &[&[], &[]]);
    }
}
