//! [`Address`]: what tables of both families ask of an address.

use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address of one family, so that tables of IPv4 do not pay for the length of IPv6.
pub(crate) trait Address: Copy + Eq + Ord + Hash + Debug {
    /// Which family it is of.
    const IS_V6: bool;

    /// The address, if it is of this family.
    fn of(ip: IpAddr) -> Option<Self>;

    /// The address as one of either family.
    fn ip(self) -> IpAddr;

    /// Hashes two addresses in as few words as they take.
    fn hash_pair<H: Hasher>(source: Self, target: Self, state: &mut H);
}

impl Address for Ipv4Addr {
    const IS_V6: bool = false;

    #[inline]
    fn of(ip: IpAddr) -> Option<Self> {
        match ip {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        }
    }

    #[inline]
    fn ip(self) -> IpAddr {
        IpAddr::V4(self)
    }

    #[inline]
    fn hash_pair<H: Hasher>(source: Self, target: Self, state: &mut H) {
        state.write_u64(u64::from(source.to_bits()) << 32 | u64::from(target.to_bits()));
    }
}

impl Address for Ipv6Addr {
    const IS_V6: bool = true;

    #[inline]
    fn of(ip: IpAddr) -> Option<Self> {
        match ip {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some(address),
        }
    }

    #[inline]
    fn ip(self) -> IpAddr {
        IpAddr::V6(self)
    }

    #[inline]
    fn hash_pair<H: Hasher>(source: Self, target: Self, state: &mut H) {
        state.write_u128(source.to_bits());
        state.write_u128(target.to_bits());
    }
}
