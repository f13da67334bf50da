//! The methods of handles.

use crate::Errno;
use crate::luau::{Call, Function, Kind, Stop};
use crate::machine::{CLOSED, Foreground, GATHERED_BYTES_MAX, Machine, Owner, Wanted};
use crate::os::Whence;

use super::{HANDLE, options};

pub(super) const METHODS: &[Function<Machine>] = &[
    Function::new(c"read", read),
    Function::new(c"write", write),
    Function::new(c"lines", lines),
    Function::new(c"seek", seek),
    Function::new(c"flush", flush),
    Function::new(c"close", close),
    Function::new(c"set_timeout", set_timeout),
    Function::new(c"truncate", truncate),
    Function::new(c"peer", super::net::peer),
    Function::new(c"local_address", super::net::local_address),
    Function::new(c"finish", super::net::finish),
    Function::new(c"stat", super::fs::stat_handle),
];

/// The description behind a handle, and its number in the process.
///
/// # Errors
///
/// If it is closed, or somebody else's.
pub(super) fn description(call: &Call<'_>, machine: &Machine, place: u32) -> Result<(u32, u32), Stop> {
    description_of(call, machine, place, HANDLE)
}

/// As [`description`], for an object of another kind.
pub(super) fn description_of(
    call: &Call<'_>,
    machine: &Machine,
    place: u32,
    tag: u8,
) -> Result<(u32, u32), Stop> {
    let value = call.object(place, tag)?;
    let closed = || Stop::raise("the handle is closed");
    let number = machine.number_of(value).ok_or_else(closed)?;
    let description = machine.description_of(machine.current.pid, number);
    Ok((description.ok_or_else(closed)?, number))
}

/// Gives a handle for a description.
pub(super) fn give(call: &mut Call<'_>, machine: &mut Machine, description: u32) -> Result<u32, Stop> {
    give_as(call, machine, description, HANDLE)
}

/// As [`give`], with an object of another kind.
pub(super) fn give_as(
    call: &mut Call<'_>,
    machine: &mut Machine,
    description: u32,
    tag: u8,
) -> Result<u32, Stop> {
    let pid = machine.current.pid;
    if !machine.has_room_for_descriptor() {
        // Some may be garbage that nobody has collected yet.
        call.spend(COLLECTION_SAFEPOINTS);
        call.collect();
        call.take_dropped().into_iter().for_each(|dropped| machine.object_dropped(dropped));
    }
    let number = machine.descriptor(pid, description)?;
    Ok(call.give_object(tag, machine.object_value(number)))
}

/// What it costs to look for garbage, in safepoints.
const COLLECTION_SAFEPOINTS: u64 = 20_000;

/// What a script wants to read: `"l"`, `"L"`, `"a"`, `"n"` or a number of bytes.
pub(super) fn wanted(call: &Call<'_>, place: u32) -> Result<(Wanted, bool), Stop> {
    match call.kind(place) {
        Kind::Nil => Ok((Wanted::Line, false)),
        Kind::Number => {
            let bytes = call.integer(place)?;
            Ok((Wanted::Bytes(usize::try_from(bytes).unwrap_or(0)), false))
        }
        _ => match call.bytes(place)?.trim_ascii_start() {
            b"l" | b"*l" => Ok((Wanted::Line, false)),
            b"L" | b"*L" => Ok((Wanted::WholeLine, false)),
            b"a" | b"*a" => Ok((Wanted::All, false)),
            b"n" | b"*n" => Ok((Wanted::Line, true)),
            _ => Err(Stop::raise("read what? \"l\", \"L\", \"a\", \"n\" or a number of bytes")),
        },
    }
}

/// Reads from a description, and waits until there is enough.
pub(super) fn read_from(
    call: &mut Call<'_>,
    machine: &mut Machine,
    description: u32,
    what: (Wanted, bool),
    bytes_max: usize,
) -> Result<u32, Stop> {
    let (wanted, is_number) = what;
    machine.begin_wait(call, machine.timeout_of(description))?;
    if machine.admit_reading(description)? == Foreground::Stopped {
        return Err(Stop::Wait);
    }
    match machine.read(description, wanted, bytes_max) {
        Ok(Some(line)) if is_number => {
            let number = std::str::from_utf8(&line).ok().and_then(|text| text.trim().parse::<f64>().ok());
            Ok(call.give(number))
        }
        Ok(Some(bytes)) => Ok(call.give(&bytes)),
        Ok(None) => Ok(call.give(())),
        Err(Errno::Again) => machine.wait_for(|machine| machine.readers_of(description)),
        Err(errno) => Err(errno.into()),
    }
}

