//! [`Interface`]: a network card of a machine, and [`Card`]: what the stack keeps of it.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::neighbours::Neighbours;
use crate::{Mac, tcp};

use super::via;

/// A network card of a machine: who it is, and what it may send.
///
/// ```
/// use ironloom_net::{Interface, Mac};
///
/// let card = Interface::new(Mac::local(1)).with_address("10.0.0.5/24".parse().unwrap());
/// assert_eq!(card.mtu, 1_500);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its address on the wire.
    pub mac: Mac,
    /// Its addresses, with the networks they are of.
    pub addresses: Vec<IpNet>,
    /// Who forwards what is for none of its networks.
    pub gateway: Option<IpAddr>,
    /// The largest packet it sends.
    pub mtu: u16,
    /// Whether it takes segments larger than that, to be cut where they leave the fabric.
    pub offload: bool,
}

impl Interface {
    /// A card without addresses, for packets of 1,500 bytes, that takes larger segments.
    #[must_use]
    pub fn new(mac: Mac) -> Self {
        Self { mac, addresses: Vec::new(), gateway: None, mtu: 1_500, offload: true }
    }

    /// The card with one more address.
    #[must_use]
    pub fn with_address(mut self, address: IpNet) -> Self {
        self.addresses.push(address);
        self
    }

    /// The card with a gateway.
    #[must_use]
    pub fn with_gateway(mut self, gateway: IpAddr) -> Self {
        self.gateway = Some(gateway);
        self
    }
}

/// An address of a card, and how much of it is its network's.
///
/// The same as an [`IpNet`], with what is asked of it for every packet spelt out so that the compiler sees through it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    pub(super) address: IpAddr,
    length: u8,
}

impl Own {
    /// How long its network's part is.
    pub(super) fn length(self) -> u8 {
        self.length
    }

    /// Whether another address is of its network.
    #[inline]
    pub(super) fn is_near(self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (own.to_bits() ^ other.to_bits()) & self.mask() == 0,
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.length)).unwrap_or(0);
                (own.to_bits() ^ other.to_bits()) & mask == 0
            }
            _ => false,
        }
    }

    /// Whether an address is the last of its network, which stands for everybody there. Networks of one or two have
    /// none.
    #[inline]
    pub(super) fn is_last(self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                self.length < 31 && other.to_bits() == own.to_bits() | !self.mask()
            }
            _ => false,
        }
    }

    #[inline]
    fn mask(self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.length)).unwrap_or(0)
    }
}

impl From<IpNet> for Own {
    fn from(network: IpNet) -> Self {
        Self { address: network.addr(), length: network.prefix_len() }
    }
}

impl From<Own> for IpNet {
    fn from(own: Own) -> Self {
        Self::new(own.address, own.length).expect("it was made of a network")
    }
}

/// What the stack keeps of a card.
#[derive(Debug)]
pub(super) struct Card {
    pub(super) mac: Mac,
    pub(super) mtu: u16,
    pub(super) offload: bool,
    pub(super) gateway: Option<IpAddr>,
    pub(super) addresses: Box<[Own]>,
    /// What its connections may use, if it is not as the configuration says.
    pub(super) tcp: Option<Box<tcp::Config>>,
    /// Who else is on its networks; nothing until something is sent.
    pub(super) neighbours: Option<Box<Neighbours>>,
}

impl Card {
    pub(super) fn new(interface: &Interface, usual: &tcp::Config) -> Self {
        let own_tcp = via::sized(usual, interface.mtu.max(Interface::MTU_MIN), interface.offload);
        Self {
            tcp: (own_tcp != *usual).then(|| Box::new(own_tcp)),
            mac: interface.mac,
            mtu: interface.mtu.max(Interface::MTU_MIN),
            offload: interface.offload,
            gateway: interface.gateway,
            addresses: interface.addresses.iter().copied().map(Own::from).collect(),
            neighbours: None,
        }
    }

    /// Whether an address is one of its own.
    #[inline]
    pub(super) fn has(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|own| own.address == address)
    }

    /// The first of its addresses of the same kind as another.
    pub(super) fn address_for(&self, other: IpAddr) -> Option<IpAddr> {
        self.addresses.iter().map(|own| own.address).find(|own| own.is_ipv4() == other.is_ipv4())
    }

    /// From which of its addresses it speaks to a neighbour: one of the same network, if there is one.
    pub(super) fn source_near(&self, neighbour: IpAddr) -> Option<IpAddr> {
        let near = self.addresses.iter().find(|own| own.is_near(neighbour)).map(|own| own.address);
        near.or_else(|| self.address_for(neighbour))
    }

    /// Whether an address means everybody on one of its networks.
    #[inline]
    pub(super) fn is_broadcast(&self, address: IpAddr) -> bool {
        address == IpAddr::V4(Ipv4Addr::BROADCAST) || self.addresses.iter().any(|own| own.is_last(address))
    }

    pub(super) fn interface(&self) -> Interface {
        Interface {
            mac: self.mac,
            addresses: self.addresses.iter().copied().map(IpNet::from).collect(),
            gateway: self.gateway,
            mtu: self.mtu,
            offload: self.offload,
        }
    }
}

impl Interface {
    /// The smallest packet size that a card can be given: every host takes packets of this size.
    pub const MTU_MIN: u16 = 576;
}
