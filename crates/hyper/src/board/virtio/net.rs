//! [`Net`]: a network card, between the rings of a guest and the frames of a fabric.
//!
//! Frames of the fabric carry up to 64 KiB and no checksums. A guest that can is given them as they are: in as many
//! buffers as it takes, with the checksum left to be completed, and told at which size they would be cut. It gives its
//! own in the same way. For a guest that cannot, they are cut and summed.
//!
//! ```text
//! before each frame    0   flags           u8    1: the checksum is to be completed
//!                      1   kind            u8    1: a TCP segment that is to be cut
//!                      2   header bytes    u16
//!                      4   cut             u16   the payload of each piece
//!                      6   checksum start  u16
//!                      8   checksum place  u16   after the start
//!                     10   buffers         u16   in how many buffers it came
//! ```

use std::collections::VecDeque;

use ironloom_net::frame::{Body, Payload, Transport};
use ironloom_net::{Frame, Mac, Packet};
use virtio_bindings::virtio_net as number;
use vm_memory::GuestMemory;

use super::ring::{Chain, Ring, Span};
use super::{Broken, Left, Turn};

mod outgoing;
mod state;

pub(in crate::board) use state::NetState;

/// The ring of what comes in.
pub(in crate::board) const INPUT: usize = 0;
/// The ring of what goes out.
pub(in crate::board) const OUTPUT: usize = 1;

/// The bytes before each frame.
const HEADER_BYTES: usize = 12;

/// The longest packet that a guest is given, or gives: what the header of a packet can say.
const PACKET_BYTES_MAX: u16 = u16::MAX;
/// The largest payload of a segment that is given to a guest in one piece.
const PAYLOAD_BYTES_MAX: u16 = 65_000;

const NEEDS_SUM: u8 = number::VIRTIO_NET_HDR_F_NEEDS_CSUM as u8;
const TO_BE_CUT: u8 = number::VIRTIO_NET_HDR_GSO_TCPV4 as u8;

/// A network card.
#[derive(Debug, Clone)]
pub(in crate::board) struct Net {
    mac: Mac,
    mtu: u16,
    frames_max: u32,
    frame_bytes_max: u64,
    /// What the driver wants.
    features: u64,
    is_up: bool,
    /// What waits to be given to the guest.
    input: VecDeque<Waiting>,
    input_bytes: u64,
    /// What the guest has sent.
    output: VecDeque<Frame>,
    output_bytes: u64,
    /// Whether the guest has to wait until somebody takes what it sent.
    is_full: bool,
    counters: NetCounters,
}

/// What a card did not carry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct NetCounters {
    /// Frames for the guest for which there was no room, or no driver.
    pub dropped: u64,
    /// What the guest sent that is no frame.
    pub malformed: u64,
}

/// A frame that waits to be given to the guest: what comes first, headers included, and the payload.
#[derive(Debug, Clone)]
struct Waiting {
    head: Vec<u8>,
    payload: Payload,
}

impl Waiting {
    fn len(&self) -> u64 {
        (self.head.len() + self.payload.len()) as u64
    }
}

impl Net {
    pub(in crate::board) fn new(mac: Mac, mtu: u16, frames_max: u32, frame_bytes_max: u64) -> Self {
        Self {
            mac,
            mtu,
            frames_max,
            frame_bytes_max,
            features: 0,
            is_up: false,
            input: VecDeque::new(),
            input_bytes: 0,
            output: VecDeque::new(),
            output_bytes: 0,
            is_full: false,
            counters: NetCounters::default(),
        }
    }

    pub(in crate::board) fn mac(&self) -> Mac {
        self.mac
    }

    /// What it did not carry.
    pub(in crate::board) fn counters(&self) -> NetCounters {
        self.counters
    }

    pub(super) fn features(&self) -> u64 {
        1 << number::VIRTIO_NET_F_CSUM
            | 1 << number::VIRTIO_NET_F_GUEST_CSUM
            | 1 << number::VIRTIO_NET_F_GUEST_TSO4
            | 1 << number::VIRTIO_NET_F_HOST_TSO4
            | 1 << number::VIRTIO_NET_F_HOST_ECN
            | 1 << number::VIRTIO_NET_F_MRG_RXBUF
            | 1 << number::VIRTIO_NET_F_MAC
            | 1 << number::VIRTIO_NET_F_STATUS
            | 1 << number::VIRTIO_NET_F_MTU
    }

