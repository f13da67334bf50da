//! [`Probe`]: what the debug mode keeps of a run, in bounded memory.

use std::fmt::{self, Write as _};

use super::{Digest, Event};
use crate::Instant;

/// The most checkpoints, and the most whole events, that one run keeps.
const KEPT_MAX: usize = 1_024;

/// Characters of an event's details that are kept.
const DETAILS_CHARS_MAX: usize = 200;

/// Watches the events after `start`, up to and including `end`, counted from one.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    start: u64,
    end: u64,
    kept: Kept,
}

#[derive(Debug, Clone)]
enum Kept {
    /// The digest after every `stride` events, beginning `stride` after the start; sparser as the run gets longer.
    Checkpoints { stride: u64, digests: Vec<u128> },
    /// Every event.
    Events(Vec<Event>),
}

impl Probe {
    /// Looks at a stretch of the run as closely as memory allows: every event if it is short, else checkpoints.
    pub(super) fn new(start: u64, end: u64) -> Self {
        let fits = end - start <= KEPT_MAX as u64;
        let kept = if fits {
            Kept::Events(Vec::new())
        } else {
            Kept::Checkpoints { stride: 1, digests: Vec::new() }
        };
        Self { start, end, kept }
    }

    /// Looks at event number `count`, after which the digest is `digest`.
    pub(super) fn observe(
        &mut self,
        count: u64,
        digest: u128,
        describe: impl FnOnce() -> (Instant, &'static str, String),
    ) {
        if count <= self.start || count > self.end {
            return;
        }
        match &mut self.kept {
            Kept::Events(events) => {
                let (at, label, details) = describe();
                events.push(Event { index: count - 1, at, label, details, digest: Digest::new(digest) });
            }
            Kept::Checkpoints { stride, digests } => {
                if (count - self.start).is_multiple_of(*stride) {
                    digests.push(digest);
                }
                if digests.len() > KEPT_MAX {
                    *stride *= 2;
                    keep_every_second(digests);
                }
            }
        }
    }

    /// The events, if the stretch was short enough to keep them.
    pub(super) fn events(&self) -> Option<&[Event]> {
        match &self.kept {
            Kept::Events(events) => Some(events),
            Kept::Checkpoints { .. } => None,
        }
    }

    /// The part of the stretch in which this run and `other` parted, or might have.
    pub(super) fn narrowed(&self, other: &Self) -> (u64, u64) {
        let (Kept::Checkpoints { stride: left, .. }, Kept::Checkpoints { stride: right, .. }) =
            (&self.kept, &other.kept)
        else {
            return (self.start, self.end);
        };
        let stride = *left.max(right);
        let (left, right) = (self.digests_every(stride), other.digests_every(stride));
        let equal = left.iter().zip(&right).take_while(|(left, right)| left == right).count() as u64;
        let start = self.start + equal * stride;
        (start, self.end.min(start + stride))
    }

    /// The digests at every `stride` events, which is a multiple of the stride that was kept.
    fn digests_every(&self, stride: u64) -> Vec<u128> {
        let Kept::Checkpoints { stride: kept, digests } = &self.kept else {
            return Vec::new();
        };
        let mut digests = digests.clone();
        for _ in 0..(stride / kept).ilog2() {
            keep_every_second(&mut digests);
        }
        digests
    }
}

/// What `Debug` shows of the details, cut to what a person can read and memory can hold.
pub(super) fn brief(details: &impl fmt::Debug) -> String {
    let mut brief = Brief { text: String::new(), chars_left: DETAILS_CHARS_MAX };
    if write!(brief, "{details:?}").is_err() {
        brief.text.push('…');
    }
    brief.text
}

/// Takes so many characters, and then stops the formatting of the rest.
struct Brief {
    text: String,
    chars_left: usize,
}

impl fmt::Write for Brief {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            self.chars_left = self.chars_left.checked_sub(1).ok_or(fmt::Error)?;
            self.text.push(character);
        }
        Ok(())
    }
}

/// Keeps what stood at twice the stride: the second, the fourth and so on.
fn keep_every_second(digests: &mut Vec<u128>) {
    let mut index = 0;
    digests.retain(|_| {
        index += 1;
        index % 2 == 0
    });
}
