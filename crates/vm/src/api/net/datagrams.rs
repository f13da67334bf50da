//! UDP: sockets, and conversations with one other.

use super::address::{local, own_port, remote};
use super::{CONVERSATION, DATAGRAMS};
use crate::Errno;
use crate::api::options;
use crate::luau::{Call, Function, Stop};
use crate::machine::{Machine, Object, Polled, bind_errno, connect_errno, socket_errno};

pub(in crate::api) const DATAGRAM_METHODS: &[Function<Machine>] = &[
    Function::new(c"send_to", send_to),
    Function::new(c"recv_from", receive_from),
    Function::new(c"port", port),
    Function::new(c"close", close_datagrams),
];

pub(in crate::api) const CONVERSATION_METHODS: &[Function<Machine>] = &[
    Function::new(c"send", send),
    Function::new(c"recv", receive),
    Function::new(c"try_recv", try_receive),
    Function::new(c"close", close_conversation),
];

pub(super) fn open(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    machine.begin_wait(call, None)?;
    let port = own_port(call, machine, 1)?;
    let address = local(call, 2, port)?;
    let socket = machine.host()?.bind_udp(address).map_err(|error| bind_errno(&error))?;
    give(call, machine, DATAGRAMS, socket)
}

/// A conversation with one other, from a port of its own.
pub(super) fn connect(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    machine.begin_wait(call, None)?;
    let to = remote(call, 1)?;
    let any = ([0, 0, 0, 0], 0).into();
    let mut host = machine.host()?;
    let socket = host.bind_udp(any).map_err(|error| bind_errno(&error))?;
    if let Err(error) = host.connect_udp(socket, to) {
        host.close(socket);
        return Err(connect_errno(&error).into());
    }
    give(call, machine, CONVERSATION, socket)
}

fn give(
    call: &mut Call<'_>,
    machine: &mut Machine,
    tag: u8,
    socket: ironloom_net::SocketId,
) -> Result<u32, Stop> {
    let description = machine.describe(Object::Datagrams(socket))?;
    let number = machine.descriptor(machine.current.pid, description)?;
    Ok(call.give_object(tag, machine.object_value(number)))
}

/// The socket of an object, and its description.
fn socket(call: &Call<'_>, machine: &Machine, tag: u8) -> Result<(ironloom_net::SocketId, u32), Stop> {
    let description = machine.object_of(call, tag)?;
    match machine.open.get(description).map(|open| &open.object) {
        Some(Object::Datagrams(socket)) => Ok((*socket, description)),
        _ => Err(Errno::BadHandle.into()),
    }
}

fn send_to(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    machine.begin_wait(call, None)?;
    let (socket, _) = socket(call, machine, DATAGRAMS)?;
    let to = remote(call, 2)?;
    let payload = call.bytes(4)?.to_vec().into();
    machine.host()?.send_to(socket, payload, to).map_err(socket_errno)?;
    Ok(call.give(true))
}

fn receive_from(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (socket, description) = socket(call, machine, DATAGRAMS)?;
    let timeout = options::timeout(call, 2)?;
    machine.begin_wait(call, timeout)?;
    match machine.host()?.receive_from(socket) {
        Ok(Some((payload, from))) => {
            Ok(call.give((&payload.to_bytes()[..], &from.ip().to_string(), from.port())))
        }
        Ok(None) => machine.wait_for(|machine| machine.readers_of(description)),
        Err(error) => Err(socket_errno(error).into()),
    }
}

fn port(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    machine.begin_wait(call, None)?;
    let (_, description) = socket(call, machine, DATAGRAMS)?;
    let address = machine.local_of(description)?;
    Ok(call.give(address.port()))
}

fn close_datagrams(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    machine.close_object_of(call, DATAGRAMS)?;
    Ok(call.give(true))
}

fn close_conversation(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    machine.close_object_of(call, CONVERSATION)?;
    Ok(call.give(true))
}

fn send(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    machine.begin_wait(call, None)?;
    let (socket, _) = socket(call, machine, CONVERSATION)?;
    let payload = call.bytes(2)?.to_vec().into();
    let mut host = machine.host()?;
    let to = host.stack().remote(socket).map_err(socket_errno)?;
    host.send_to(socket, payload, to).map_err(socket_errno)?;
    Ok(call.give(true))
}

fn receive(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (socket, description) = socket(call, machine, CONVERSATION)?;
    let timeout = options::timeout(call, 2)?;
    machine.begin_wait(call, timeout)?;
    match next(call, machine, socket)? {
        Some(given) => Ok(given),
        None => {
            let waits = machine.wait_for(|machine| machine.readers_of(description));
            if timeout.is_some() { waits } else { machine.unless_news(call, Polled::Messages, waits) }
        }
    }
}

fn try_receive(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    machine.begin_wait(call, None)?;
    let (socket, _) = socket(call, machine, CONVERSATION)?;
    match next(call, machine, socket)? {
        Some(given) => Ok(given),
        None => Ok(call.give(())),
    }
}

fn next(
    call: &mut Call<'_>,
    machine: &mut Machine,
    socket: ironloom_net::SocketId,
) -> Result<Option<u32>, Stop> {
    let mut host = machine.host()?;
    let port = host.local(socket).map_err(socket_errno)?.port();
    match host.receive_from(socket) {
        Ok(Some((payload, from))) => Ok(Some(super::messages::give(call, &payload.to_bytes(), from, port))),
        Ok(None) => Ok(None),
        Err(error) => Err(socket_errno(error).into()),
    }
}