    /// What it tells about itself: `struct virtio_net_config`.
    pub(super) fn about(&self) -> Vec<u8> {
        let mut about = self.mac.bytes().to_vec();
        about.extend_from_slice(&(number::VIRTIO_NET_S_LINK_UP as u16).to_le_bytes());
        about.extend_from_slice(&1u16.to_le_bytes());
        about.extend_from_slice(&self.mtu.to_le_bytes());
        about
    }

    pub(super) fn start(&mut self, features: u64) {
        self.features = features;
        self.is_up = true;
    }

    pub(super) fn reset(&mut self) {
        self.is_up = false;
        self.features = 0;
        self.input.clear();
        self.input_bytes = 0;
        self.is_full = false;
    }

    fn wants(&self, feature: u32) -> bool {
        self.features >> feature & 1 == 1
    }

    /// Takes a frame for the guest; whether there was room, and somebody to give it to.
    pub(in crate::board) fn receive(&mut self, frame: &Frame) -> bool {
        let is_full =
            self.input.len() >= self.frames_max as usize || self.input_bytes >= self.frame_bytes_max;
        if !self.is_up || is_full {
            self.counters.dropped += 1;
            return false;
        }
        match frame.packet() {
            Some(packet) => self.receive_packet(frame, packet),
            None => self.enqueue(plain(frame, None)),
        }
        true
    }

    fn receive_packet(&mut self, frame: &Frame, packet: &Packet) {
        let Transport::Tcp(segment) = &packet.transport else {
            return packet.cut(self.mtu).for_each(|piece| self.receive_piece(frame, &piece, 0));
        };
        let cut = segment.cut;
        let largest = PAYLOAD_BYTES_MAX / cut.max(1) * cut;
        if !self.wants(number::VIRTIO_NET_F_GUEST_TSO4) || largest == 0 || segment.payload.len() <= cut.into()
        {
            return packet.cut(self.mtu).for_each(|piece| self.receive_piece(frame, &piece, 0));
        }
        let mut whole = packet.clone();
        if let Transport::Tcp(segment) = &mut whole.transport {
            segment.cut = largest;
        }
        whole.cut(PACKET_BYTES_MAX).for_each(|piece| self.receive_piece(frame, &piece, cut));
    }

    /// Enqueues what fits into one packet, which is to be cut if it is a segment of more bytes than `cut`.
    fn receive_piece(&mut self, frame: &Frame, packet: &Packet, cut: u16) {
        let mut head = vec![0; HEADER_BYTES];
        let leaves_sum = self.wants(number::VIRTIO_NET_F_GUEST_CSUM);
        let unsummed = if leaves_sum { frame.emit_head(packet, &mut head) } else { None };
        let (Some(unsummed), Some(payload)) = (unsummed, payload(packet)) else {
            return self.enqueue(plain(frame, Some(packet)));
        };
        head[0] = NEEDS_SUM;
        if cut != 0 && payload.len() > cut.into() {
            head[1] = TO_BE_CUT;
            let header_bytes = (head.len() - HEADER_BYTES) as u16;
            head[2..4].copy_from_slice(&header_bytes.to_le_bytes());
            head[4..6].copy_from_slice(&cut.to_le_bytes());
        }
        head[6..8].copy_from_slice(&unsummed.start.to_le_bytes());
        head[8..10].copy_from_slice(&unsummed.offset.to_le_bytes());
        self.enqueue(Waiting { head, payload: payload.clone() });
    }

    fn enqueue(&mut self, waiting: Waiting) {
        self.input_bytes += waiting.len();
        self.input.push_back(waiting);
    }

    pub(super) fn serve<M: GuestMemory>(
        &mut self,
        ring: &mut Ring,
        which: usize,
        memory: &M,
        turn: &mut Turn,
    ) -> Result<Left, Broken> {
        if which == INPUT { self.give(ring, memory, turn) } else { self.take(ring, memory, turn) }
    }

