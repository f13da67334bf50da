//! [`World`]: the fabric as doors see it.

use std::net::SocketAddr;

use ironloom_core::{Instant, MachineId};

use super::journal::{Crossing, Journal};
use crate::fabric::{FabricError, Input, StationId};
use crate::stack::{BindError, ConnectError, SocketError};
use crate::{Fabric, Frame, Host, Payload, SocketId};

/// The fabric as doors see it: all that they may do to it, and all of it is written down.
pub struct World<'a> {
    pub(super) fabric: &'a mut Fabric,
    pub(super) journal: Option<&'a mut (dyn Journal + 'static)>,
}

impl World<'_> {
    /// What time it is in the fabric.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.fabric.now()
    }

    /// Whether a machine is there.
    #[must_use]
    pub fn has(&self, machine: MachineId) -> bool {
        self.fabric.station_of(machine).is_some()
    }

    /// Lets a frame in through a door of the fabric.
    ///
    /// # Errors
    ///
    /// If there is no such door.
    pub fn inject(&mut self, port: StationId, frame: Frame) -> Result<(), FabricError> {
        let now = self.now();
        if let Some(journal) = &mut self.journal {
            journal.record(now, &Crossing::Frame { port, frame: frame.clone() });
        }
        self.fabric.handle(now, Input::Frame { port, frame })
    }

    /// Begins a connection from a machine.
    ///
    /// # Errors
    ///
    /// If the machine is not there; within, as [`Host::connect`].
    pub fn connect(
        &mut self,
        machine: MachineId,
        remote: SocketAddr,
    ) -> Result<Result<SocketId, ConnectError>, FabricError> {
        self.visit(machine, || Crossing::Connect { machine, remote }, |host| host.connect(remote))
    }

    /// Gives bytes to a connection of a machine; how many there was room for.
    ///
    /// # Errors
    ///
    /// If the machine is not there; within, as [`Host::send_payload`].
    pub fn send(
        &mut self,
        machine: MachineId,
        socket: SocketId,
        payload: &Payload,
    ) -> Result<Result<usize, SocketError>, FabricError> {
        let crossing = || Crossing::Send { machine, socket, payload: payload.clone() };
        self.visit(machine, crossing, |host| host.send_payload(socket, payload.clone()))
    }

    /// Takes bytes from a connection of a machine; see [`Host::receive_payload`].
    ///
    /// # Errors
    ///
    /// If the machine is not there; within, as [`Host::receive_payload`].
    pub fn receive(
        &mut self,
        machine: MachineId,
        socket: SocketId,
        bytes_max: usize,
    ) -> Result<Result<Option<Payload>, SocketError>, FabricError> {
        let crossing = || Crossing::Receive { machine, socket, bytes_max };
        self.visit(machine, crossing, |host| host.receive_payload(socket, bytes_max))
    }

    /// Tells a connection of a machine that nothing more is sent; whether the machine is there.
    pub fn finish(&mut self, machine: MachineId, socket: SocketId) -> bool {
        self.visit(machine, || Crossing::Finish { machine, socket }, |host| host.finish(socket)).is_ok()
    }

    /// Closes a socket of a machine; whether the machine is there.
    pub fn close(&mut self, machine: MachineId, socket: SocketId) -> bool {
        self.visit(machine, || Crossing::Close { machine, socket }, |host| host.close(socket)).is_ok()
    }

    /// Breaks off a connection of a machine; whether the machine is there.
    pub fn abort(&mut self, machine: MachineId, socket: SocketId) -> bool {
        self.visit(machine, || Crossing::Abort { machine, socket }, |host| host.abort(socket)).is_ok()
    }

    /// Opens a UDP socket of a machine.
    ///
    /// # Errors
    ///
    /// If the machine is not there; within, as [`Host::bind_udp`].
    pub fn bind(
        &mut self,
        machine: MachineId,
        local: SocketAddr,
    ) -> Result<Result<SocketId, BindError>, FabricError> {
        self.visit(machine, || Crossing::Bind { machine, local }, |host| host.bind_udp(local))
    }

    /// Sends a datagram from a machine.
    ///
    /// # Errors
    ///
    /// If the machine is not there; within, as [`Host::send_to`].
    pub fn send_to(
        &mut self,
        machine: MachineId,
        socket: SocketId,
        payload: &Payload,
        remote: SocketAddr,
    ) -> Result<Result<(), SocketError>, FabricError> {
        let crossing = || Crossing::SendTo { machine, socket, remote, payload: payload.clone() };
        self.visit(machine, crossing, |host| host.send_to(socket, payload.clone(), remote))
    }

    /// Takes a datagram from a socket of a machine.
    ///
    /// # Errors
    ///
    /// If the machine is not there; within, as [`Host::receive_from`].
    pub fn receive_from(
        &mut self,
        machine: MachineId,
        socket: SocketId,
    ) -> Result<Result<Option<(Payload, SocketAddr)>, SocketError>, FabricError> {
        let crossing = || Crossing::ReceiveFrom { machine, socket };
        self.visit(machine, crossing, |host| host.receive_from(socket))
    }

    fn visit<R>(
        &mut self,
        machine: MachineId,
        crossing: impl FnOnce() -> Crossing,
        visit: impl FnOnce(&mut Host<'_>) -> R,
    ) -> Result<R, FabricError> {
        // What entered in this instant before has its effect first, as when it is played again.
        let now = self.now();
        self.fabric.run_until(now);
        if let Some(journal) = &mut self.journal {
            journal.record(now, &crossing());
        }
        self.fabric.host(machine, visit)
    }
}

impl std::fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("now", &self.now()).finish_non_exhaustive()
    }
}
