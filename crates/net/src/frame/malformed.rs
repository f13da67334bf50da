//! [`Malformed`]: why bytes are not a frame.

use std::fmt;

use thiserror::Error;

/// Which part of a frame is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The Ethernet header.
    Ethernet,
    /// A question or an answer about who has an address.
    Arp,
    /// The header of the internet protocol.
    Ip,
    /// A message about the network.
    Icmp,
    /// The header of the packet that a message about the network is about.
    Quote,
    /// A TCP segment.
    Tcp,
    /// A UDP datagram.
    Udp,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ethernet => "ethernet frame",
            Self::Arp => "arp packet",
            Self::Ip => "ip packet",
            Self::Icmp => "icmp message",
            Self::Quote => "packet quoted by icmp",
            Self::Tcp => "tcp segment",
            Self::Udp => "udp datagram",
        })
    }
}

/// Bytes are not a frame, or not the frame that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Malformed {
    /// There are fewer bytes than the header has.
    #[error("{layer} has {bytes} bytes and needs {needed}")]
    Short {
        /// Of what.
        layer: Layer,
        /// How many bytes there are.
        bytes: usize,
        /// How many there must be.
        needed: usize,
    },
    /// A length in a header contradicts the bytes or the rest of the header.
    #[error("{layer} says that it has {says} bytes, and has {bytes}")]
    Length {
        /// Of what.
        layer: Layer,
        /// What the header says.
        says: usize,
        /// How many bytes there are.
        bytes: usize,
    },
    /// The header is of another version of the internet protocol than 4.
    #[error("{layer} is of version {version}, only 4 is spoken")]
    Version {
        /// Of the packet, or of one that is quoted.
        layer: Layer,
        /// What the header says.
        version: u8,
    },
    /// Something was changed on the way.
    #[error("{layer} has the checksum {found:#06x}, which is not that of its bytes")]
    Checksum {
        /// Of what.
        layer: Layer,
        /// What the header says.
        found: u16,
    },
    /// A TCP option has a length that it cannot have, or does not fit.
    #[error("tcp option {kind} has the length {length}")]
    Option {
        /// Which option.
        kind: u8,
        /// Its length, with the two bytes before its value.
        length: u8,
    },
    /// A fragment is empty, ends beyond the largest packet, or is no multiple of eight bytes though others follow.
    #[error("fragment of {bytes} bytes at {offset} cannot be part of a packet")]
    Fragment {
        /// Where in the whole it begins.
        offset: usize,
        /// How many bytes it has.
        bytes: usize,
    },
}

impl Malformed {
    /// The part of the frame that is wrong; what is around it was right.
    #[must_use]
    pub const fn layer(&self) -> Layer {
        match self {
            Self::Short { layer, .. }
            | Self::Length { layer, .. }
            | Self::Version { layer, .. }
            | Self::Checksum { layer, .. } => *layer,
            Self::Option { .. } => Layer::Tcp,
            Self::Fragment { .. } => Layer::Ip,
        }
    }

    /// Refuses what is shorter than its header.
    pub(super) fn check_len(layer: Layer, bytes: usize, needed: usize) -> Result<(), Self> {
        if bytes < needed { Err(Self::Short { layer, bytes, needed }) } else { Ok(()) }
    }
}
