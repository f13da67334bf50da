//! [`Journal`]: writes down what enters a fabric, and [`Crossing`]: what that is.

use std::net::SocketAddr;

use ironloom_core::borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::{Instant, MachineId};

use super::world::World;
use crate::fabric::StationId;
use crate::{Fabric, Frame, Payload, SocketId};

/// Something that entered a fabric from outside, or was asked of it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(crate = "ironloom_core::borsh")]
pub enum Crossing {
    /// A frame came in through a door.
    Frame {
        /// Which door of the fabric.
        port: StationId,
        /// The frame.
        frame: Frame,
    },
    /// A machine began a connection.
    Connect {
        /// Which machine.
        machine: MachineId,
        /// To where.
        remote: SocketAddr,
    },
    /// Bytes were given to a connection.
    Send {
        /// Which machine.
        machine: MachineId,
        /// Which of its sockets.
        socket: SocketId,
        /// The bytes.
        payload: Payload,
    },
    /// Bytes were taken from a connection, which makes room for others.
    Receive {
        /// Which machine.
        machine: MachineId,
        /// Which of its sockets.
        socket: SocketId,
        /// How many bytes at most.
        bytes_max: usize,
    },
    /// A connection was told that nothing more is sent.
    Finish {
        /// Which machine.
        machine: MachineId,
        /// Which of its sockets.
        socket: SocketId,
    },
    /// A socket was closed.
    Close {
        /// Which machine.
        machine: MachineId,
        /// Which of its sockets.
        socket: SocketId,
    },
    /// A connection was broken off.
    Abort {
        /// Which machine.
        machine: MachineId,
        /// Which of its sockets.
        socket: SocketId,
    },
    /// A UDP socket was opened.
    Bind {
        /// Which machine.
        machine: MachineId,
        /// Its end.
        local: SocketAddr,
    },
    /// A datagram was sent.
    SendTo {
        /// Which machine.
        machine: MachineId,
        /// Which of its sockets.
        socket: SocketId,
        /// To where.
        remote: SocketAddr,
        /// Its bytes.
        payload: Payload,
    },
    /// A datagram was taken from a socket.
    ReceiveFrom {
        /// Which machine.
        machine: MachineId,
        /// Which of its sockets.
        socket: SocketId,
    },
}

impl Crossing {
    /// Does again what was written down, after everything that is due at `at` or before; whether what it is about is
    /// there.
    pub fn apply(self, at: Instant, fabric: &mut Fabric) -> bool {
        fabric.run_until(at);
        let mut world = World { fabric, journal: None };
        match self {
            Self::Frame { port, frame } => world.inject(port, frame).is_ok(),
            Self::Connect { machine, remote } => world.connect(machine, remote).is_ok(),
            Self::Send { machine, socket, payload } => world.send(machine, socket, &payload).is_ok(),
            Self::Receive { machine, socket, bytes_max } => world.receive(machine, socket, bytes_max).is_ok(),
            Self::Finish { machine, socket } => world.finish(machine, socket),
            Self::Close { machine, socket } => world.close(machine, socket),
            Self::Abort { machine, socket } => world.abort(machine, socket),
            Self::Bind { machine, local } => world.bind(machine, local).is_ok(),
            Self::SendTo { machine, socket, remote, payload } => {
                world.send_to(machine, socket, &payload, remote).is_ok()
            }
            Self::ReceiveFrom { machine, socket } => world.receive_from(machine, socket).is_ok(),
        }
    }
}

/// Writes down what enters a fabric.
pub trait Journal: Send {
    /// Takes notice of something that enters at an instant, before it does.
    fn record(&mut self, at: Instant, crossing: &Crossing);
}

/// Keeps everything in memory, for tests.
impl Journal for std::sync::Arc<parking_lot::Mutex<Vec<(Instant, Crossing)>>> {
    fn record(&mut self, at: Instant, crossing: &Crossing) {
        self.lock().push((at, crossing.clone()));
    }
}
