//! Give a guest an operating system.
//!
//! `docs/vm.md` tells the life of a machine, `docs/luau-api.md` what its scripts see.

mod api;
pub mod luau;
pub mod os;
pub mod program;

pub use os::{Credentials, Errno};
