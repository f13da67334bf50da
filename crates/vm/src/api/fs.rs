//! `fs`: files.

use crate::luau::{Call, Function, Stop};
use crate::machine::Machine;

pub(super) const FUNCTIONS: &[Function<Machine>] = &[Function::new(c"read", read)];

fn read(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let path = call.bytes(1)?;
    let caller = crate::machine::caller_of(&machine.table, machine.current.pid);
    let bytes = machine.files.read_all(&caller, path, machine.limits.read_bytes_max)?;
    Ok(call.give(&bytes))
}
