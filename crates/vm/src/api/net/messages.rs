//! Messages: datagrams for the ports of a process, without a socket that the script would have to hold.

use std::net::SocketAddr;

use ironloom_net::SocketId;

use super::address::{own_port, remote};
use crate::Errno;
use crate::api::options;
use crate::luau::{Call, Stop};
use crate::machine::{Machine, Polled, bind_errno, socket_errno};
use crate::os::waiters::Waiters;

/// How many ports a process may receive messages on.
const PORTS_MAX: usize = 64;

/// Lets messages for a port come to this process.
pub(super) fn listen(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    machine.begin_wait(call, None)?;
    let port = own_port(call, machine, 1)?;
    let messages = &machine.process().messages;
    if messages.iter().any(|(known, _)| *known == port && port != 0) {
        return Ok(call.give(true));
    }
    if messages.len() >= PORTS_MAX {
        return Err(Errno::ProcessFiles.into());
    }
    let socket = bind(machine, port)?;
    machine.process_mut().messages.push((port, socket));
    Ok(call.give(true))
}

fn bind(machine: &mut Machine, port: u16) -> Result<SocketId, Stop> {
    let any = ([0, 0, 0, 0], port).into();
    Ok(machine.host()?.bind_udp(any).map_err(|error| bind_errno(&error))?)
}

/// A message as scripts see it.
pub(super) fn give(call: &mut Call<'_>, data: &[u8], from: SocketAddr, port: u16) -> u32 {
    call.give_table(0, 4);
    call.set(c"src_ip", &from.ip().to_string());
    call.set(c"src_port", from.port());
    call.set(c"dst_port", port);
    call.set(c"data", data);
    1
}

pub(super) fn receive(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let timeout = options::timeout(call, 1)?;
    machine.begin_wait(call, timeout)?;
    if let Some(given) = next(call, machine)? {
        return Ok(given);
    }
    let sockets: Vec<SocketId> = machine.process().messages.iter().map(|(_, socket)| *socket).collect();
    let waiter = machine.park();
    for socket in sockets {
        machine.socket_readers(socket).add(waiter);
    }
    match timeout {
        None => machine.unless_news(call, Polled::Messages, Err(Stop::Wait)),
        Some(_) => Err(Stop::Wait),
    }
}

pub(super) fn try_receive(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    machine.begin_wait(call, None)?;
    match next(call, machine)? {
        Some(given) => Ok(given),
        None => Ok(call.give(())),
    }
}

/// The next message of any port of the process. Who sent it is answered from that port.
fn next(call: &mut Call<'_>, machine: &mut Machine) -> Result<Option<u32>, Stop> {
    let sockets: Vec<SocketId> = machine.process().messages.iter().map(|(_, socket)| *socket).collect();
    for (place, socket) in sockets.into_iter().enumerate() {
        let mut host = machine.host()?;
        let port = host.local(socket).map_err(socket_errno)?.port();
        // What became of a message that was sent is not a message.
        if let Ok(Some((payload, from))) = host.receive_from(socket) {
            let given = give(call, &payload.to_bytes(), from, port);
            // The others have their turn first next time.
            machine.process_mut().messages[place..].rotate_left(1);
            machine.remember_peer(from, socket);
            return Ok(Some(given));
        }
    }
    Ok(None)
}

/// Sends a message: from the port where that address was heard last, else from a port of the process's own.
pub(super) fn send(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    machine.begin_wait(call, None)?;
    let to = remote(call, 1)?;
    let payload = call.bytes(3)?.to_vec().into();
    let known = machine.peer_socket(to);
    let own = machine.process().messages.first().map(|(_, socket)| *socket);
    let socket = match known.or(own) {
        Some(socket) => socket,
        None => {
            let socket = bind(machine, 0)?;
            machine.process_mut().messages.push((0, socket));
            socket
        }
    };
    machine.host()?.send_to(socket, payload, to).map_err(socket_errno)?;
    Ok(call.give(true))
}

impl Machine {
    pub(super) fn socket_readers(&mut self, socket: SocketId) -> &mut Waiters {
        &mut self.sockets.entry(socket).or_default().readers
    }
}
