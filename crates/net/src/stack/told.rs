//! What others tell about packets that this machine sent, and what sockets hear of it.

use std::net::{IpAddr, SocketAddr};

use ironloom_core::Instant;

use crate::frame::{Quote, Transport, Unreachable};
use crate::{Outbox, Packet, Readiness};

use super::Stack;
use super::counters::DropReason;
use super::echo::{Answer, Heard};
use super::error::SocketError;
use super::key::{Key, Kind};
use super::kinds::Socket;

/// What is told about a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// It could not be delivered.
    Unreachable(Unreachable),
    /// It is too large for a link that carries packets of so many bytes.
    TooBig(u16),
    /// It passed as many routers as it might, or its fragments did not come together.
    TimeExceeded,
}

impl Stack {
    /// Takes an error about a packet, and tells the socket that sent it.
    ///
    /// Anybody can send such a message; it is believed only if it quotes both ends of a socket.
    pub(super) fn take_told(
        &mut self,
        now: Instant,
        from: IpAddr,
        told: Told,
        about: &Quote,
        out: &mut Outbox,
    ) {
        if !self.egress.is_own(about.source) || !self.tell_socket(now, from, told, about, out) {
            self.egress.counters.count(DropReason::StrayError);
        }
    }

    fn tell_socket(
        &mut self,
        now: Instant,
        from: IpAddr,
        told: Told,
        about: &Quote,
        out: &mut Outbox,
    ) -> bool {
        if let (Some(identifier), Some(&[high, low])) =
            (about.echo_identifier(), about.transport.get(6..8).and_then(|s| s.first_chunk::<2>()))
        {
            let sequence = u16::from_be_bytes([high, low]);
            self.hear_echo(identifier, Heard { from, sequence, what: told.answer() }, out);
            return true;
        }
        let Some((local, remote)) = about.ports() else { return false };
        let (local, remote) = (SocketAddr::new(about.source, local), SocketAddr::new(about.target, remote));
        match (about.protocol, about.sequence()) {
            (_, Some(sequence)) => self.tell_stream(now, (local, remote), told, sequence, out),
            (17, None) => self.tell_datagrams(local, remote, told, out),
            _ => false,
        }
    }

    /// Tells a connected UDP socket; one that is not would not know which of its datagrams is meant.
    fn tell_datagrams(
        &mut self,
        local: SocketAddr,
        remote: SocketAddr,
        told: Told,
        out: &mut Outbox,
    ) -> bool {
        let Some(index) = self.sockets.find(&Key::new(Kind::Udp, local, remote)) else { return false };
        let Socket::Datagrams(socket) = &mut self.sockets.slot_mut(index).socket else { return false };
        let Some(error) = told.error() else { return true };
        socket.error = Some(error);
        out.tell(self.sockets.id(index), Readiness::READABLE);
        true
    }

    /// Tells of a packet that never left, because nobody answered for its next hop.
    pub(super) fn undeliverable(&mut self, now: Instant, packet: &Packet, out: &mut Outbox) {
        if let Transport::Tcp(segment) = &packet.transport {
            // Who began a connection and is not there will not confirm it.
            let local = SocketAddr::new(packet.source, segment.source);
            let key = Key::new(Kind::Tcp, local, SocketAddr::new(packet.target, segment.target));
            if let Some(index) = self.sockets.find(&key) {
                self.forget_half_open(index);
            }
        }
        let about = Quote::of(packet);
        self.tell_socket(now, packet.source, Told::Unreachable(Unreachable::Host), &about, out);
    }
}

impl Told {
    /// As what came back after an echo.
    fn answer(self) -> Answer {
        match self {
            Self::Unreachable(reason) => Answer::Unreachable(reason),
            Self::TooBig(mtu) => Answer::TooBig(mtu),
            Self::TimeExceeded => Answer::TimeExceeded,
        }
    }

    /// As an error of a socket. A datagram that is too large for a link is cut, and its sender need not know.
    fn error(self) -> Option<SocketError> {
        match self {
            Self::Unreachable(Unreachable::Port) => Some(SocketError::Refused),
            Self::Unreachable(reason) => Some(SocketError::Unreachable { reason }),
            Self::TimeExceeded => Some(SocketError::Unreachable { reason: Unreachable::Host }),
            Self::TooBig(_) => None,
        }
    }
}
