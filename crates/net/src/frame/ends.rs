//! [`Ends`]: the two addresses of a packet, of one family.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smoltcp::wire::checksum::{pseudo_header_v4, pseudo_header_v6};

use super::{Packet, Quote, checksum};

/// The two addresses of a packet: what transports put under their checksums.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ends {
    V4(Ipv4Addr, Ipv4Addr),
    V6(Ipv6Addr, Ipv6Addr),
}

impl Ends {
    /// Of a packet between these; if one is of version 6, the other is mapped to it.
    pub(super) fn new(source: IpAddr, target: IpAddr) -> Self {
        let mapped = |address| match address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        match (source, target) {
            (IpAddr::V4(source), IpAddr::V4(target)) => Self::V4(source, target),
            _ => Self::V6(mapped(source), mapped(target)),
        }
    }

    pub(super) fn addresses(self) -> (IpAddr, IpAddr) {
        match self {
            Self::V4(source, target) => (source.into(), target.into()),
            Self::V6(source, target) => (source.into(), target.into()),
        }
    }

    /// The sum of the pseudo header before a transport of so many bytes.
    pub(super) fn sum(self, protocol: u8, bytes: usize) -> u16 {
        let bytes = bytes as u32;
        match self {
            Self::V4(source, target) => pseudo_header_v4(&source, &target, protocol.into(), bytes),
            Self::V6(source, target) => pseudo_header_v6(&source, &target, protocol.into(), bytes),
        }
    }

    /// Whether a transport's checksum is that of its bytes.
    pub(super) fn agree(self, protocol: u8, bytes: &[u8]) -> bool {
        checksum::add(self.sum(protocol, bytes.len()), checksum::sum(bytes)) == checksum::RIGHT
    }
}

impl Packet {
    /// Whether it is written in version 4.
    pub(super) const fn is_v4(&self) -> bool {
        self.source.is_ipv4() && self.target.is_ipv4()
    }

    pub(super) fn ends(&self) -> Ends {
        Ends::new(self.source, self.target)
    }
}

impl Quote {
    pub(super) fn ends(&self) -> Ends {
        Ends::new(self.source, self.target)
    }
}