/// Writes all values from a place on to a description, and waits for room.
pub(super) fn write_to(
    call: &Call<'_>,
    machine: &mut Machine,
    description: u32,
    values: std::ops::RangeInclusive<u32>,
) -> Result<(), Stop> {
    machine.begin_wait(call, machine.timeout_of(description))?;
    let mut before = 0;
    for place in values {
        let bytes = call.bytes(place)?;
        let done = machine.task_mut().progress;
        if done < before + bytes.len() || bytes.is_empty() {
            write_bytes(machine, description, bytes, before)?;
        }
        before += bytes.len();
    }
    Ok(())
}

/// Writes bytes that begin so far into what the call writes as a whole.
pub(super) fn write_bytes(
    machine: &mut Machine,
    description: u32,
    bytes: &[u8],
    before: usize,
) -> Result<(), Stop> {
    loop {
        let done = machine.task_mut().progress.saturating_sub(before);
        if done >= bytes.len() {
            return Ok(());
        }
        match machine.write(description, &bytes[done..]) {
            Ok(written) => machine.task_mut().progress = before + done + written,
            Err(Errno::Again) => return machine.wait_for(|machine| machine.writers_of(description)),
            Err(Errno::BrokenPipe) => {
                let pid = machine.current.pid;
                machine.signal(pid, crate::os::Signal::Pipe);
                return Err(machine.unless_ended(Errno::BrokenPipe.into()));
            }
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn read(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (description, _) = description(call, machine, 1)?;
    let what = wanted(call, 2)?;
    let bytes_max = call.optional(3, Call::integer)?.unwrap_or(i64::MAX);
    let bytes_max = usize::try_from(bytes_max).unwrap_or(0).clamp(1, GATHERED_BYTES_MAX);
    read_from(call, machine, description, what, bytes_max)
}

fn write(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (description, _) = description(call, machine, 1)?;
    write_to(call, machine, description, 2..=call.arguments())?;
    Ok(call.give_again(1))
}

/// An iterator is a function, a state and a control: what reads a line, and the handle.
fn lines(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    description(call, machine, 1)?;
    let reader = match wanted(call, 2)? {
        (Wanted::Line, false) => LINE,
        (Wanted::Line, true) => NUMBER,
        (Wanted::WholeLine, _) => WHOLE_LINE,
        _ => return Err(Stop::raise("lines are \"l\", \"L\" or \"n\": read the rest with a loop")),
    };
    Ok(call.give_function(&reader) + call.give_again(1))
}

/// Reads the next line for `for line in handle:lines() do`, whose second argument is the line before.
const LINE: Function<Machine> =
    Function::new(c"line", |call, machine| next_line(call, machine, (Wanted::Line, false)));
const NUMBER: Function<Machine> =
    Function::new(c"line", |call, machine| next_line(call, machine, (Wanted::Line, true)));
const WHOLE_LINE: Function<Machine> =
    Function::new(c"line", |call, machine| next_line(call, machine, (Wanted::WholeLine, false)));

fn next_line(call: &mut Call<'_>, machine: &mut Machine, wanted: (Wanted, bool)) -> Result<u32, Stop> {
    let (description, _) = description(call, machine, 1)?;
    read_from(call, machine, description, wanted, GATHERED_BYTES_MAX)
}

fn seek(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (description, _) = description(call, machine, 1)?;
    let (whence, distance) = match call.kind(2) {
        Kind::Number => (Whence::Current, 2),
        _ => (
            match call.optional(2, Call::bytes)?.unwrap_or(b"cur") {
                b"set" => Whence::Start,
                b"cur" => Whence::Current,
                b"end" => Whence::End,
                _ => return Err(Stop::raise("seek from where? \"set\", \"cur\" or \"end\"")),
            },
            3,
        ),
    };
    let distance = call.optional(distance, Call::integer)?.unwrap_or(0);
    let offset = machine.seek(description, whence, distance)?;
    Ok(call.give(offset))
}

fn flush(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    description(call, machine, 1)?;
    Ok(call.give_again(1))
}

/// From now on reading and writing wait so long at most; for ever if nothing is said.
fn set_timeout(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (description, _) = description(call, machine, 1)?;
    let timeout = call.optional(2, options::seconds)?;
    if let Some(open) = machine.open.get_mut(description) {
        open.timeout = timeout;
    }
    Ok(call.give_again(1))
}

fn close(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    close_as(call, machine, HANDLE)
}

/// Closes what an object of this kind stands for.
pub(super) fn close_as(call: &mut Call<'_>, machine: &mut Machine, tag: u8) -> Result<u32, Stop> {
    let (_, number) = description_of(call, machine, 1, tag)?;
    // What it was is nothing from now on, also for the collector.
    if !Owner::of(call.object(1, tag)?).is_anybody() {
        call.set_object(1, tag, CLOSED);
    }
    machine.close(machine.current.pid, number)?;
    Ok(call.give(true))
}

fn truncate(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (description, _) = description(call, machine, 1)?;
    let length = call.integer(2)?;
    machine.truncate_open(description, u64::try_from(length).map_err(|_| Errno::Invalid)?)?;
    Ok(call.give(true))
}
