//! One memory on many hosts: who holds which page, and how it comes to who wants it.

mod content;

pub use content::{Content, LINE_BYTES, Lines};
