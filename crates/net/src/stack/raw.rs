//! Raw sockets: packets and frames as bytes, for those who may.

use std::collections::VecDeque;

use bytes::Bytes;
use ironloom_core::Instant;

use crate::frame::Body;
use crate::{Frame, Outbox, Packet, Port, Readiness, SocketId};

use super::Stack;
use super::egress::Egress;
use super::error::{BindError, SocketError};
use super::key::Key;
use super::kinds::{Mailbox, Socket};

/// What a raw socket hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hears {
    /// The packets of one protocol that are for this machine, with their IP headers.
    Protocol(u8),
    /// All frames that arrive or leave at a card, with their Ethernet headers.
    Frames(Port),
}

/// A raw socket, kept where frames pass.
#[derive(Debug)]
pub(super) struct Tap {
    socket: SocketId,
    hears: Hears,
    mailbox: Mailbox<Bytes>,
}

impl Stack {
    /// Opens a raw socket. Whether somebody may is for the caller to decide.
    ///
    /// # Errors
    ///
    /// If there are too many sockets, or they keep too much.
    pub fn open_raw(&mut self, owner: u64, hears: Hears) -> Result<SocketId, BindError> {
        let limit = self.egress.config.buffered_bytes_max;
        if self.room() < self.egress.config.queue_bytes_max {
            return Err(BindError::NoMemory { limit });
        }
        let rare = self.egress.rare();
        rare.raw_counter = rare.raw_counter.wrapping_add(1);
        let key = Key::raw(rare.raw_counter);
        let socket = self.add(key, owner, Socket::Raw)?;
        // It may fill its queue at any time, so all of it is charged now.
        self.sockets.charge(socket.index, self.egress.config.queue_bytes_max);
        self.egress.rare().taps.push(Tap { socket, hears, mailbox: Mailbox::new() });
        Ok(socket)
    }

    /// The next packet or frame that a raw socket heard.
    ///
    /// # Errors
    ///
    /// If it is no raw socket.
    pub fn receive_raw(&mut self, socket: SocketId) -> Result<Option<Bytes>, SocketError> {
        self.index_of(socket)?;
        let taps = self.egress.rare.as_mut().map_or(&mut [][..], |rare| &mut rare.taps[..]);
        let tap = taps.iter_mut().find(|tap| tap.socket == socket);
        Ok(tap.ok_or(SocketError::WrongKind { socket })?.mailbox.pop())
    }

    /// Sends the bytes of a frame or of a packet, as the raw socket [hears](Hears) them.
    ///
    /// # Errors
    ///
    /// If it is no raw socket, the bytes are no frame or packet, or no route leads to the packet's target.
    pub fn send_raw(
        &mut self,
        now: Instant,
        socket: SocketId,
        bytes: Bytes,
        out: &mut Outbox,
    ) -> Result<(), SocketError> {
        self.index_of(socket)?;
        let taps = self.egress.rare.as_ref().map_or(&[][..], |rare| &rare.taps[..]);
        let tap = taps.iter().find(|tap| tap.socket == socket).ok_or(SocketError::WrongKind { socket })?;
        match tap.hears {
            Hears::Frames(port) => {
                let card = port.number() as usize;
                let frame = Frame::parse(bytes).map_err(|_| SocketError::Malformed)?;
                if card >= self.egress.cards.len() {
                    return Err(SocketError::Malformed);
                }
                self.egress.transmit(card, frame, out);
                Ok(())
            }
            Hears::Protocol(_) => {
                let packet = Packet::parse(bytes).map_err(|_| SocketError::Malformed)?;
                let address = packet.target;
                self.egress.send(now, packet, out).map_err(|_| SocketError::NoRoute { address })
            }
        }
    }

    pub(super) fn close_raw(&mut self, socket: SocketId) {
        if let Some(rare) = &mut self.egress.rare {
            rare.taps.retain(|tap| tap.socket != socket);
        }
    }
}

impl Egress {
    /// Whether anybody listens where frames pass.
    #[inline]
    pub(super) fn is_tapped(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| !rare.taps.is_empty())
    }

    /// Lets raw sockets hear a frame that arrives or leaves.
    #[cold]
    pub(super) fn overhear_frame(&mut self, card: usize, frame: &Frame, out: &mut Outbox) {
        let mtu = self.cards[card].mtu;
        let here = Hears::Frames(super::egress::port(card));
        let (bytes_max, items_max) = (self.config.queue_bytes_max, self.config.queue_datagrams_max);
        for tap in self.rare().taps.iter_mut().filter(|tap| tap.hears == here) {
            for bytes in wire_bytes(frame, mtu) {
                tap.hear(bytes, (bytes_max, items_max), out);
            }
        }
    }

    /// Lets raw sockets hear a packet for this machine; whether one of them wanted it.
    #[cold]
    pub(super) fn overhear_packet(&mut self, packet: &Packet, out: &mut Outbox) -> bool {
        let here = Hears::Protocol(packet.transport.protocol());
        let (bytes_max, items_max) = (self.config.queue_bytes_max, self.config.queue_datagrams_max);
        let mut wanted = false;
        for tap in self.rare().taps.iter_mut().filter(|tap| tap.hears == here) {
            wanted = true;
            let mut bytes = Vec::new();
            packet.emit(&mut bytes);
            tap.hear(bytes.into(), (bytes_max, items_max), out);
        }
        wanted
    }
}

impl Tap {
    fn hear(&mut self, bytes: Bytes, (bytes_max, items_max): (usize, usize), out: &mut Outbox) {
        if self.mailbox.has_room(bytes.len(), bytes_max, items_max) {
            let len = bytes.len();
            self.mailbox.push(bytes, len);
            out.tell(self.socket, Readiness::READABLE);
        }
    }
}

/// A frame as it is on a wire: in as many pieces as that carries.
fn wire_bytes(frame: &Frame, mtu: u16) -> VecDeque<Bytes> {
    match &frame.body {
        Body::Ip(packet) => {
            let pieces = packet.cut(mtu);
            pieces.map(|piece| Frame { body: Body::Ip(piece), ..*frame }.to_bytes()).collect()
        }
        _ => VecDeque::from([frame.to_bytes()]),
    }
}
