//! [`Members`]: who is in the machine, and whether it may go on.
//!
//! A machine's memory is spread over all its hosts, so it cannot go on without one of them. That makes the rules short:
//!
//! * **A host runs only while it holds a lease from every other.** A lease is an answer to a beat, and lasts from when
//!   the beat was *sent*; a host that has stopped does not answer. So when one host stops, whyever, no host runs once
//!   the lease has passed, even if no word reaches it. Two halves never both go on, because neither does.
//! * **The lowest host coordinates.** It need not be elected: while the machine runs everybody is there, and if the
//!   lowest dies the machine stops. It leads one operation at a time through steps that every host confirms.
//! * **An epoch begins only when all hosts of the old one and of the new one stand still and know both.** Whoever has
//!   begun the new one knows that nobody runs in the old.
//! * **After a death, those may start again who are more than half of the last members**, or half with the lowest. Who
//!   stood between two epochs asks this of both. So of two groups that share nobody at most one may.

mod config;
mod coordinator;
mod event;
mod lease;
mod machine;
mod message;
mod participant;

#[cfg(test)]
mod tests;

pub use config::MembersConfig;
pub use event::{Input, Output, State};
pub use machine::Members;
pub use message::{Change, Denied, MemberMessage, Refused, RequestId, Step, StepId, Why, Wish};
