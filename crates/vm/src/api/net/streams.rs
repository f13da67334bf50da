//! TCP.

use std::net::SocketAddr;

use super::LISTENER;
use super::address::{local, own_port, remote};
use crate::Errno;
use crate::api::{handle, options};
use crate::luau::{Call, Function, Stop};
use crate::machine::{CLOSED, Machine, Object, bind_errno, connect_errno, socket_errno};

pub(in crate::api) const LISTENER_METHODS: &[Function<Machine>] =
    &[Function::new(c"accept", accept), Function::new(c"port", port), Function::new(c"close", close)];

/// How many connections wait to be accepted, if nothing is said.
const BACKLOG: u32 = 128;

pub(super) fn listen(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    machine.begin_wait(call, None)?;
    let port = own_port(call, machine, 1)?;
    let address = local(call, 2, port)?;
    let backlog =
        options::number(call, 2, c"backlog")?.map_or(BACKLOG, |number| number.clamp(1.0, 4096.0) as u32);
    let socket = machine.host()?.listen(address, backlog).map_err(|error| bind_errno(&error))?;
    let description = machine.describe(Object::Listener(socket))?;
    let number = machine.descriptor(machine.current.pid, description)?;
    Ok(call.give_object(LISTENER, machine.object_value(number)))
}

pub(super) fn accept(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let description = machine.object_of(call, LISTENER)?;
    let timeout = options::timeout(call, 2)?;
    machine.begin_wait(call, timeout)?;
    let Some(Object::Listener(listener)) = machine.open.get(description).map(|open| &open.object) else {
        return Err(Errno::BadHandle.into());
    };
    let listener = *listener;
    match machine.host()?.accept(listener) {
        Ok(Some((socket, _))) => {
            let stream = machine.describe(Object::Stream(socket))?;
            handle::give(call, machine, stream)
        }
        Ok(None) => machine.wait_for(|machine| machine.readers_of(description)),
        Err(error) => Err(socket_errno(error).into()),
    }
}

fn port(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    machine.begin_wait(call, None)?;
    let description = machine.object_of(call, LISTENER)?;
    let address = machine.local_of(description)?;
    Ok(call.give(address.port()))
}

fn close(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    machine.close_object_of(call, LISTENER)?;
    Ok(call.give(true))
}

/// Connects, and waits until the other side agrees.
pub(super) fn connect(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let timeout = options::timeout(call, 3)?;
    let begun = machine.task_mut().unclaimed;
    let waited = machine.begin_wait(call, timeout);
    let Some(description) = begun.filter(|_| call.is_again()) else {
        waited?;
        let to = remote(call, 1)?;
        let socket = machine.host()?.connect(to).map_err(|error| connect_errno(&error))?;
        let description = machine.describe(Object::Stream(socket))?;
        machine.task_mut().unclaimed = Some(description);
        return machine.wait_for(|machine| machine.writers_of(description));
    };
    machine.task_mut().unclaimed = None;
    let outcome = waited.map_err(Stop::from).and_then(|()| {
        let Some(Object::Stream(socket)) = machine.open.get(description).map(|open| &open.object) else {
            return Err(Errno::BadHandle.into());
        };
        let socket = *socket;
        match machine.host()?.stack().error(socket) {
            Ok(None) => Ok(()),
            Ok(Some(error)) | Err(error) => Err(Stop::from(socket_errno(error))),
        }
    });
    match outcome {
        Ok(()) => handle::give(call, machine, description),
        Err(stop) => {
            machine.release_unused(description);
            Err(stop)
        }
    }
}

/// Gives the address and port at one end of a stream.
fn give_end(
    call: &mut Call<'_>,
    machine: &mut Machine,
    end: fn(&mut Machine, u32) -> Result<SocketAddr, Stop>,
) -> Result<u32, Stop> {
    machine.begin_wait(call, None)?;
    let (description, _) = handle::description(call, machine, 1)?;
    let address = end(machine, description)?;
    Ok(call.give((&address.ip().to_string(), address.port())))
}

pub(in crate::api) fn peer(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    give_end(call, machine, Machine::remote_of)
}

pub(in crate::api) fn local_address(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    give_end(call, machine, Machine::local_of)
}

/// Ends what is sent; what the other side sends is still heard. The same for the end of a pipe closes it.
pub(in crate::api) fn finish(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    machine.begin_wait(call, None)?;
    let (description, _) = handle::description(call, machine, 1)?;
    let Some(Object::Stream(socket)) = machine.open.get(description).map(|open| &open.object) else {
        return Err(Errno::NotConnected.into());
    };
    let socket = *socket;
    machine.host()?.finish(socket);
    Ok(call.give(true))
}

impl Machine {
    /// The description behind an object of this kind, which is the first argument.
    pub(super) fn object_of(&self, call: &Call<'_>, tag: u8) -> Result<u32, Stop> {
        let value = call.object(1, tag)?;
        let number = self.own_number_of(value);
        let description = number.and_then(|number| self.description_of(self.current.pid, number));
        description.ok_or_else(|| Stop::raise("the socket is closed"))
    }

    /// Closes an object of this kind, which is the first argument.
    pub(super) fn close_object_of(&mut self, call: &mut Call<'_>, tag: u8) -> Result<(), Stop> {
        self.object_of(call, tag)?;
        let number = self.own_number_of(call.object(1, tag)?).ok_or(Errno::BadHandle)?;
        call.set_object(1, tag, CLOSED);
        self.close(self.current.pid, number)?;
        Ok(())
    }
}
