//! The C interface of Luau, and all unsafe code of this crate.
//!
//! Luau is used through its C interface and not through `mlua`'s types: a state takes half the memory and half the time,
//! a check for preemption a tenth of the time, and a script can be stopped anywhere, also inside of its own coroutines.
//!
//! # What everything here relies on
//!
//! - **One owner.** A [`State`] is used by one thread at a time, because all that touches it takes `&mut`, or runs inside
//!   of [`State::resume`], which does.
//! - **Errors are C++ exceptions.** They begin in a function of Luau and end in a function of Luau, and pass frames of host
//!   functions on their way, which are `extern "C-unwind"`: what these frames own is dropped. Outside of `resume` nothing
//!   catches them, so nothing is called there that raises: memory is not limited there, and nothing else is left that
//!   could go wrong.
//! - **Panics** of host functions pass the frames of Luau and end in `resume`, after which the state is not used any more.
//! - **What a script holds keeps.** Strings and threads are valid while they are on a stack that nobody pops, or in the
//!   registry.

#![expect(unsafe_code, reason = "this is the C interface of Luau")]
#![expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "operations on Luau's stack make sense, and are proven, as sequences"
)]

mod addresses;
mod allocator;
mod arena;
mod call;
mod compile;
mod costs;
mod entry;
mod give;
mod ground;
mod libraries;
mod pages;
mod stage;
mod state;
mod thread;

pub use call::{Call, Kind};
pub(crate) use compile::{compile, compile_without};
pub use entry::Function;
pub use give::{Give, Null};
pub(crate) use ground::{Dropped, Fuel};
pub(crate) use libraries::{Furnished, Libraries, Written};
pub(crate) use stage::Stage;
pub(crate) use state::{Prototype, State};
pub(crate) use thread::{Kept, Outcome, Thread};
