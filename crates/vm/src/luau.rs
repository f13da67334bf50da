//! Luau: states with limits, scripts that are stopped where they are, and functions of the host.

mod bytecode;
mod raw;
mod stop;

pub(crate) use bytecode::chunk_name;
pub use bytecode::{Bytecode, CompileError};
pub use raw::{Call, Function, Give, Kind, Null};
pub use stop::Stop;

pub(crate) use raw::{
    Dropped, Fuel, Furnished, Kept, Libraries, Outcome, Prototype, Stage, State, Thread, Written,
};

#[cfg(test)]
mod tests;
