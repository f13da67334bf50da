//! [`Guest`]: somebody who came in, and where it was led.

use std::net::SocketAddr;

use ironloom_core::{Instant, MachineId};
use ironloom_net::Payload;
use ironloom_net::door::{Far, GatewaySocket, Gone, Inside};

use super::admission::Pass;
use super::command::CommandEnd;
use crate::node::Paced;

/// Somebody who came in, and where it was led.
pub(super) struct Guest {
    pub(super) end: End,
    pub(super) peer: Option<SocketAddr>,
    /// When it came, by the node's clock.
    pub(super) at: Instant,
    /// It counts until it is gone.
    pub(super) _pass: Pass,
}

/// The other half of a connection.
pub(super) enum End {
    Port { socket: GatewaySocket, machine: MachineId },
    Command(CommandEnd),
}

impl Guest {
    /// Whether it was led to a process that has ended.
    pub(super) const fn has_ended(&self) -> bool {
        matches!(&self.end, End::Command(command) if command.has_ended())
    }
}

impl Far<Inside<'_, Paced>> for Guest {
    fn send(&mut self, inside: &mut Inside<'_, Paced>, payload: &Payload) -> Result<usize, Gone> {
        match &mut self.end {
            End::Port { socket, .. } => socket.send(&mut inside.world(), payload),
            End::Command(command) => command.send(inside.driven.hold(), payload),
        }
    }

    fn receive(&mut self, inside: &mut Inside<'_, Paced>, bytes_max: usize) -> Result<Option<Payload>, Gone> {
        match &mut self.end {
            End::Port { socket, .. } => socket.receive(&mut inside.world(), bytes_max),
            End::Command(command) => command.receive(inside.driven.hold(), bytes_max),
        }
    }

    fn finish(&mut self, inside: &mut Inside<'_, Paced>) {
        match &mut self.end {
            End::Port { socket, .. } => socket.finish(&mut inside.world()),
            End::Command(command) => command.finish(inside.driven.hold()),
        }
    }

    fn listens_no_more(&mut self, _: &mut Inside<'_, Paced>) -> bool {
        match &mut self.end {
            End::Port { .. } => false,
            End::Command(command) => command.listens_no_more(),
        }
    }

    fn close(&mut self, inside: &mut Inside<'_, Paced>) {
        match &mut self.end {
            End::Port { socket, .. } => socket.close(&mut inside.world()),
            End::Command(command) => command.close(inside.driven.hold()),
        }
    }

    fn abort(&mut self, inside: &mut Inside<'_, Paced>) {
        match &mut self.end {
            End::Port { socket, .. } => socket.abort(&mut inside.world()),
            End::Command(command) => command.abort(inside.driven.hold()),
        }
    }
}
