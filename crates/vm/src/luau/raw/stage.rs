//! [`Stage`]: a state that is the same whenever a script begins.

use std::ffi::CStr;
use std::ptr;
use std::sync::Arc;

use super::arena::{Arena, allocate_in};
use super::{Fuel, Furnished, Libraries, Outcome, State};

/// A state on which one script after another runs, each as if it were the first, and with the same result on every stage.
///
/// After a script all memory is put back as it was before. While one runs nothing is collected: when that happens would
/// depend on the clock, and scripts can see it.
#[derive(Debug)]
pub(crate) struct Stage<H: 'static> {
    state: State<H>,
    /// It is dropped after the state. Its address is the state's.
    arena: Box<Arena>,
    /// How many bytes the state has before a script begins.
    base: usize,
}

/// How much memory a byte of bytecode becomes at most when it is loaded, with a good margin.
const LOADED_BYTES: usize = 128;

impl<H: 'static> Stage<H> {
    /// A stage with room for so many bytes.
    ///
    /// # Panics
    ///
    /// As [`State::new`], and if the room is not enough for that.
    pub(crate) fn new(libraries: Arc<Libraries<H>>, bytes: usize) -> Self {
        let mut arena = Box::new(Arena::new(bytes));
        let state = State::with(libraries, Furnished::Whole, |account| {
            arena.account = account;
            (allocate_in, ptr::from_mut(&mut *arena).cast())
        });
        let mut stage = Self { state, arena, base: 0 };
        stage.state.collect();
        stage.state.stop_collector();
        stage.arena.save();
        stage.base = stage.state.used();
        stage
    }

    /// Runs a script until it ends, or would wait, or its fuel is spent; says what became of it, and how much fuel it took.
    ///
    /// It has so many bytes of memory for itself, what it allocates and what it does not free.
    ///
    /// # Panics
    ///
    /// If a host function does.
    pub(crate) fn run(
        &mut self,
        bytecode: &[u8],
        name: &CStr,
        arguments: &[&[u8]],
        host: &mut H,
        fuel: Fuel,
        memory: usize,
    ) -> (Outcome, u32) {
        // What ran last may have ended in a panic: it is wiped off before, not after.
        self.clear();
        // Loading is not limited and must not fail, as errors have nowhere to go there.
        let arguments_bytes: usize = arguments.iter().map(|argument| argument.len() + 64).sum();
        let needed = bytecode.len().saturating_mul(LOADED_BYTES).saturating_add(2 * arguments_bytes);
        if needed > self.arena.bytes() / 2 {
            return (Outcome::OutOfMemory, 0);
        }
        match self.state.load(bytecode, name) {
            Err(text) => (Outcome::Failed(text), 0),
            Ok(prototype) => {
                let mut thread = self.state.spawn(prototype, arguments, 0);
                self.state.resume(&mut thread, host, fuel, self.base.saturating_add(memory))
            }
        }
    }

    fn clear(&mut self) {
        // SAFETY: threads and prototypes do not leave `run`, so nobody has any, and nothing runs.
        unsafe { self.arena.restore() };
    }
}

impl<H: 'static> Drop for Stage<H> {
    fn drop(&mut self) {
        // So that the state ends as it began, whatever a script was doing.
        self.clear();
    }
}
