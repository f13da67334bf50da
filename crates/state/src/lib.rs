//! Change shared state in batches that commit whole or never happened.

#![forbid(unsafe_code)]

mod resource;
mod store;

pub use resource::{ResourceId, ResourceIdParseError, Value};
pub use store::{
    FaultyStore, FjallConfig, FjallStore, KEY_BYTES_MAX, KeyRange, MemoryStore, ReadStore, Space, Store,
    StoreError, Visit, Write, WriteBatch,
};
