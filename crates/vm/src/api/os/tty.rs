//! Consoles, as programs see them.

use crate::Errno;
use crate::api::{HANDLE, handle, options};
use crate::luau::{Call, Kind, Stop};
use crate::machine::{Machine, Object};
use crate::os::Pid;

/// Whether a handle is a console; standard input if there is none.
pub(super) fn isatty(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let description = if call.object_tag(1) == Some(HANDLE) {
        Some(handle::description(call, machine, 1)?.0)
    } else {
        let number = call.optional(1, Call::integer)?.unwrap_or(0) as u32;
        machine.description_of(machine.current.pid, number)
    };
    let is_console = description.is_some_and(|description| {
        machine.open.get(description).is_some_and(|open| matches!(open.object, Object::Console(_)))
    });
    Ok(call.give(is_console))
}

/// Changes the console of the process, and says what it is like.
pub(super) fn tty(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let number = machine.process().console.ok_or(Errno::NotATerminal)?;
    if call.kind(1) == Kind::Table {
        change(call, machine, number)?;
    }
    let entry = machine.consoles.get(number).ok_or(Errno::NotATerminal)?;
    let (mode, size, foreground) = (entry.console.mode(), entry.console.size(), entry.console.foreground());
    call.give_table(0, 5);
    call.set(c"raw", mode.raw);
    call.set(c"echo", mode.echo);
    call.set(c"rows", size.rows);
    call.set(c"columns", size.columns);
    call.set(c"foreground", foreground);
    Ok(1)
}

fn change(call: &mut Call<'_>, machine: &mut Machine, number: u32) -> Result<(), Stop> {
    let foreground = options::number(call, 1, c"foreground")?.map(|group| Pid(group as u32));
    if let Some(group) = foreground
        && !machine.processes().any(|process| process.group == group && process.console == Some(number))
    {
        return Err(Errno::NotPermitted.into());
    }
    let mut said = |name| {
        let place = call.field(1, name);
        (!call.is_nil(place)).then(|| call.truth(place))
    };
    let (raw, echo) = (said(c"raw"), said(c"echo"));
    let entry = machine.consoles.get_mut(number).ok_or(Errno::NotATerminal)?;
    let mut mode = entry.console.mode();
    mode.raw = raw.unwrap_or(mode.raw);
    mode.echo = echo.unwrap_or(mode.echo);
    let ready = entry.console.set_mode(mode);
    machine.console_ready(number, ready);
    if let Some(group) = foreground {
        machine.bring_forward(number, group);
    }
    Ok(())
}

/// For scripts of older engines: input goes to a child, or back to this process.
pub(super) fn set_foreground_pid(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let group = match call.kind(1) {
        Kind::Nil => machine.process().group,
        _ => {
            let pid = super::processes::pid_of(call, 1)?;
            machine.table.get(pid).ok_or(Errno::NoProcess)?.group
        }
    };
    if let Some(console) = machine.process().console {
        machine.bring_forward(console, group);
    }
    Ok(0)
}

/// For scripts of older engines, which told their terminal so.
pub(super) fn prompt_ready(_: &mut Call<'_>, _: &mut Machine) -> Result<u32, Stop> {
    Ok(0)
}
