//! Change shared state in batches that commit whole or never happened.
//!
//! # Examples
//!
//! ```
//! use ironloom_state::{Access, Batch, Config, Context, Failure, MemoryStore, Processor, ResourceId, State};
//!
//! /// Appends its payload to a resource.
//! struct Append;
//!
//! impl Processor for Append {
//!     type Payload = (ResourceId, String);
//!
//!     fn execute(&self, context: &mut Context<'_>, (note, line): &Self::Payload) -> Result<(), Failure> {
//!         let mut text = context.read(*note)?.map_or(Vec::new(), |value| value.to_vec());
//!         text.extend_from_slice(line.as_bytes());
//!         context.write(*note, text)
//!     }
//! }
//!
//! let state = State::open(MemoryStore::new(), Append, Config::default())?;
//! let note = ResourceId::named("note");
//!
//! let mut monday = Batch::new("monday");
//! monday.push(&[Access::write(note)], (note, "bread ".into()))?;
//! let monday = state.submit(monday)?;
//!
//! let mut tuesday = Batch::new("tuesday");
//! tuesday.push(&[Access::write(note)], (note, "milk".into()))?;
//! state.submit(tuesday)?.wait_durable()?;
//! assert_eq!(state.snapshot().get(note)?.as_deref(), Some(&b"bread milk"[..]));
//!
//! state.rollback(monday.id())?.wait()?;
//! assert_eq!(state.snapshot().get(note)?.as_deref(), Some(&b"bread "[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | to … | use |
//! |---|---|
//! | name what is changed, and hold it | [`ResourceId`], [`Value`] |
//! | say what is to be done | [`Batch`], [`Access`] |
//! | say how | [`Processor`], [`Context`] |
//! | do it, undo it, forget how it was | [`State`] |
//! | wait for it, and see what became of it | [`Submission`], [`Receipt`], [`StateDiff`] |
//! | compare states | [`Root`] |
//! | read | [`Snapshot`] |
//! | say where it rests | [`MemoryStore`], [`FjallStore`], or a [`Store`] of your own |
//! | test against bad disks | [`FaultyStore`] |
//!
//! `docs/state.md` tells the life of a batch.

#![forbid(unsafe_code)]

#[doc(hidden)]
pub use tree::fuzz;

mod accept;
mod access;
mod batch;
mod chain;
mod config;
mod diff;
mod error;
mod executor;
mod flight;
mod front;
mod hand;
mod keeper;
mod layout;
mod milestone;
mod open;
mod processor;
mod prune;
mod read;
mod receipt;
mod resource;
mod rollback;
mod root;
mod roots;
mod seal;
mod shared;
mod snapshot;
mod state;
mod store;
mod submission;
mod thread;
mod tree;
mod wait;

pub use access::{Access, AccessKind};
pub use batch::{Batch, BatchError, BatchId};
pub use config::{Config, ConfigError, Roots};
pub use diff::{Change, StateDiff};
pub use error::{OpenError, ReadError, Rejected, RollbackError, SubmitError};
pub use layout::SPACES;
pub use milestone::Interrupted;
pub use processor::{Context, Processor};
pub use receipt::{AccessError, Failure, Receipt};
pub use resource::{ResourceId, ResourceIdParseError, Value};
pub use rollback::Rollback;
pub use root::{Root, RootParseError};
pub use snapshot::Snapshot;
pub use state::State;
pub use store::{
    FaultyStore, FjallConfig, FjallStore, KEY_BYTES_MAX, KeyRange, MemoryStore, ReadStore, Space, Store,
    StoreError, Visit, Write, WriteBatch,
};
pub use submission::Submission;
