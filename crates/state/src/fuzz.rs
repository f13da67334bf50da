//! What the fuzzer calls, of all modules that parse. Not for use by anybody else.

pub use crate::export::fuzz::{export_part, imported};
pub use crate::layout::fuzz::{opened, row};
pub use crate::tree::fuzz::{branch, bucket};
