//! What a script keeps across its own restarts: a table of plain values as bytes.
//!
//! ```text
//! nil 0 · false 1 · true 2 · number 3 f64 · string 4 length bytes · table 5 count (key value)*
//! ```
//!
//! Numbers and lengths are little-endian, a length is a `u32`. Keys are in the order of their bytes, so that equal tables
//! are equal bytes.

use std::sync::Arc;

use crate::Errno;
use crate::luau::{Call, Kind, Stop};
use crate::machine::Machine;

/// How much a process may keep.
const CHECKPOINT_BYTES_MAX: usize = 1 << 20;
/// How many tables may be inside of each other.
const DEPTH_MAX: u32 = 32;

pub(super) fn checkpoint(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    if call.kind(1) != Kind::Table {
        return Err(Stop::raise("a checkpoint is a table"));
    }
    let mut bytes = Vec::new();
    encode(call, 1, 0, &mut bytes)?;
    machine.process_mut().checkpoint = Some(Arc::from(bytes));
    Ok(call.give(true))
}

pub(super) fn restored(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let process = machine.process();
    let Some(bytes) = process.checkpoint.clone().filter(|_| process.is_restored) else {
        return Ok(call.give(()));
    };
    let mut rest = &bytes[..];
    decode(call, &mut rest, 0).ok_or(Errno::Io)?;
    Ok(1)
}

fn encode(call: &mut Call<'_>, place: u32, depth: u32, out: &mut Vec<u8>) -> Result<(), Stop> {
    if out.len() > CHECKPOINT_BYTES_MAX {
        return Err(Stop::raise("the checkpoint is too long: a mebibyte is kept"));
    }
    match call.kind(place) {
        Kind::Nil => out.push(0),
        Kind::Boolean => out.push(1 + u8::from(call.truth(place))),
        Kind::Number => {
            out.push(3);
            out.extend_from_slice(&call.number(place)?.to_le_bytes());
        }
        Kind::String => {
            out.push(4);
            encode_bytes(call.bytes(place)?, out);
        }
        Kind::Table if depth < DEPTH_MAX => encode_table(call, place, depth, out)?,
        Kind::Table => return Err(Stop::raise("the checkpoint has too many tables inside of each other")),
        _ => return Err(Stop::raise("a checkpoint has numbers, strings, booleans and tables of these")),
    }
    Ok(())
}

fn encode_table(call: &mut Call<'_>, place: u32, depth: u32, out: &mut Vec<u8>) -> Result<(), Stop> {
    let mut entries = Vec::new();
    let mut bytes = 0;
    let mut cursor = 0;
    while let Some((key, value)) = call.entry(place, &mut cursor) {
        if !matches!(call.kind(key), Kind::Number | Kind::String | Kind::Boolean) {
            return Err(Stop::raise("the keys of a checkpoint are numbers, strings or booleans"));
        }
        let (mut name, mut content) = (Vec::new(), Vec::new());
        encode(call, key, depth + 1, &mut name)?;
        encode(call, value, depth + 1, &mut content)?;
        call.forget_above(key - 1);
        bytes += name.len() + content.len();
        if bytes > CHECKPOINT_BYTES_MAX {
            return Err(Stop::raise("the checkpoint is too long: a mebibyte is kept"));
        }
        entries.push((name, content));
    }
    entries.sort();
    out.push(5);
    out.extend_from_slice(&(entries.len() as u32).to_le_bytes());
    for (name, content) in entries {
        out.extend_from_slice(&name);
        out.extend_from_slice(&content);
    }
    Ok(())
}

fn encode_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Gives the next value of a checkpoint; nothing if there is none.
fn decode(call: &mut Call<'_>, rest: &mut &[u8], depth: u32) -> Option<()> {
    let (kind, after) = rest.split_first()?;
    *rest = after;
    match kind {
        0 => drop(call.give(())),
        1 | 2 => drop(call.give(*kind == 2)),
        3 => {
            let (number, after) = rest.split_first_chunk::<8>()?;
            *rest = after;
            call.give(f64::from_le_bytes(*number));
        }
        4 => {
            let length = take_length(rest)?;
            let (bytes, after) = rest.split_at_checked(length)?;
            *rest = after;
            call.give(bytes);
        }
        5 if depth < DEPTH_MAX => {
            let count = take_length(rest)?;
            call.reserve(4);
            call.give_table(0, 0);
            for _ in 0..count {
                decode(call, rest, depth + 1)?;
                decode(call, rest, depth + 1)?;
                call.set_pair();
            }
        }
        _ => return None,
    }
    Some(())
}

fn take_length(rest: &mut &[u8]) -> Option<usize> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    Some(u32::from_le_bytes(*length) as usize)
}
