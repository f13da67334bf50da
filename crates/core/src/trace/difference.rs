//! [`first_difference`]: finds the event at which two runs part, without keeping either.

use std::fmt;

use thiserror::Error;

use super::probe::Probe;
use super::{Digest, Event, Trace};

/// Where two runs parted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// How many events the runs had in common.
    pub common: u64,
    /// The first event of the left run that the right one does not have; `None` if it had ended.
    pub left: Option<Event>,
    /// The first event of the right run that the left one does not have; `None` if it had ended.
    pub right: Option<Event>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |event: &Option<Event>| {
            event.as_ref().map_or_else(|| "the end of the run".to_owned(), Event::to_string)
        };
        writeln!(f, "the runs agree in {} events, then part:", self.common)?;
        writeln!(f, "  left:  {}", show(&self.left))?;
        write!(f, "  right: {}", show(&self.right))
    }
}

/// A run did something else when it was run again, so nothing can be said about where it differs from another.
///
/// Something in it depends on more than its seed and inputs: a clock, an address, the order of threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "the {side} run does not repeat: it gave the digest {first}, then {again}; does it read a clock or iterate a std HashMap?"
)]
pub struct Unrepeatable {
    /// Which of the two runs it is: `left` or `right`.
    pub side: &'static str,
    /// Its digest at first.
    pub first: Digest,
    /// Its digest when it was run again.
    pub again: Digest,
}

/// Runs two simulations and finds the first event at which they differ; `None` if they are the same.
///
/// Each simulation is run a handful of times, every time watched more closely around the place where they part, so
/// that a run of any length needs no more than some hundred kilobytes.
///
/// ```
/// use ironloom_core::trace::{Trace, first_difference};
/// use ironloom_core::{Instant, Rng, Seed};
///
/// let simulate = |trace: &mut Trace, broken: bool| {
///     let mut rng = Rng::new(Seed::new(1));
///     for step in 0..100_000u64 {
///         let roll = if broken && step == 54_321 { 7 } else { rng.range(1..7) };
///         trace.record(Instant::from_nanos(step), "roll", &roll);
///     }
/// };
/// let parted = first_difference(|trace| simulate(trace, false), |trace| simulate(trace, true))?.expect("one is broken");
/// assert_eq!(parted.common, 54_321);
/// assert_eq!(parted.right.unwrap().details, "7");
/// # Ok::<(), ironloom_core::trace::Unrepeatable>(())
/// ```
///
/// # Errors
///
/// If one of them does not do the same when it is run again.
///
/// # Panics
///
/// If a simulation puts another trace into the place of the one that it is to record in.
pub fn first_difference(
    mut left: impl FnMut(&mut Trace),
    mut right: impl FnMut(&mut Trace),
) -> Result<Option<Difference>, Unrepeatable> {
    let (mut start, mut end) = (0, u64::MAX);
    let mut first = None;
    loop {
        let left = watched(&mut left, start, end);
        let right = watched(&mut right, start, end);
        let digests = (left.digest(), right.digest());
        let (first_left, first_right) = *first.get_or_insert(digests);
        check_repeats("left", first_left, digests.0)?;
        check_repeats("right", first_right, digests.1)?;
        if digests.0 == digests.1 {
            return Ok(None);
        }
        let (left, right) = (left.into_probe(), right.into_probe());
        if let (Some(left), Some(right)) = (left.events(), right.events()) {
            return Ok(Some(parting(start, left, right)));
        }
        (start, end) = left.narrowed(&right);
        tracing::debug!(start, end, "the runs part between these events");
    }
}

fn watched(run: &mut impl FnMut(&mut Trace), start: u64, end: u64) -> Trace {
    let mut trace = Trace::probing(Probe::new(start, end));
    run(&mut trace);
    trace
}

fn check_repeats(side: &'static str, first: Digest, again: Digest) -> Result<(), Unrepeatable> {
    if first == again { Ok(()) } else { Err(Unrepeatable { side, first, again }) }
}

/// The first place at which two lists of events, both beginning after `start` common ones, are not the same.
fn parting(start: u64, left: &[Event], right: &[Event]) -> Difference {
    let same = |(left, right): &(&Event, &Event)| left.digest == right.digest;
    let common = left.iter().zip(right).take_while(same).count();
    assert!(left.get(common).is_some() || right.get(common).is_some(), "runs that differ part somewhere");
    Difference {
        common: start + common as u64,
        left: left.get(common).cloned(),
        right: right.get(common).cloned(),
    }
}

impl Trace {
    fn into_probe(self) -> Probe {
        *self.probe.expect("a simulation records in the trace that it is given, and leaves it there")
    }
}
