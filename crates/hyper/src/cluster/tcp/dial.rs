//! A host that is wanted is dialled whenever there is no link to it.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use super::shared::Shared;
use super::table::Claim;
use super::{handshake, link};
use crate::cluster::HostId;
use crate::cluster::link::{LinkError, Refusal, Session};

/// Keeps a link to a host for as long as one is wanted.
pub(super) fn keep(shared: &Arc<Shared>, peer: HostId) {
    let (mut pause, mut has_stood) = (shared.config.redial_first, false);
    while let Some((address, asked)) = next_turn(shared, peer) {
        let dialled = dial(shared, peer, address);
        shared.table.lock().set_dialling(peer, false);
        let ended = dialled.and_then(|(stream, session)| link::run(shared, stream, session));
        let mut table = shared.table.lock();
        if let Err(error) = ended {
            shared.fault(error);
            table.fail(peer, error);
            if !has_stood && is_final(error) && table.asked(peer) == asked {
                table.unwant(peer);
            }
            shared.changed.notify_all();
        } else {
            (pause, has_stood) = (shared.config.redial_first, true);
        }
        let deadline = shared.after(pause);
        while table.is_waiting(peer, asked) && shared.wait(&mut table, deadline) {}
        pause = pause.saturating_mul(2).min(shared.config.redial_max);
        if table.asked(peer) != asked {
            (pause, has_stood) = (shared.config.redial_first, false);
        }
    }
}

/// Waits until there is no link to a host; where it is to be dialled then, if it is still wanted,
/// and how often it was asked for.
fn next_turn(shared: &Shared, peer: HostId) -> Option<(SocketAddr, u64)> {
    let mut table = shared.table.lock();
    loop {
        let address = table.wanted(peer)?;
        if table.is_vacant(peer) {
            table.set_dialling(peer, true);
            return Some((address, table.asked(peer)));
        }
        shared.changed.wait(&mut table);
    }
}

/// Dials a host once; the link to it is taken if there is a session.
fn dial(shared: &Shared, peer: HostId, address: SocketAddr) -> Result<(TcpStream, Session), LinkError> {
    let deadline = shared.after(shared.config.handshake_timeout);
    let stream = TcpStream::connect_timeout(&address, shared.config.handshake_timeout.into())?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(shared.config.handshake_timeout.into()))?;
    let session = handshake::dial(shared, &stream, peer, deadline)?;
    let claim = Claim { peer, run: session.run, is_dialled: true };
    handshake::take(shared, claim, deadline).map_err(|refusal| match refusal {
        Refusal::Crossed => LinkError::Replaced,
        _ => LinkError::Late,
    })?;
    Ok((stream, session))
}

/// Whether it would be no use to dial again.
const fn is_final(error: LinkError) -> bool {
    match error {
        LinkError::Foreign
        | LinkError::Version { .. }
        | LinkError::Unproven
        | LinkError::Reflected
        | LinkError::Machine { .. }
        | LinkError::Misdirected { .. }
        | LinkError::UnknownHost { .. }
        | LinkError::Stale { .. } => true,
        LinkError::Refused(refusal) => !matches!(refusal, Refusal::Crossed | Refusal::Busy),
        _ => false,
    }
}
