//! Change shared state in batches that commit whole or never happened.

#![forbid(unsafe_code)]

#[doc(hidden)]
pub use tree::fuzz;

mod resource;
mod root;
mod store;
mod tree;

pub use resource::{ResourceId, ResourceIdParseError, Value};
pub use root::{Root, RootParseError};
pub use store::{KeyRange, ReadStore, Space, Store, StoreError, Visit, Write, WriteBatch};
