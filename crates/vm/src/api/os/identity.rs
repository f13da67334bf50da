//! Who and where a process is.

use std::sync::Arc;

use crate::Errno;
use crate::luau::{Call, Kind, Stop};
use crate::machine::{Machine, caller_of};

pub(super) fn hostname(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    Ok(call.give(&*machine.table.hostname))
}

pub(super) fn vm_id(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    Ok(call.give(&machine.id.to_string()))
}

pub(super) fn uname(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let facts = crate::os::Views::machine(&machine.table);
    call.give_table(0, 5);
    call.set(c"sysname", &facts.sysname);
    call.set(c"nodename", &facts.hostname);
    call.set(c"release", &facts.release);
    call.set(c"version", &facts.version);
    call.set(c"machine", "luau");
    Ok(1)
}

pub(super) fn pid(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    Ok(call.give(machine.current.pid.0))
}

pub(super) fn ppid(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    Ok(call.give(machine.process().parent.0))
}

pub(super) fn pgid(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    Ok(call.give(machine.process().group.0))
}

pub(super) fn uid(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    Ok(call.give(machine.process().who.uid))
}

pub(super) fn real_uid(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    Ok(call.give(machine.process().who.real_uid))
}

pub(super) fn gid(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    Ok(call.give(machine.process().who.gid))
}

pub(super) fn groups(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let groups = &machine.process().who.groups;
    call.give_table(groups.len() as u32, 0);
    for (number, group) in (1..).zip(groups.iter()) {
        call.push(number, *group);
    }
    Ok(1)
}

pub(super) fn is_root(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    Ok(call.give(machine.process().who.is_root()))
}

/// The number of a user or group.
fn number(call: &Call<'_>, place: u32) -> Result<u32, Stop> {
    u32::try_from(call.integer(place)?).map_err(|_| Errno::Invalid.into())
}

/// Root becomes another user for good; others go between their real and their saved user.
pub(super) fn setuid(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let uid = number(call, 1)?;
    let who = &mut machine.process_mut().who;
    if who.is_root() {
        (who.real_uid, who.uid, who.saved_uid) = (uid, uid, uid);
    } else if uid == who.real_uid || uid == who.saved_uid {
        who.uid = uid;
    } else {
        return Err(Errno::NotPermitted.into());
    }
    Ok(call.give(true))
}

pub(super) fn setgid(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let gid = number(call, 1)?;
    let who = &mut machine.process_mut().who;
    if !who.is_root() && who.gid != gid {
        return Err(Errno::NotPermitted.into());
    }
    who.gid = gid;
    Ok(call.give(true))
}

/// How many groups a process may be in.
const GROUPS_MAX: u32 = 64;

pub(super) fn setgroups(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let length = call.length(1);
    if length > GROUPS_MAX {
        return Err(Errno::Invalid.into());
    }
    let mut groups = Vec::new();
    for item in 1..=length {
        let place = call.item(1, item);
        groups.push(number(call, place)?);
    }
    let who = &mut machine.process_mut().who;
    if !who.is_root() {
        return Err(Errno::NotPermitted.into());
    }
    who.groups = groups.into();
    Ok(call.give(true))
}

pub(super) fn get_args(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let arguments = Arc::clone(&machine.process().invocation.arguments);
    call.give_table(arguments.len() as u32, 0);
    for (number, argument) in (1..).zip(arguments.iter()) {
        call.push(number, &**argument);
    }
    Ok(1)
}

pub(super) fn getenv(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let name = call.bytes(1)?;
    let value = machine.process().environment.value(name);
    Ok(call.give(value))
}

pub(super) fn setenv(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let name = call.bytes(1)?;
    let value = call.optional(2, Call::bytes)?;
    let environment = &mut machine.process_mut().environment;
    match value {
        Some(value) => environment.set(name, value)?,
        None => environment.remove(name),
    }
    Ok(call.give(true))
}

pub(super) fn environ(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let environment = machine.process().environment.clone();
    call.give_table(0, environment.len() as u32);
    for (name, value) in environment.iter() {
        call.set_named(name, value);
    }
    Ok(1)
}

pub(super) fn chdir(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let path = call.bytes(1)?;
    let cwd = machine.files.chdir(&caller_of(&machine.table, machine.current.pid), path)?;
    machine.process_mut().cwd = cwd.into();
    Ok(call.give(true))
}

pub(super) fn get_work_dir(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    Ok(call.give(&*machine.process().cwd))
}

pub(super) fn umask(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let wanted = call.optional(1, Call::integer)?;
    let process = machine.process_mut();
    let before = process.umask;
    if let Some(wanted) = wanted {
        process.umask = (wanted & 0o777) as u16;
    }
    Ok(call.give(before))
}

/// Who is nicer gives way more often; only root becomes less nice.
pub(super) fn nice(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let change = if call.kind(1) == Kind::Nil { 0 } else { call.integer(1)?.clamp(-40, 40) as i8 };
    let process = machine.process_mut();
    if change < 0 && !process.who.is_root() {
        return Err(Errno::NotPermitted.into());
    }
    process.nice = (process.nice + change).clamp(-20, 19);
    Ok(call.give(i32::from(process.nice)))
}

pub(super) fn limits(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let limits = Arc::clone(&machine.limits);
    call.give_table(0, 6);
    call.set(c"processes", limits.processes_max);
    call.set(c"tasks", limits.tasks_max);
    call.set(c"handles", limits.descriptors_max);
    call.set(c"memory", machine.table.memory_bytes);
    call.set(c"source", limits.source_bytes_max);
    call.set(c"cores", machine.table.cores);
    Ok(1)
}
