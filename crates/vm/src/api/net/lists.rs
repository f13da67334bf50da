//! What there is of the network: cards, sockets, routes, neighbours.

use ironloom_net::stack::SocketState;

use crate::luau::{Call, Stop};
use crate::machine::Machine;

/// The network cards.
pub(super) fn interfaces(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let card = match machine.has_card() {
        true => machine.host()?.stack().interface(ironloom_net::Port::new(0)),
        false => None,
    };
    call.give_table(2, 0);
    call.give_table(0, 5);
    call.set(c"name", "lo");
    call.set(c"address", "127.0.0.1/8");
    call.set(c"mtu", 65_536);
    call.set(c"is_up", true);
    call.push_given(1);
    if let Some(card) = card {
        call.give_table(0, 6);
        call.set(c"name", "eth0");
        call.set(c"mac", &card.mac.to_string());
        call.set(c"mtu", card.mtu);
        call.set(c"is_up", true);
        if let Some(address) = card.addresses.first() {
            call.set(c"address", &address.to_string());
        }
        call.set(c"gateway", card.gateway.map(|gateway| gateway.to_string()).as_ref());
        call.push_given(2);
    }
    Ok(1)
}

/// What `ss` calls the state of a socket.
const fn state_name(state: SocketState, is_connected: bool) -> &'static str {
    match state {
        SocketState::Listen => "LISTEN",
        SocketState::SynSent => "SYN-SENT",
        SocketState::SynReceived => "SYN-RECV",
        SocketState::Established => "ESTAB",
        SocketState::FinWait1 => "FIN-WAIT-1",
        SocketState::FinWait2 => "FIN-WAIT-2",
        SocketState::CloseWait => "CLOSE-WAIT",
        SocketState::Closing => "CLOSING",
        SocketState::LastAck => "LAST-ACK",
        SocketState::TimeWait => "TIME-WAIT",
        SocketState::Datagrams if is_connected => "ESTAB",
        SocketState::Closed | SocketState::Datagrams => "UNCONN",
    }
}

/// The sockets of the machine.
pub(super) fn sockets(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let (_, sockets) = machine.list_sockets()?;
    call.give_table(sockets.len() as u32, 0);
    for (number, (facts, holder)) in (1..).zip(&sockets) {
        call.give_table(0, 6);
        let is_tcp = facts.state != SocketState::Datagrams;
        call.set(c"protocol", if is_tcp { "tcp" } else { "udp" });
        call.set(c"state", state_name(facts.state, facts.remote.is_some()));
        call.set(c"local", &facts.local.to_string());
        call.set(c"remote", facts.remote.map(|remote| remote.to_string()).as_ref());
        call.set(c"unread", facts.unread_bytes as f64);
        call.set(c"pid", holder.map(|pid| pid.0));
        call.push_given(number);
    }
    Ok(1)
}

/// The ways that packets may take, the most special first.
pub(super) fn routes(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let routes = machine.routes()?;
    call.give_table(routes.len() as u32, 0);
    for (number, route) in (1..).zip(&routes) {
        call.give_table(0, 4);
        call.set(c"network", &route.network.to_string());
        call.set(c"gateway", route.gateway.map(|gateway| gateway.to_string()).as_ref());
        call.set(c"interface", route.interface);
        call.set(c"source", route.source.map(|source| source.to_string()).as_ref());
        call.push_given(number);
    }
    Ok(1)
}

/// Who is known on the networks of the machine.
pub(super) fn neighbours(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let neighbours = machine.neighbours()?;
    call.give_table(neighbours.len() as u32, 0);
    for (number, neighbour) in (1..).zip(&neighbours) {
        call.give_table(0, 3);
        call.set(c"address", &neighbour.address.to_string());
        call.set(c"mac", &neighbour.mac.to_string());
        call.set(c"interface", neighbour.interface);
        call.push_given(number);
    }
    Ok(1)
}
