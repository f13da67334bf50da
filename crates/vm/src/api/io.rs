//! `io`, and `print`.

use crate::luau::{Call, Function, Stop};
use crate::machine::{GATHERED_BYTES_MAX, Machine, Polled, Wanted};

use super::handle;

pub(super) const FUNCTIONS: &[Function<Machine>] =
    &[Function::new(c"open", super::fs::open), Function::new(c"read", read), Function::new(c"write", write)];

/// What `print` is made of.
pub(super) const WRITE: Function<Machine> = Function::new(c"write", write);

/// The description of a standard stream of the process that runs.
fn standard(machine: &Machine, number: u32) -> Result<u32, Stop> {
    machine.description_of(machine.current.pid, number).ok_or(Stop::Fail(crate::Errno::BadHandle))
}

fn read(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let description = standard(machine, 0)?;
    let what = handle::wanted(call, 1)?;
    if what == (Wanted::Line, false) && machine.is_at_end(description) {
        machine.begin_poll_at_end(call)?;
        return Ok(call.give(()));
    }
    let read = handle::read_from(call, machine, description, what, GATHERED_BYTES_MAX);
    machine.unless_news(call, Polled::Input, read)
}

fn write(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let description = standard(machine, 1)?;
    handle::write_to(call, machine, description, 1..=call.arguments())?;
    Ok(call.give(true))
}
