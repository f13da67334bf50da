//! Luau programs as the transactions of a state: [`Programs`].
//!
//! # What a program sees
//!
//! | it calls | and gets |
//! |---|---|
//! | `...` | the arguments of the transaction, as strings |
//! | `resource.count()` | how many resources the transaction names |
//! | `resource.id(which)` | the 32 bytes of a resource's id; `which` is its place, from 1, or such an id |
//! | `resource.read(which)` | what it holds, or `nil` if it does not exist |
//! | `resource.write(which, bytes)`, `resource.remove(which)` | changes it, if the transaction succeeds |
//! | `resource.hash(bytes)` | the 32 bytes of their BLAKE3 hash, which may be the id of a resource |
//! | `emit(bytes)` | an event in the receipt |
//! | `budget()` | how much may still be spent when the program begins |
//! | `math.random`, `math.randomseed` | as in Luau; the sequence is that of the transaction's seed |
//!
//! Of Luau's own libraries it has what gives the same result wherever it runs: no clock, no garbage collector to be asked,
//! no functions of mathematics beyond the arithmetic of IEEE 754, and `print` is not there. An error, a value that is too
//! large, and memory or a budget that is spent fail the transaction; touching what was not declared ends it at once.
//!
//! # Why every run is the same
//!
//! Each transaction finds a Luau state with the same bytes at the same distances, whatever ran before; what was allocated
//! is not collected while it runs, but given back as a whole. So neither the order in which `pairs` visits tables whose keys
//! are tables, nor what a weak table still holds, nor where memory ends depends on anything but the transaction. The budget
//! counts safepoints (ends of loops, calls and returns) and bytes that cross between the program and the host. What is left
//! to the processor and the C library is `^` where its result is not exact, and the bits of what is not a number.

mod config;
mod host;
mod math;
mod payload;
mod run;
mod shelf;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use ironloom_blob::BlobStore;
use ironloom_state::{Context, Failure, Processor};
use parking_lot::Mutex;

use crate::luau::Stage;
use host::Host;
use shelf::Shelf;

pub use config::Config;
pub use payload::Invocation;

/// Runs Luau programs, which are blobs, as the transactions of a state.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use ironloom_blob::{BlobStore, Durability, MemoryStore};
/// use ironloom_state::{Access, Batch, Config, ResourceId, State};
/// use ironloom_vm::program::{self, Invocation, Programs};
///
/// let blobs = Arc::new(MemoryStore::new());
/// let source = b"local count = tonumber(resource.read(1) or 0) resource.write(1, tostring(count + 1))";
/// let program = blobs.put(source, Durability::Buffered)?;
///
/// let programs = Programs::new(blobs, program::Config::default());
/// let state = State::open(ironloom_state::MemoryStore::default(), programs, Config::default())?;
/// let counter = ResourceId::named("counter");
/// let mut batch = Batch::new("two steps");
/// for _ in 0..2 {
///     batch.push(&[Access::write(counter)], Invocation::of(program, &[counter], &[]))?;
/// }
/// state.submit(batch)?.wait_committed()?;
/// assert_eq!(state.snapshot().get(counter)?.unwrap().as_ref(), b"2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Programs {
    config: Config,
    shelf: Shelf,
    /// Stages that nobody uses now; there are as many as transactions ran at once.
    stages: Mutex<Vec<Stage<Host>>>,
}

impl Programs {
    /// Programs that are in a store of blobs.
    ///
    /// Whoever executes a batch must have its programs: a transaction whose program is not in the store is refused, which
    /// is another result than elsewhere.
    #[must_use]
    pub fn new(blobs: Arc<dyn BlobStore>, config: Config) -> Self {
        Self { shelf: Shelf::new(blobs, &config), config, stages: Mutex::new(Vec::new()) }
    }
}

impl Processor for Programs {
    type Payload = Invocation;

    fn execute(&self, context: &mut Context<'_>, invocation: &Invocation) -> Result<(), Failure> {
        let bytecode = self.shelf.bytecode(invocation.program)?;
        let stage = self.stages.lock().pop();
        let mut stage = stage.unwrap_or_else(|| run::stage(&self.config));
        // A stage on which something panicked is not used again.
        let result = run::run(&mut stage, &self.config, &bytecode, context, invocation);
        self.stages.lock().push(stage);
        result
    }
}

impl fmt::Debug for Programs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Programs").field("config", &self.config).finish_non_exhaustive()
    }
}
