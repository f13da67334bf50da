//! [`Thread`]: a Luau thread that the host runs.

use std::ffi::c_int;

use mlua::ffi::{self, lua_State};

/// A Luau thread that the host runs, kept in the registry of its state.
///
/// It is not dropped but [given back](super::State::release); a state that is dropped takes its threads with it.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(super) lua: *mut lua_State,
    pub(super) reference: c_int,
    /// How many arguments wait on its stack.
    pub(super) arguments: u32,
    /// Coroutines that were running in it when it was stopped, outermost first. Each is kept by the one before.
    pub(super) inner: Vec<*mut lua_State>,
}

// SAFETY: a thread is used only through its state, by whoever owns that.
unsafe impl Send for Thread {}

impl Thread {
    pub(super) const fn new(lua: *mut lua_State, reference: c_int, arguments: u32) -> Self {
        Self { lua, reference, arguments, inner: Vec::new() }
    }

    /// Reads a little of it, so that it comes from memory before it runs; what this gives means nothing.
    pub(crate) fn warm(&self) -> usize {
        // SAFETY: a thread that is kept is there, and its state does not run while somebody has it. Any index above zero may
        // be asked for.
        unsafe { ffi::lua_type(self.lua, 1) as usize }
    }
}

/// What became of a thread that was resumed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its function has returned.
    Finished,
    /// It raised an error that nothing caught.
    Failed(String),
    /// There was no memory.
    OutOfMemory,
    /// A host function stopped it: it waits, or has ended.
    Stopped,
    /// Its fuel is spent.
    Spent,
    /// It yielded, outside of any coroutine.
    Yielded,
    /// It could not be stopped, and was ended.
    Doomed,
}

/// A value of a script that the host keeps, in the registry of its state. It is not dropped but
/// [forgotten](super::State::forget).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kept(pub(super) c_int);
