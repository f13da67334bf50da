//! `net`: sockets.

mod address;
mod datagrams;
mod lists;
mod messages;
mod names;
mod ping;
mod streams;

use crate::luau::{Call, Function, Stop};
use crate::machine::Machine;

pub(super) use datagrams::{CONVERSATION_METHODS, DATAGRAM_METHODS};
pub(super) use streams::{LISTENER_METHODS, finish, local_address, peer};

/// Host objects for listeners.
pub(crate) const LISTENER: u8 = 2;
/// Host objects for UDP sockets.
pub(crate) const DATAGRAMS: u8 = 3;
/// Host objects for UDP sockets that talk with one other.
pub(crate) const CONVERSATION: u8 = 4;

pub(super) const FUNCTIONS: &[Function<Machine>] = &[
    Function::new(c"ip", ip),
    Function::new(c"interfaces", lists::interfaces),
    Function::new(c"sockets", lists::sockets),
    Function::new(c"routes", lists::routes),
    Function::new(c"neighbours", lists::neighbours),
    Function::new(c"listen", messages::listen),
    Function::new(c"recv", messages::receive),
    Function::new(c"try_recv", messages::try_receive),
    Function::new(c"send", messages::send),
    Function::new(c"connect", datagrams::connect),
    Function::new(c"udp", datagrams::open),
    Function::new(c"tcp_listen", streams::listen),
    Function::new(c"accept", streams::accept),
    Function::new(c"tcp_connect", streams::connect),
    Function::new(c"ping", ping::ping),
    Function::new(c"dns_question", names::question),
    Function::new(c"dns_answer", names::answer),
];

/// The machine's address.
fn ip(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let address = machine.address();
    Ok(call.give(address.map(|address| address.to_string()).as_ref()))
}