    /// Gives the guest what waits for it.
    fn give<M: GuestMemory>(&mut self, ring: &mut Ring, memory: &M, turn: &mut Turn) -> Result<Left, Broken> {
        let mut buffers = Vec::new();
        while let Some(waiting) = self.input.front() {
            if turn.is_over() {
                return Ok(Left::Work);
            }
            let bytes = waiting.len();
            let may_merge = self.wants(number::VIRTIO_NET_F_MRG_RXBUF);
            if gather(ring, memory, bytes, may_merge, &mut buffers)? {
                fill(ring, memory, waiting, &buffers)?;
            } else if buffers.is_empty() {
                return Ok(Left::Idle);
            } else {
                // A buffer that can never hold it is given back empty; the driver asked for what it does not take.
                self.counters.dropped += 1;
                ring.push(memory, &buffers[0], 0)?;
            }
            self.input.pop_front();
            self.input_bytes -= bytes;
            turn.spend(bytes);
        }
        Ok(Left::Idle)
    }
}

/// The payload of a packet that is a segment or a datagram.
fn payload(packet: &Packet) -> Option<&Payload> {
    match &packet.transport {
        Transport::Tcp(segment) => Some(&segment.payload),
        Transport::Udp(datagram) => Some(&datagram.payload),
        _ => None,
    }
}

/// A frame as bytes, with all checksums; `packet` is the piece of it that is meant.
fn plain(frame: &Frame, packet: Option<&Packet>) -> Waiting {
    let mut head = vec![0; HEADER_BYTES];
    match packet {
        Some(packet) => {
            let body = Body::Ip(packet.clone());
            Frame { body, ..frame.clone() }.emit(&mut head);
        }
        None => frame.emit(&mut head),
    }
    Waiting { head, payload: Payload::EMPTY }
}

/// Takes as many buffers as hold so many bytes; whether they do. If not, and more may come, none is taken; a single
/// buffer that is too small stays taken.
fn gather<M: GuestMemory>(
    ring: &mut Ring,
    memory: &M,
    bytes: u64,
    may_merge: bool,
    buffers: &mut Vec<Chain>,
) -> Result<bool, Broken> {
    buffers.clear();
    let position = ring.position();
    let mut room = 0;
    while room < bytes {
        let mut chain = Chain::default();
        if !ring.take(memory, &mut chain)? {
            ring.turn_back(position);
            buffers.clear();
            return Ok(false);
        }
        room += chain.writable().len();
        if buffers.is_empty() && chain.writable().len() < HEADER_BYTES as u64 {
            return Err(Broken);
        }
        buffers.push(chain);
        if !may_merge {
            break;
        }
    }
    Ok(room >= bytes)
}

/// Writes a frame to buffers that hold it, and gives them back all at once.
fn fill<M: GuestMemory>(
    ring: &mut Ring,
    memory: &M,
    waiting: &Waiting,
    buffers: &[Chain],
) -> Result<(), Broken> {
    let mut target = Scatter { buffers, span: buffers[0].writable(), at: 0, used: Vec::new() };
    let (count, rest) = (buffers.len() as u16, &waiting.head[HEADER_BYTES..]);
    target.write(memory, &waiting.head[..HEADER_BYTES - 2])?;
    target.write(memory, &count.to_le_bytes())?;
    target.write(memory, rest)?;
    for piece in waiting.payload.pieces() {
        target.write(memory, piece)?;
    }
    target.finish();
    ring.push_all(memory, &target.used)
}

/// Several buffers, which are filled one after the other.
struct Scatter<'a> {
    buffers: &'a [Chain],
    span: Span<'a>,
    at: usize,
    used: Vec<(u16, u32)>,
}

impl Scatter<'_> {
    fn write<M: GuestMemory>(&mut self, memory: &M, mut bytes: &[u8]) -> Result<(), Broken> {
        while !bytes.is_empty() {
            if self.span.len() == 0 {
                self.finish();
                self.at += 1;
                self.span = self.buffers.get(self.at).ok_or(Broken)?.writable();
                continue;
            }
            let part = self.span.len().min(bytes.len() as u64) as usize;
            self.span.write(memory, &bytes[..part])?;
            bytes = &bytes[part..];
        }
        Ok(())
    }

    fn finish(&mut self) {
        let chain = &self.buffers[self.at];
        let written = chain.writable().len() - self.span.len();
        self.used.push((chain.head(), written as u32));
    }
}
