//! What becomes of processes.

use crate::Errno;
use crate::api::{handle, options};
use crate::luau::{Call, Stop};
use crate::machine::{Machine, Object};
use crate::os::{Exit, Pid, ProcessState};

pub(super) fn exit(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let code = match call.kind(1) {
        crate::luau::Kind::Boolean => i64::from(!call.truth(1)),
        _ => call.optional(1, Call::integer)?.unwrap_or(0),
    };
    machine.end(machine.current.pid, Exit::Code(code as u8));
    Err(Stop::End)
}

/// The number of a process, as a script says it.
pub(super) fn pid_of(call: &Call<'_>, place: u32) -> Result<Pid, Stop> {
    u32::try_from(call.integer(place)?).map(Pid).map_err(|_| Errno::NoProcess.into())
}

pub(super) fn wait(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let wanted = call.optional(1, pid_of)?;
    let timeout = options::timeout(call, 2)?;
    let never = options::flag(call, 2, c"nohang");
    machine.begin_wait(call, timeout)?;
    let pid = machine.current.pid;
    match machine.reap(pid, wanted) {
        Ok(status) => {
            let signal = status.exit.signal().map(crate::os::Signal::name);
            Ok(call.give((status.pid.0, status.exit.code(), signal)))
        }
        Err(Errno::Again) if never => Ok(call.give(0)),
        Err(Errno::Again) => machine.wait_for(|machine| Some(&mut machine.table.get_mut(pid)?.for_children)),
        Err(errno) => Err(errno.into()),
    }
}

pub(super) fn process_status(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let pid = pid_of(call, 1)?;
    machine.begin_poll_of(call, pid)?;
    machine.relay_seen(pid, |relay, has_ended| relay.knows_end = Some(has_ended));
    let status = match machine.table.get(pid).map(|process| process.state) {
        None => "not_found",
        Some(ProcessState::Ended(_)) => "finished",
        Some(_) => "running",
    };
    Ok(call.give(status))
}

pub(super) fn processes(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let pids: Vec<u32> = crate::os::Views::pids(&machine.table);
    call.give_table(pids.len() as u32, 0);
    for (number, pid) in (1..).zip(pids) {
        let Some(facts) = crate::os::Views::process(&machine.table, pid) else { continue };
        call.give_table(0, 14);
        call.set(c"pid", facts.pid);
        call.set(c"ppid", facts.ppid);
        call.set(c"pgid", facts.pgid);
        call.set(c"uid", facts.uid);
        call.set(c"gid", facts.gid);
        call.set(c"user", &machine.user_name(facts.uid));
        call.set(c"name", &facts.name);
        call.give_table(facts.args.len() as u32, 0);
        for (number, argument) in (1..).zip(&facts.args) {
            call.push(number, argument);
        }
        call.set_given(c"args");
        call.set(c"state", facts.state.encode_utf8(&mut [0; 4]) as &str);
        call.set(c"memory", facts.memory_bytes);
        call.set(c"cpu", facts.cpu.as_nanos() as f64 / 1e9);
        call.set(c"started", facts.started.as_nanos() as f64 / 1e9);
        call.set(c"nice", i32::from(facts.nice));
        call.set(c"tty", facts.tty.map(|number| format!("pts/{number}")).as_ref());
        call.push_given(number);
    }
    Ok(1)
}

/// The streams of a child that has some of its own.
fn relay(machine: &Machine, pid: Pid) -> Result<(u32, u32), Errno> {
    let process = machine.table.get(pid).ok_or(Errno::NoProcess)?;
    let own = machine.process();
    if process.parent != own.pid && !process.may_be_signaled_by(&own.who) {
        return Err(Errno::NotPermitted);
    }
    let relay = process.relay.as_ref().ok_or(Errno::NotSupported)?;
    Ok((relay.input, relay.output))
}

/// Sends a line to a child.
pub(super) fn write_stdin(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let pid = pid_of(call, 1)?;
    let (input, _) = relay(machine, pid)?;
    let line = call.bytes(2)?;
    machine.begin_wait(call, None)?;
    let end: &[u8] = if line.ends_with(b"\n") { b"" } else { b"\n" };
    handle::write_bytes(machine, input, &[line, end].concat(), 0)?;
    Ok(call.give(true))
}

/// What a child has written so far.
pub(super) fn read_stdout(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let pid = pid_of(call, 1)?;
    machine.begin_poll_of(call, pid)?;
    let Ok((_, output)) = relay(machine, pid) else { return Ok(call.give(())) };
    let Some(Object::Tail { tail, .. }) = machine.open.get(output).map(|open| &open.object) else {
        return Ok(call.give(()));
    };
    let (written, end) = (tail.bytes_from(tail.begin(), usize::MAX), tail.end());
    if machine.process().pid == machine.table.get(pid).map_or(Pid::INIT, |child| child.parent) {
        machine.relay_seen(pid, |relay, _| relay.seen = Some(end));
    }
    Ok(call.give(&written))
}

pub(super) fn display_name(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let pid = pid_of(call, 1)?;
    let name = machine.table.get(pid).map(|process| process.name().to_vec());
    Ok(call.give(name.as_ref()))
}
