//! How a datacenter is kept: [`Archive`], [`Ledger`], and what stands behind [`World::create`](crate::World::create).
//!
//! A kept world lies in a directory: contents in a store of blobs, and everything else as resources of a
//! [`State`](ironloom_state::State). A commit is a batch of that state: what changed since the last one, as it was at the
//! end of one window. `docs/node.md` tells what is kept and what is not.

mod archive;
mod clerk;
mod cut;
mod error;
mod keeper;
mod ledger;
mod proof;
mod record;
mod restored;
mod storer;
mod vault;
mod world;

pub use archive::{Archive, Commit};
pub use clerk::Task;
pub use error::KeepError;
pub use ledger::Ledger;
pub use world::{Opened, Passed};

pub(crate) use keeper::Keeper;
pub(crate) use record::NetworkChanges;
