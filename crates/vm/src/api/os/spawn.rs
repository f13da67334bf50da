//! Starting processes.

use crate::Errno;
use crate::api::{HANDLE, handle, options};
use crate::luau::{Call, Kind, Stop};
use crate::machine::{Invoked, Machine, Object, Streams, caller_of};
use crate::os::{Access, Credentials, Device, Environment, Pid};

pub(super) fn spawn(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let name = call.bytes(1)?;
    let path = find(machine, name)?;
    start(call, machine, path)
}

pub(super) fn spawn_path(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let path = call.bytes(1)?.to_vec();
    start(call, machine, path)
}

/// `os.spawn` that gives nothing.
pub(super) fn exec(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    spawn(call, machine)?;
    Ok(0)
}

/// Where programs are if the environment does not say.
const PATH: &[u8] = b"/bin:/usr/bin";

/// The file of a program: the name itself if it has a slash, else the first of that name on `PATH`.
fn find(machine: &Machine, name: &[u8]) -> Result<Vec<u8>, Errno> {
    if name.contains(&b'/') || name.is_empty() {
        return Ok(name.to_vec());
    }
    let caller = caller_of(&machine.table, machine.current.pid);
    let path = machine.process().environment.value(b"PATH").unwrap_or(PATH);
    let mut outcome = Errno::NotFound;
    for directory in path.split(|byte| *byte == b':').take(64) {
        let file = [directory, b"/", name].concat();
        match machine.files.access(&caller, &file, Access::EXECUTE) {
            Ok(()) => return Ok(file),
            Err(Errno::Access) => outcome = Errno::Access,
            Err(_) => {}
        }
    }
    Err(outcome)
}

/// Ends of pipes that go to the parent, with the handles that it gets.
#[derive(Default)]
struct Connected {
    streams: [Option<u32>; 3],
    ends: Vec<u32>,
}

fn start(call: &mut Call<'_>, machine: &mut Machine, path: Vec<u8>) -> Result<u32, Stop> {
    let mut invoked = invoked(call, machine, path)?;
    invoked.group = group(call, machine)?;
    let pid = machine.current.pid;
    let says_streams = says_streams(call);
    let connected = if says_streams { connect(call, machine)? } else { Connected::default() };
    invoked.streams = if says_streams {
        Streams::Given(connected.streams)
    } else {
        // Scripts of older engines write a program and start it.
        invoked.is_readable_enough = true;
        Streams::Relay { forward: options::flag(call, 3, c"forward_stdout") }
    };
    let started = machine.start(pid, invoked);
    // What the child did not take is nobody's now.
    for stream in connected.streams.into_iter().flatten() {
        machine.release_unused(stream);
    }
    let child = match started {
        Ok(child) => child,
        Err(errno) => {
            connected.ends.into_iter().for_each(|end| machine.release_unused(end));
            return Err(errno.into());
        }
    };
    let mut given = call.give(child.0);
    for end in connected.ends {
        given += handle::give(call, machine, end)?;
    }
    Ok(given)
}

/// What a call says: a path that is known, arguments, and options.
fn invoked(call: &mut Call<'_>, machine: &Machine, path: Vec<u8>) -> Result<Invoked, Stop> {
    let mut invoked = Invoked { path, ..Invoked::default() };
    for item in 1..=call.length(2) {
        let place = call.item(2, item);
        invoked.arguments.push(call.bytes(place)?.into());
        call.forget_above(place - 1);
    }
    invoked.cwd = directory(call, machine)?;
    invoked.name = options::bytes(call, 3, c"name")?;
    invoked.environment = environment(call)?;
    invoked.who = identity(call, machine)?;
    Ok(invoked)
}

/// Goes on as another program, if that is possible.
pub(super) fn replace(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let path = call.bytes(1)?.to_vec();
    let mut invoked = invoked(call, machine, path)?;
    let connected = if says_streams(call) { connect(call, machine)? } else { Connected::default() };
    invoked.streams = Streams::Given(connected.streams);
    let replaced = match connected.ends.is_empty() {
        true => machine.replace(invoked).map_err(Stop::from),
        false => Err(Stop::raise("nobody is there to take the other end of a pipe")),
    };
    // What was opened for a program that there is not is nobody's.
    for open in connected.streams.into_iter().flatten().chain(connected.ends) {
        machine.release_unused(open);
    }
    replaced?;
    Err(Stop::End)
}

