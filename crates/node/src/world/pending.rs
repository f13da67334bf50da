//! [`Pending`]: a command under way, whose end somebody waits for.

use ironloom_core::{Duration, Instant};
use ironloom_vm::Job;

use super::reply::Answer;

/// A command under way, whose end somebody waits for.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) machine: String,
    pub(crate) job: Job,
    pub(crate) limit: Duration,
    pub(crate) deadline: Instant,
    pub(crate) answer: Answer,
}
