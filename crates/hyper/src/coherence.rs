//! One memory on many hosts: who holds which page, and how it comes to who wants it.
//!
//! [`Coherence`] is the protocol of one host as a state machine. Each page has a *home*, which lets one host after
//! another have it: many may read it, or one may write it. `docs/hyper-cluster.md` tells it whole.

mod config;
mod content;
mod counters;
mod directory;
mod drain;
mod duties;
mod entry;
mod epoch;
mod home;
mod homes;
mod link;
mod machine;
mod message;
mod output;
mod page;
mod page_bytes;
mod plan;
mod requests;
mod sparse;
mod talk;

#[cfg(test)]
mod tests;

pub use config::{AHEAD_MAX, CoherenceConfig};
pub use content::{Content, LINE_BYTES, Lines};
pub use counters::Counters;
pub use machine::Coherence;
pub use message::Message;
pub use output::{LostReason, Output, Refused, Released, Tell};
pub use page::{Held, Page, Version, Want};
pub use page_bytes::PageBytes;
pub use plan::transitions;
