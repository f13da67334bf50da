//! Reading files as a whole.

use crate::luau::{Call, Stop};
use crate::machine::Machine;

use super::{LOOKUP_SAFEPOINTS, ask};

fn bytes_of(call: &mut Call<'_>, machine: &mut Machine) -> Result<Vec<u8>, Stop> {
    let path = call.bytes(1)?;
    machine.look_at_network(path)?;
    let bytes_max = machine.limits.read_bytes_max;
    let bytes = ask(machine, |files, caller| files.read_all(caller, path, bytes_max))?;
    call.spend(LOOKUP_SAFEPOINTS);
    Ok(bytes)
}

pub(super) fn read(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let bytes = bytes_of(call, machine)?;
    Ok(call.give(&bytes))
}

/// An array of the lines of a file, without their ends.
pub(super) fn read_lines(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let bytes = bytes_of(call, machine)?;
    let lines = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    call.give_table(0, 0);
    if bytes.is_empty() {
        return Ok(1);
    }
    for (number, line) in (1..).zip(lines.split(|byte| *byte == b'\n')) {
        call.push(number, line.strip_suffix(b"\r").unwrap_or(line));
    }
    Ok(1)
}

/// The key and the value of `key = value`.
pub(super) fn parse_key_value_line(call: &mut Call<'_>, _: &mut Machine) -> Result<u32, Stop> {
    let text = call.bytes(1)?;
    let Some(equals) = text.iter().position(|byte| *byte == b'=') else {
        return Ok(call.give(((), ())));
    };
    let (key, value) = (text[..equals].trim_ascii(), text[equals + 1..].trim_ascii());
    Ok(call.give((key, value)))
}
