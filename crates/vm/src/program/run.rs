//! One transaction, from the context to the program and back.

use std::ffi::CStr;
use std::sync::Arc;

use ironloom_state::{Context, Failure};

use super::host::{self, Host};
use super::{Config, Invocation, math};
use crate::luau::{Bytecode, Fuel, Libraries, Outcome, Stage};

/// What of Luau's own a program does not have, as the compiler calls it: what depends on the clock, the collector or the
/// C library, what speaks to the host's terminal, and what makes everything slow.
pub(super) const REMOVED: &[&CStr] = &[
    c"collectgarbage",
    c"gcinfo",
    c"print",
    c"getfenv",
    c"setfenv",
    c"newproxy",
    c"math.acos",
    c"math.asin",
    c"math.atan",
    c"math.atan2",
    c"math.cos",
    c"math.cosh",
    c"math.exp",
    c"math.log",
    c"math.log10",
    c"math.pow",
    c"math.sin",
    c"math.sinh",
    c"math.tan",
    c"math.tanh",
    c"math.noise",
    c"math.lerp",
    c"math.map",
    c"vector.create",
    c"vector.magnitude",
    c"vector.normalize",
    c"vector.cross",
    c"vector.dot",
    c"vector.floor",
    c"vector.ceil",
    c"vector.abs",
    c"vector.sign",
    c"vector.clamp",
    c"vector.min",
    c"vector.max",
    c"vector.lerp",
    c"vector.angle",
];

/// The same, as a state has it: table and name.
const REMOVED_FIELDS: &[(&CStr, &CStr)] = &[
    (c"", c"collectgarbage"),
    (c"", c"gcinfo"),
    (c"", c"print"),
    (c"", c"getfenv"),
    (c"", c"setfenv"),
    (c"", c"newproxy"),
    (c"", c"vector"),
    (c"math", c"acos"),
    (c"math", c"asin"),
    (c"math", c"atan"),
    (c"math", c"atan2"),
    (c"math", c"cos"),
    (c"math", c"cosh"),
    (c"math", c"exp"),
    (c"math", c"log"),
    (c"math", c"log10"),
    (c"math", c"pow"),
    (c"math", c"sin"),
    (c"math", c"sinh"),
    (c"math", c"tan"),
    (c"math", c"tanh"),
    (c"math", c"noise"),
    (c"math", c"lerp"),
    (c"math", c"map"),
];

/// How much larger than what a program may have its stage is: blocks are larger than what is in them, and one that is free
/// serves its own size only.
const STAGE_FACTOR: usize = 8;
/// How large a stage is at least, so that programs can be loaded.
const STAGE_BYTES_MIN: usize = 64 << 20;
/// How large one can be.
const STAGE_BYTES_MAX: usize = (2 << 30) - 4096;

/// A stage for programs.
pub(super) fn stage(config: &Config) -> Stage<Host> {
    let libraries = Libraries {
        tables: vec![(c"resource", host::RESOURCE), (c"math", math::FUNCTIONS)],
        globals: host::GLOBALS,
        removed: REMOVED_FIELDS,
        ..Libraries::default()
    };
    let bytes = config.memory_bytes_max.saturating_mul(STAGE_FACTOR);
    Stage::new(Arc::new(libraries), bytes.clamp(STAGE_BYTES_MIN, STAGE_BYTES_MAX))
}

/// Runs a program for a transaction.
pub(super) fn run(
    stage: &mut Stage<Host>,
    config: &Config,
    bytecode: &Bytecode,
    context: &mut Context<'_>,
    invocation: &Invocation,
) -> Result<(), Failure> {
    let brought: usize = invocation.arguments.iter().map(Vec::len).sum();
    context.spend(1 + brought as u64 / config.unit_bytes.max(1))?;
    let mut host = Host::new(context, invocation, config)?;
    let arguments: Vec<&[u8]> = invocation.arguments.iter().map(Vec::as_slice).collect();
    // A budget beyond this would take minutes; what is left of it then is not touched. One more than the budget is what
    // does not fit into it.
    let slice = u32::try_from(context.remaining()).unwrap_or(u32::MAX).saturating_add(1);
    let fuel = Fuel { slice, grace: 0 };
    let (outcome, spent) =
        stage.run(bytecode.as_bytes(), c"=program", &arguments, &mut host, fuel, config.memory_bytes_max);
    let spent = u64::from(spent).saturating_add(host.spent);
    if let Some(failure) = host.failure {
        // Whoever is ended where it cannot be stopped has its fuel taken away.
        context.spend(spent.min(context.remaining()))?;
        return Err(failure);
    }
    context.spend(spent)?;
    conclude(outcome, host, context)
}

/// Says what became of a program, and writes what it wrote if that is to count.
fn conclude(outcome: Outcome, host: Host, context: &mut Context<'_>) -> Result<(), Failure> {
    match outcome {
        Outcome::Finished => host.apply(context),
        Outcome::Failed(text) => Err(Failure::refused(text)),
        Outcome::OutOfMemory => Err(Failure::refused("out of memory")),
        Outcome::Yielded => Err(Failure::refused("a program may not yield to nobody")),
        Outcome::Spent | Outcome::Doomed | Outcome::Stopped => {
            // What was spent is more than was granted, but for a budget that is longer than a slice.
            context.spend(context.remaining().saturating_add(1))
        }
    }
}
