//! Hearing of changes.

use crate::Errno;
use crate::api::{WATCHER, handle, options};
use crate::luau::{Call, Function, Stop};
use crate::machine::{Machine, Object};

use super::{LOOKUP_SAFEPOINTS, ask};

/// The methods of watchers.
pub(in crate::api) const METHODS: &[Function<Machine>] =
    &[Function::new(c"next", next), Function::new(c"close", close)];

pub(super) fn watch(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let path = call.bytes(1)?;
    call.spend(LOOKUP_SAFEPOINTS);
    let watch = ask(machine, |files, caller| files.watch(caller, path))?;
    let description = machine.describe(Object::Watch(watch))?;
    handle::give_as(call, machine, description, WATCHER)
}

/// What happened next. Waits until something does.
fn next(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (description, _) = handle::description_of(call, machine, 1, WATCHER)?;
    let timeout = options::timeout(call, 2)?;
    let Some(Object::Watch(watch)) = machine.open.get(description).map(|open| &open.object) else {
        return Err(Errno::BadHandle.into());
    };
    let watch = *watch;
    let waited = machine.begin_wait(call, timeout);
    match machine.files.next_event(watch) {
        Ok(event) => {
            call.give_table(0, 2);
            call.set(c"kind", event.kind.name());
            call.set(c"name", &event.name);
            Ok(1)
        }
        Err(Errno::Again) => {
            waited?;
            machine.wait_for(|machine| machine.readers_of(description))
        }
        Err(errno) => Err(errno.into()),
    }
}

fn close(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    handle::close_as(call, machine, WATCHER)
}
