//! `ping`.

use ironloom_core::Duration;
use ironloom_net::stack::Answer;

use super::address::address;
use crate::Errno;
use crate::api::options;
use crate::luau::{Call, Stop};
use crate::machine::{Machine, Object, bind_errno, socket_errno};

/// How long is waited for an answer, if nothing is said.
const PATIENCE: Duration = Duration::from_secs(1);
/// How much may be sent along.
const SIZE_MAX: f64 = 65_000.0;

/// Asks a machine whether it is there, and waits for the answer.
pub(super) fn ping(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let timeout = options::timeout(call, 2)?.unwrap_or(PATIENCE);
    let begun = machine.task_mut().unclaimed;
    let waited = machine.begin_wait(call, Some(timeout));
    let Some(description) = begun.filter(|_| call.is_again()) else {
        waited?;
        let description = ask(call, machine)?;
        machine.task_mut().unclaimed = Some(description);
        return machine.wait_for(|machine| machine.readers_of(description));
    };
    machine.task_mut().unclaimed = None;
    let given = waited.map_err(Stop::from).and_then(|()| hear(call, machine, description));
    machine.release_unused(description);
    given
}

fn ask(call: &mut Call<'_>, machine: &mut Machine) -> Result<u32, Stop> {
    let to = address(call, 1)?;
    let hops = options::number(call, 2, c"ttl")?.map_or(64, |hops| hops.clamp(1.0, 255.0) as u8);
    let size = options::number(call, 2, c"size")?.map_or(56, |size| size.clamp(0.0, SIZE_MAX) as usize);
    let now = machine.now;
    let mut host = machine.host()?;
    let socket = host.open_echo().map_err(|error| bind_errno(&error))?;
    let sent = host.set_hops(socket, hops).and_then(|()| {
        let mut payload = now.as_nanos().to_be_bytes().to_vec();
        payload.resize(size.max(8), 0);
        host.ping(socket, to, 1, payload.into())
    });
    if let Err(error) = sent {
        host.close(socket);
        return Err(socket_errno(error).into());
    }
    Ok(machine.describe(Object::Datagrams(socket))?)
}

fn hear(call: &mut Call<'_>, machine: &mut Machine, description: u32) -> Result<u32, Stop> {
    let Some(Object::Datagrams(socket)) = machine.open.get(description).map(|open| &open.object) else {
        return Err(Errno::BadHandle.into());
    };
    let socket = *socket;
    let heard = machine.host()?.receive_echo(socket).map_err(socket_errno)?;
    let Some(heard) = heard else { return Err(Errno::TimedOut.into()) };
    call.give_table(0, 4);
    call.set(c"from", &heard.from.to_string());
    match heard.what {
        Answer::Here { payload, hops } => {
            let sent = payload.to_bytes().first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
            let seconds = machine.now.as_nanos().saturating_sub(sent) as f64 / 1e9;
            call.set(c"kind", "reply");
            call.set(c"seconds", seconds);
            call.set(c"ttl", hops);
        }
        Answer::TimeExceeded => call.set(c"kind", "expired"),
        Answer::Unreachable(_) => call.set(c"kind", "unreachable"),
        Answer::TooBig(mtu) => {
            call.set(c"kind", "too big");
            call.set(c"mtu", mtu);
        }
    }
    Ok(1)
}
