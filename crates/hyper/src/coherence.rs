//! One memory on many hosts: who holds which page, and how it comes to who wants it.

mod content;

pub use content::{Content, LINE_BYTES, Lines};

/// How a host holds a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Held {
    Nothing,
    Read,
    Write,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tell {
    Whole,
    Since,
}
