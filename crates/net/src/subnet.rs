//! [`Subnet`]: which addresses of a network are taken.

mod taken;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use thiserror::Error;

use taken::Taken;

/// A network larger than this is used only in part: its first four billion addresses.
const OFFSET_BITS: u8 = 32;

/// The addresses of a network, and which of them are taken.
///
/// The lowest free address is given out first. To allocate, free and reserve costs the same in a large network as in a
/// small one, and a network of which nothing is taken costs nothing. The address of the network and the one for
/// everybody are nobody's, and neither is that of the gateway.
///
/// ```
/// use ironloom_net::Subnet;
///
/// let mut lan = Subnet::new("10.0.0.0/29".parse()?);
/// assert_eq!(lan.gateway(), Some("10.0.0.1".parse()?));
/// lan.reserve("10.0.0.2".parse()?)?;
/// assert_eq!(lan.allocate()?.to_string(), "10.0.0.3");
/// assert_eq!(lan.allocate()?.to_string(), "10.0.0.4");
/// lan.free("10.0.0.3".parse()?)?;
/// assert_eq!(lan.allocate()?.to_string(), "10.0.0.3");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Subnet {
    network: IpNet,
    gateway: Option<IpAddr>,
    /// By how far addresses are from that of the network.
    taken: Taken,
    /// The first address that a host can have, and the last.
    first: u32,
    last: u32,
}

/// Why an address cannot be taken, or given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SubnetError {
    /// All are taken.
    #[error("all {taken} addresses of {network} are taken: free some, or use a larger network")]
    Exhausted {
        /// Of which network.
        network: IpNet,
        /// How many.
        taken: u64,
    },
    /// The address is of another network.
    #[error("{address} is not in {network}")]
    Outside {
        /// The address.
        address: IpAddr,
        /// The network.
        network: IpNet,
    },
    /// No host can have the address: it stands for the network, or for everybody on it.
    #[error("{address} is no host of {network}: it stands for the network, or for everybody on it")]
    Unusable {
        /// The address.
        address: IpAddr,
        /// The network.
        network: IpNet,
    },
    /// Somebody has the address.
    #[error("{address} is taken already")]
    Taken {
        /// The address.
        address: IpAddr,
    },
    /// Nobody has the address.
    #[error("{address} is not taken")]
    Free {
        /// The address.
        address: IpAddr,
    },
    /// The gateway has the address, for as long as there is the network.
    #[error("{address} is the gateway of {network}")]
    Gateway {
        /// The address.
        address: IpAddr,
        /// The network.
        network: IpNet,
    },
}

impl Subnet {
    /// A network whose first host is its gateway, if it has room for more than one.
    #[must_use]
    pub fn new(network: IpNet) -> Self {
        let mut subnet = Self::without_gateway(network);
        if subnet.first < subnet.last {
            subnet.gateway = Some(subnet.address(subnet.first));
            subnet.taken.insert(subnet.first);
        }
        subnet
    }

    /// A network whose gateway has a certain address.
    ///
    /// # Errors
    ///
    /// If no host of the network can have that address.
    pub fn with_gateway(network: IpNet, gateway: IpAddr) -> Result<Self, SubnetError> {
        let mut subnet = Self::without_gateway(network);
        subnet.reserve(gateway)?;
        subnet.gateway = Some(gateway);
        Ok(subnet)
    }

    /// A network that leads nowhere.
    #[must_use]
    pub fn without_gateway(network: IpNet) -> Self {
        let network = network.trunc();
        let bits = (network.max_prefix_len() - network.prefix_len()).min(OFFSET_BITS);
        let end = ((1u64 << bits) - 1) as u32;
        // A network of two has no address to spare (RFC 3021), one of a single host neither; IPv6 has no broadcast.
        let (first, last) = match network {
            _ if bits < 2 => (0, end),
            IpNet::V4(_) => (1, end - 1),
            IpNet::V6(_) => (1, end),
        };
        Self { network, gateway: None, taken: Taken::default(), first, last }
    }

    /// The network.
    #[must_use]
    pub const fn network(&self) -> IpNet {
        self.network
    }

    /// Where packets go that are for other networks.
    #[must_use]
    pub const fn gateway(&self) -> Option<IpAddr> {
        self.gateway
    }

    /// How many hosts there can be, the gateway included.
    #[must_use]
    pub const fn capacity(&self) -> u64 {
        (self.last - self.first) as u64 + 1
    }

    /// How many addresses are taken, the gateway's included.
    #[must_use]
    pub const fn taken(&self) -> u64 {
        self.taken.len()
    }

    /// Whether somebody has an address.
    #[must_use]
    pub fn is_taken(&self, address: IpAddr) -> bool {
        self.offset(address).is_ok_and(|offset| self.taken.contains(offset))
    }

    /// Takes the lowest address that is free.
    ///
    /// # Errors
    ///
    /// If all are taken.
    pub fn allocate(&mut self) -> Result<IpAddr, SubnetError> {
        let offset = self.taken.first_free(self.first).filter(|offset| *offset <= self.last);
        let exhausted = SubnetError::Exhausted { network: self.network, taken: self.taken() };
        let offset = offset.ok_or(exhausted)?;
        self.taken.insert(offset);
        Ok(self.address(offset))
    }

    /// Takes a certain address.
    ///
    /// # Errors
    ///
    /// If it is taken, or no host of the network can have it.
    pub fn reserve(&mut self, address: IpAddr) -> Result<(), SubnetError> {
        let offset = self.offset(address)?;
        if self.taken.insert(offset) { Ok(()) } else { Err(SubnetError::Taken { address }) }
    }

    /// Gives an address back.
    ///
    /// # Errors
    ///
    /// If nobody has it, or the gateway does.
    pub fn free(&mut self, address: IpAddr) -> Result<(), SubnetError> {
        let offset = self.offset(address)?;
        if self.gateway == Some(address) {
            return Err(SubnetError::Gateway { address, network: self.network });
        }
        if self.taken.remove(offset) { Ok(()) } else { Err(SubnetError::Free { address }) }
    }

    fn address(&self, offset: u32) -> IpAddr {
        match self.network {
            IpNet::V4(network) => Ipv4Addr::from_bits(network.network().to_bits() + offset).into(),
            IpNet::V6(network) => {
                Ipv6Addr::from_bits(network.network().to_bits() + u128::from(offset)).into()
            }
        }
    }

    /// How far a host is from the address of the network.
    fn offset(&self, address: IpAddr) -> Result<u32, SubnetError> {
        let outside = SubnetError::Outside { address, network: self.network };
        if !self.network.contains(&address) {
            return Err(outside);
        }
        let distance = match (self.network, address) {
            (IpNet::V4(network), IpAddr::V4(address)) => {
                u128::from(address.to_bits() - network.network().to_bits())
            }
            (IpNet::V6(network), IpAddr::V6(address)) => address.to_bits() - network.network().to_bits(),
            _ => return Err(outside),
        };
        let is_host = |offset: &u32| (self.first..=self.last).contains(offset);
        let offset = u32::try_from(distance).ok().filter(is_host);
        offset.ok_or(SubnetError::Unusable { address, network: self.network })
    }
}

#[cfg(test)]
mod tests;