fn directory(call: &mut Call<'_>, machine: &Machine) -> Result<Option<Vec<u8>>, Stop> {
    let Some(path) = options::bytes(call, 3, c"cwd")? else { return Ok(None) };
    Ok(Some(machine.files.chdir(&caller_of(&machine.table, machine.current.pid), &path)?))
}

fn environment(call: &mut Call<'_>) -> Result<Option<Environment>, Stop> {
    let table = call.field(3, c"env");
    if call.kind(table) != Kind::Table {
        return Ok(None);
    }
    let mut environment = Environment::default();
    let mut cursor = 0;
    while let Some((key, value)) = call.entry(table, &mut cursor) {
        if call.kind(key) == Kind::String {
            environment.set(call.bytes(key)?, call.bytes(value)?)?;
        }
        call.forget_above(key - 1);
    }
    Ok(Some(environment))
}

fn group(call: &mut Call<'_>, machine: &Machine) -> Result<Option<Option<Pid>>, Stop> {
    let place = call.field(3, c"group");
    match call.kind(place) {
        Kind::Nil => Ok(None),
        Kind::Boolean => Ok(call.truth(place).then_some(None)),
        _ => {
            let group = Pid(call.integer(place)? as u32);
            let own = machine.process();
            let is_ours = group == own.group
                || machine.processes().any(|process| process.group == group && process.parent == own.pid);
            if is_ours { Ok(Some(Some(group))) } else { Err(Errno::NotPermitted.into()) }
        }
    }
}

fn identity(call: &mut Call<'_>, machine: &Machine) -> Result<Option<Credentials>, Stop> {
    let Some(uid) = options::number(call, 3, c"uid")? else { return Ok(None) };
    if !machine.process().who.is_root() {
        return Err(Errno::NotPermitted.into());
    }
    let gid = options::number(call, 3, c"gid")?.unwrap_or(uid);
    Ok(Some(Credentials::of(uid as u32, gid as u32, [].into())))
}

const STREAMS: [&std::ffi::CStr; 3] = [c"stdin", c"stdout", c"stderr"];

fn says_streams(call: &mut Call<'_>) -> bool {
    STREAMS.iter().any(|name| {
        let place = call.field(3, name);
        !call.is_nil(place)
    })
}

/// Finds out where the streams of a child are to lead.
fn connect(call: &mut Call<'_>, machine: &mut Machine) -> Result<Connected, Stop> {
    let mut connected = Connected::default();
    for (number, name) in STREAMS.into_iter().enumerate() {
        match stream(call, machine, number, name) {
            Ok((stream, end)) => {
                connected.streams[number] = stream;
                connected.ends.extend(end);
            }
            Err(stop) => {
                let streams = connected.streams.into_iter().flatten();
                streams.chain(connected.ends).for_each(|open| machine.release_unused(open));
                return Err(stop);
            }
        }
    }
    Ok(connected)
}

/// Where one stream leads, and the end of it that the parent gets.
fn stream(
    call: &mut Call<'_>,
    machine: &mut Machine,
    number: usize,
    name: &std::ffi::CStr,
) -> Result<(Option<u32>, Option<u32>), Stop> {
    let place = call.field(3, name);
    let inherited = machine.description_of(machine.current.pid, number as u32);
    match call.kind(place) {
        Kind::Nil => Ok((inherited, None)),
        Kind::Object if call.object_tag(place) == Some(HANDLE) => {
            Ok((Some(handle::description(call, machine, place)?.0), None))
        }
        _ => match call.bytes(place)? {
            b"inherit" => Ok((inherited, None)),
            b"null" => Ok((Some(machine.describe(Object::Device(Device::Null))?), None)),
            b"pipe" => {
                let (reader, writer) = machine.describe_pipe()?;
                Ok(if number == 0 { (Some(reader), Some(writer)) } else { (Some(writer), Some(reader)) })
            }
            _ => Err(Stop::raise("a stream is a handle, \"inherit\", \"pipe\" or \"null\"")),
        },
    }
}
