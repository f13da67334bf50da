//! Export and import: a whole state as linked blobs, and a store filled from them.
//!
//! ```text
//! root ──▸ index ──▸ index ──▸ chunk ──▸ large value
//!                │                  └──▸ large value
//!                └─▸ index ──▸ chunk
//! ```
//!
//! A *chunk* has neighbouring resources with their versions and values; a value of more than [`INLINE_BYTES_MAX`] is a
//! blob of its own. *Indexes* gather chunks, and indexes, until there is one. The *root* says which batch it is all
//! after. Every one of them is a [linked blob](ironloom_blob::link), so a pin on the root keeps the export.
//!
//! Where a chunk ends depends on the resource that it ends with and on the size of what is kept for it, and on nothing
//! else as long as chunks are of usual sizes: so exports of similar states share most of their blobs, and those of equal
//! states all of them. The same holds for indexes, which end where the name of a blob says.
//!
//! Both directions need the memory of a few chunks and of the largest value; an import that grows a tree, that of the
//! tree's forks too.

mod error;
mod format;
pub(crate) mod fuzz;
mod import;
mod prepare;
#[cfg(test)]
mod tests;
mod walk;
mod write;

pub use error::{ExportError, ImportError, Malformed};
pub use import::{ImportConfig, Imported, import};
pub use prepare::discard_import;

pub(crate) use prepare::unfinished_import;

/// A larger value has a blob of its own.
const INLINE_BYTES_MAX: usize = 4 << 10;

/// A chunk is cut so that its entries have so many bytes, on average.
const CHUNK_BYTES_MEAN: u64 = 8 << 10;

/// A chunk that reached this size is cut wherever that is.
const CHUNK_BYTES_CUT: usize = 256 << 10;

/// The most that an importer takes for a chunk or an index.
const NODE_BYTES_MAX: u64 = 512 << 10;

/// An index has at least so many children, but for the last of its level.
const CHILDREN_MIN: usize = 16;

/// How many more it has on average.
const CHILDREN_MEAN: u16 = 64;

/// How many it has at most.
const CHILDREN_MAX: usize = 512;

/// How many levels of indexes there are at most: enough for 16⁸ chunks.
const LEVELS_MAX: u8 = 8;

const _: () = assert!(CHUNK_BYTES_CUT as u64 + 2 * INLINE_BYTES_MAX as u64 <= NODE_BYTES_MAX);
const _: () = assert!(CHILDREN_MAX as u64 * 32 + 64 <= NODE_BYTES_MAX);
