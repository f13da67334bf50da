//! `task`: threads inside of a process.

use crate::Errno;
use crate::luau::{Call, Function, Stop};
use crate::machine::{CLOSED, Machine};
use crate::os::TaskId;

use super::{TASK, options};

pub(super) const FUNCTIONS: &[Function<Machine>] = &[
    Function::new(c"spawn", spawn),
    Function::new(c"join", join),
    Function::new(c"cancel", cancel),
    Function::new(c"yield", give_way),
    Function::new(c"sleep", super::os::sleep),
    Function::new(c"wait", super::os::sleep),
];

pub(super) const METHODS: &[Function<Machine>] =
    &[Function::new(c"join", join), Function::new(c"cancel", cancel)];

fn spawn(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    if machine.tasks.len() >= machine.limits().tasks_max {
        return Err(Errno::Again.into());
    }
    let thread = call.thread(1)?;
    let pid = machine.current.pid;
    let id = machine.add_task(pid, thread);
    machine.keep_results(id);
    Ok(call.give_object(TASK, machine.object_value(id.0)))
}

/// The task behind an object.
fn named(call: &Call<'_>, machine: &Machine) -> Result<TaskId, Stop> {
    let id = machine.own_number_of(call.object(1, TASK)?).map(TaskId);
    if let Some(id) = id.filter(|id| machine.is_joinable(machine.current.pid, *id)) {
        return Ok(id);
    }
    Err(Stop::raise("the task was joined or canceled already"))
}

fn join(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let id = named(call, machine)?;
    let timeout = options::timeout(call, 2)?;
    machine.begin_wait(call, timeout)?;
    if !machine.is_over(id) {
        return machine.wait_for(|machine| machine.tasks.get_mut(id.0).map(|task| &mut task.joiners));
    }
    let results = machine.results_of(id).map_or(0, |thread| call.give_results(thread));
    call.set_object(1, TASK, CLOSED);
    machine.forget_joined(id);
    Ok(results)
}

fn cancel(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let id = named(call, machine)?;
    if id == machine.current.task {
        return Err(Stop::raise("a task cannot cancel itself: let its function return"));
    }
    call.set_object(1, TASK, CLOSED);
    machine.cancel(id);
    Ok(call.give(true))
}

/// Lets others run.
fn give_way(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    if call.is_again() {
        return Ok(0);
    }
    machine.begin_wait(call, None)?;
    let waiter = machine.park();
    machine.wake_all(vec![waiter]);
    Err(Stop::Wait)
}
