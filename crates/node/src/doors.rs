//! Doors: what of the host leads in, who may come, and who is told of it.

mod access;
mod admission;

pub use access::{Access, AccessLog, Recent};
pub use admission::{Admission, Turned};

pub(crate) use admission::Gate;
