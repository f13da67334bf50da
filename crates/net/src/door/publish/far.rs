//! [`Far`]: the other half of a connection of the host.

use ironloom_core::MachineId;

use crate::door::world::World;
use crate::{Payload, SocketId};

/// The other half of a connection of the host, in the hands of whoever has the world `W`: what comes from the host is given
/// to it, and what it has to say goes to the host.
pub trait Far<W: ?Sized> {
    /// Gives it bytes; how many there was room for. If not for all, whoever has the connection is to be
    /// [told](super::Splices::far_is_ready) when there is more.
    ///
    /// # Errors
    ///
    /// If it was broken off.
    fn send(&mut self, world: &mut W, payload: &Payload) -> Result<usize, Gone>;

    /// Takes bytes from it: none of them mean that it has finished. If there is nothing yet, whoever has the connection is to
    /// be [told](super::Splices::far_is_ready) when there is.
    ///
    /// # Errors
    ///
    /// If it was broken off.
    fn receive(&mut self, world: &mut W, bytes_max: usize) -> Result<Option<Payload>, Gone>;

    /// Tells it that nothing more is sent.
    fn finish(&mut self, world: &mut W);

    /// Whether it has finished and listens no more, so that the connection is over even if the host goes on.
    fn listens_no_more(&mut self, _: &mut W) -> bool {
        false
    }

    /// Nobody needs it any more: either side has finished, or it was broken off from there.
    fn close(&mut self, world: &mut W);

    /// The host broke the connection off.
    fn abort(&mut self, world: &mut W);
}

/// The other half of a connection was broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

/// A connection of a machine of the fabric as the other half.
#[derive(Debug, Clone, Copy)]
pub struct GatewaySocket {
    /// The machine whose connection it is.
    pub gateway: MachineId,
    /// The connection.
    pub socket: SocketId,
}

impl Far<World<'_>> for GatewaySocket {
    fn send(&mut self, world: &mut World<'_>, payload: &Payload) -> Result<usize, Gone> {
        match world.send(self.gateway, self.socket, payload) {
            Ok(Ok(taken)) => Ok(taken),
            _ => Err(Gone),
        }
    }

    fn receive(&mut self, world: &mut World<'_>, bytes_max: usize) -> Result<Option<Payload>, Gone> {
        match world.receive(self.gateway, self.socket, bytes_max) {
            Ok(Ok(received)) => Ok(received),
            _ => Err(Gone),
        }
    }

    fn finish(&mut self, world: &mut World<'_>) {
        world.finish(self.gateway, self.socket);
    }

    fn close(&mut self, world: &mut World<'_>) {
        world.close(self.gateway, self.socket);
    }

    fn abort(&mut self, world: &mut World<'_>) {
        world.abort(self.gateway, self.socket);
    }
}
