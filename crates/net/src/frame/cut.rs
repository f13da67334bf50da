//! Packets become what a link carries: segments as cards with offload cut them, fragments as routers make them.

use bytes::{Buf as _, Bytes};

use super::ip::PACKET_BYTES_MAX;
use super::{Flags, Fragment, Packet, Segment, Transport};

/// What fragments are multiples of.
const UNIT: usize = 8;

impl Packet {
    /// Whether all of it, if need be [cut](Self::cut) into segments, crosses a link that carries packets of `mtu` bytes.
    #[must_use]
    #[inline]
    pub fn fits(&self, mtu: u16) -> bool {
        let transport = match &self.transport {
            Transport::Tcp(segment) => segment.header_len() + segment.piece().min(segment.payload.len()),
            transport => transport.len(),
        };
        self.header_len() + transport <= usize::from(mtu)
    }

    /// Whether it crosses such a link in one piece.
    pub(crate) fn fits_whole(&self, mtu: u16) -> bool {
        self.len() <= usize::from(mtu) && self.pieces_on_wire() == 1
    }

    /// What crosses a link that carries packets of `mtu` bytes, in order.
    ///
    /// A segment with a [`cut`](Segment::cut) becomes segments of so many bytes. What is then still too large becomes
    /// fragments if it may be cut; otherwise it comes out as it is: ask [`fits`](Self::fits) before, and tell its
    /// sender.
    #[must_use]
    pub fn cut(&self, mtu: u16) -> Pieces<'_> {
        Pieces { whole: self, next: 0, count: self.pieces_on_wire(), mtu, fragments: None }
    }

    /// How many packets it is on the wire before any is fragmented.
    #[must_use]
    #[inline]
    pub fn pieces_on_wire(&self) -> usize {
        match &self.transport {
            Transport::Tcp(segment) if segment.payload.len() > segment.piece() => {
                segment.payload.len().div_ceil(segment.piece())
            }
            _ => 1,
        }
    }

    /// Whether routers may make fragments of it.
    fn is_divisible(&self) -> bool {
        let is_possible = match &self.transport {
            Transport::Fragment(fragment) => fragment.is_possible(),
            _ => self.len() <= PACKET_BYTES_MAX,
        };
        self.may_fragment && is_possible && self.is_v4()
    }

    /// The first of what it is cut into.
    pub(super) fn head(&self) -> Self {
        self.piece(0, self.pieces_on_wire())
    }

    fn piece(&self, at: usize, count: usize) -> Self {
        match &self.transport {
            Transport::Tcp(segment) => Self {
                identification: self.identification.wrapping_add(at as u16),
                transport: Transport::Tcp(segment.nth(at, count)),
                ..*self
            },
            _ => self.clone(),
        }
    }
}

impl Segment {
    /// How many bytes of payload a packet carries.
    fn piece(&self) -> usize {
        if self.cut == 0 { usize::MAX } else { usize::from(self.cut) }
    }

    fn nth(&self, at: usize, count: usize) -> Self {
        let (is_first, is_last) = (at == 0, at + 1 == count);
        let from = at * self.piece();
        let to = if is_last { self.payload.len() } else { from + self.piece() };
        // A SYN takes a number of its own, which the first segment has.
        let before = from + usize::from(!is_first && self.flags.contains(Flags::SYN));
        let mut flags = self.flags;
        if !is_first {
            flags = flags.without(Flags::SYN | Flags::CWR);
        }
        if !is_last {
            flags = flags.without(Flags::FIN | Flags::PSH | Flags::RST);
        }
        Self {
            sequence: self.sequence.wrapping_add(before as u32),
            flags,
            cut: 0,
            options: self.options.clone(),
            payload: if count == 1 { self.payload.clone() } else { self.payload.slice(from, to) },
            ..*self
        }
    }
}

/// What [`Packet::cut`] makes of a packet.
#[derive(Debug, Clone)]
pub struct Pieces<'a> {
    whole: &'a Packet,
    next: usize,
    count: usize,
    mtu: u16,
    fragments: Option<Fragments>,
}

impl Iterator for Pieces<'_> {
    type Item = Packet;

    fn next(&mut self) -> Option<Packet> {
        if let Some(fragments) = &mut self.fragments {
            if let Some(fragment) = fragments.next() {
                return Some(fragment);
            }
            self.fragments = None;
        }
        if self.next == self.count {
            return None;
        }
        let packet = self.whole.piece(self.next, self.count);
        self.next += 1;
        if packet.fits(self.mtu) || !packet.is_divisible() {
            return Some(packet);
        }
        let mut fragments = Fragments::new(packet, self.mtu);
        let first = fragments.next();
        self.fragments = Some(fragments);
        first
    }
}

/// The fragments of a packet.
#[derive(Debug, Clone)]
struct Fragments {
    /// The packet, as its next fragment; what it carries is moved from `rest`.
    packet: Packet,
    protocol: u8,
    offset: usize,
    /// Whether others follow the last, as it is a fragment itself that is cut.
    more: bool,
    rest: Bytes,
    /// How many bytes fit, in whole units.
    room: usize,
}

impl Fragments {
    fn new(mut packet: Packet, mtu: u16) -> Self {
        let room = usize::from(mtu).saturating_sub(packet.header_len()) / UNIT * UNIT;
        let protocol = packet.protocol();
        let (offset, more, rest) = match &mut packet.transport {
            Transport::Fragment(Fragment { offset, more, bytes, .. }) => {
                (usize::from(*offset), *more, std::mem::take(bytes))
            }
            Transport::Other { bytes, .. } => (0, false, std::mem::take(bytes)),
            _ => {
                let mut bytes = Vec::with_capacity(packet.transport.len());
                packet.emit_transport(&mut bytes);
                (0, false, bytes.into())
            }
        };
        packet.transport = Transport::Other { protocol, bytes: Bytes::new() };
        Self { packet, protocol, offset, more, rest, room: room.max(UNIT) }
    }

    fn next(&mut self) -> Option<Packet> {
        if self.rest.is_empty() {
            return None;
        }
        let bytes = self.rest.slice(..self.room.min(self.rest.len()));
        self.rest.advance(bytes.len());
        let fragment = Fragment {
            protocol: self.protocol,
            offset: self.offset as u16,
            more: self.more || !self.rest.is_empty(),
            bytes,
        };
        self.offset += fragment.bytes.len();
        Some(Packet { transport: Transport::Fragment(fragment), ..self.packet.clone() })
    }
}
