//! What operations do. Each ends by running the one after it, so that a block is one chain of jumps.
//!
//! An operation reads and writes [`Core::registers`](super::core::Core::registers) and nothing else that another might
//! see half done: what cannot be carried out stops the chain before anything was changed.

macro_rules! proceed {
    ($core:ident, $cursor:ident) => {{
        let next = $cursor.next();
        (next.op().run)($core, next)
    }};
}

pub(super) mod access;
pub(super) mod atomic;
pub(super) mod control;
pub(super) mod float;
pub(super) mod integer;
