//! [`Traffic`]: how much went by.

use crate::Packet;

/// So many packets with so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Traffic {
    /// How many packets, counted as the wire carries them.
    pub packets: u64,
    /// How many bytes they have, from their IP headers on.
    pub bytes: u64,
}

impl Traffic {
    /// What a packet is on the wire.
    #[must_use]
    #[inline]
    pub fn of(packet: &Packet) -> Self {
        Self { packets: packet.pieces_on_wire() as u64, bytes: packet.wire_len() as u64 }
    }
}

impl std::ops::AddAssign for Traffic {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}
