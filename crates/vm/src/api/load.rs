//! Functions from sources, and what the collector tells.

use crate::luau::{Call, Stop, chunk_name};
use crate::machine::Machine;

/// A function that a text is the source of. Bytecode is text that makes no sense.
pub(super) fn load(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let source = call.bytes(1)?;
    let name = call.optional(2, Call::bytes)?.unwrap_or(b"load");
    let compiled = machine.programs.compile_apart(source, machine.limits.source_bytes_max);
    let bytecode = match compiled {
        Ok(bytecode) => bytecode,
        Err(error) => return Ok(call.give(((), &error.to_string()))),
    };
    match call.give_loaded(bytecode.as_bytes(), &chunk_name(name.strip_prefix(b"=").unwrap_or(name))) {
        Ok(given) => Ok(given),
        Err(_) => {
            let message = call.top();
            Ok(call.give(()) + call.give_again(message))
        }
    }
}

/// `collectgarbage("count")`: how many KiB the scripts of this machine have.
pub(super) fn collectgarbage(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    match call.optional(1, Call::bytes)?.unwrap_or(b"collect") {
        b"count" => {
            let bytes = call.category_bytes(machine.category);
            Ok(call.give(bytes as f64 / 1024.0))
        }
        // The collector knows when.
        b"collect" | b"step" => Ok(call.give(0)),
        _ => Err(Stop::raise("collectgarbage understands \"count\"")),
    }
}
