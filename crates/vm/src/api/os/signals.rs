//! Signals.

use crate::Errno;
use crate::luau::{Call, Kind, Stop};
use crate::machine::Machine;
use crate::os::{Disposition, Pid, ProcessState, Signal};

/// A signal by name or number; nothing for 0, which only asks whether a signal could be sent.
fn named(call: &Call<'_>, place: u32) -> Result<Option<Signal>, Stop> {
    let text = call.text(place)?;
    if text == "0" {
        return Ok(None);
    }
    Signal::parse(&text).map(Some).ok_or_else(|| Errno::Invalid.into())
}

pub(super) fn kill(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let target = call.integer(1)?;
    // Who stopped itself goes on here.
    let _ = machine.begin_wait(call, None);
    if call.is_again() {
        return Ok(call.give(true));
    }
    let signal = if call.is_nil(2) { Some(Signal::Terminate) } else { named(call, 2)? };
    let who = machine.process().who.clone();
    let number = u32::try_from(target.unsigned_abs()).map_err(|_| Errno::NoProcess)?;
    if target < 0 {
        machine.kill_group(&who, Pid(number), signal)?;
    } else if target == 0 {
        let group = machine.process().group;
        machine.kill_group(&who, group, signal)?;
    } else {
        machine.kill(&who, Pid(number), signal)?;
    }
    match machine.table.get(machine.current.pid).map(|process| process.state) {
        Some(ProcessState::Running) => Ok(call.give(true)),
        Some(ProcessState::Stopped) => machine.hold(),
        _ => Err(Stop::End),
    }
}

pub(super) fn signal(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let signal = named(call, 1)?.ok_or(Errno::Invalid)?;
    let disposition = match call.kind(2) {
        Kind::Function => Disposition::Handle,
        _ => match call.bytes(2)? {
            b"ignore" => Disposition::Ignore,
            b"default" => Disposition::Default,
            _ => return Err(Stop::raise("a signal is handled by a function, \"ignore\" or \"default\"")),
        },
    };
    machine.process_mut().dispositions.set(signal, disposition)?;
    let handlers = &mut machine.process_mut().handlers;
    let before = handlers.iter().position(|(handled, _)| *handled == signal);
    let before = before.map(|place| handlers.swap_remove(place).1);
    if disposition == Disposition::Handle {
        let kept = call.keep(2);
        machine.process_mut().handlers.push((signal, kept));
    }
    machine.work.kept.extend(before);
    Ok(call.give(true))
}

/// For scripts of older engines: ends a process, and the rest is its business.
pub(super) fn request_kill(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let who = machine.process().who.clone();
    let pid = super::processes::pid_of(call, 1)?;
    machine.kill(&who, pid, Some(Signal::Terminate))?;
    if machine.is_running() { Ok(call.give(true)) } else { Err(Stop::End) }
}
