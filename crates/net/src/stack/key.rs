//! [`Key`]: by which a packet finds its socket.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

/// The kinds of sockets that packets are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// TCP: listeners, connections and what they leave behind.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP echo; the local port is the identifier.
    Echo,
    /// Raw: never looked up, the local port is the number of the socket.
    Raw,
}

/// Both ends of a socket. A listener or an unconnected socket has no remote end, and perhaps no local address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    /// In words, so that a key has no holes and is compared and hashed in words.
    local: [u64; 2],
    remote: [u64; 2],
    local_port: u16,
    remote_port: u16,
    kind: Kind,
}

impl Key {
    /// The key of no socket.
    pub(super) const NONE: Self =
        Self { local: [0; 2], remote: [0; 2], local_port: 0, remote_port: 0, kind: Kind::Raw };

    /// The key of the raw socket with this number, by which no packet looks for it.
    pub(super) fn raw(number: u32) -> Self {
        Self { local: [1, u64::from(number)], ..Self::NONE }
    }

    /// The key of a socket with two ends.
    #[inline]
    pub(super) fn new(kind: Kind, local: SocketAddr, remote: SocketAddr) -> Self {
        Self {
            local: words(local.ip()),
            remote: words(remote.ip()),
            local_port: local.port(),
            remote_port: remote.port(),
            kind,
        }
    }

    /// The key of a socket that hears from everybody.
    #[inline]
    pub(super) fn open(kind: Kind, local: SocketAddr) -> Self {
        Self { local: words(local.ip()), remote: [0; 2], local_port: local.port(), remote_port: 0, kind }
    }

    /// The key of a socket that hears from everybody on all addresses.
    #[inline]
    pub(super) fn anywhere(kind: Kind, port: u16) -> Self {
        Self { local: [0; 2], remote: [0; 2], local_port: port, remote_port: 0, kind }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn local_port(&self) -> u16 {
        self.local_port
    }

    /// Whether it hears from everybody.
    pub(super) fn is_open(&self) -> bool {
        self.remote == [0; 2] && self.remote_port == 0
    }

    pub(super) fn local(&self) -> SocketAddr {
        SocketAddr::new(address(self.local), self.local_port)
    }

    pub(super) fn remote(&self) -> SocketAddr {
        SocketAddr::new(address(self.remote), self.remote_port)
    }

    /// As numbers, for hashing with a secret.
    pub(super) fn words(&self) -> [u64; 5] {
        let ports = u64::from(self.local_port) << 32 | u64::from(self.remote_port) << 8;
        let [[a, b], [c, d]] = [self.local, self.remote];
        [a, b, c, d, ports | self.kind as u64]
    }
}

impl Hash for Key {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.words().into_iter().for_each(|word| state.write_u64(word));
    }
}

/// Addresses of both kinds in the same form; the unspecified ones are zero.
#[inline]
fn words(address: IpAddr) -> [u64; 2] {
    match address {
        IpAddr::V4(address) if address.is_unspecified() => [0; 2],
        IpAddr::V4(address) => [0, 0xFFFF_0000_0000 | u64::from(address.to_bits())],
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            [(bits >> 64) as u64, bits as u64]
        }
    }
}

fn address(words: [u64; 2]) -> IpAddr {
    let bits = u128::from(words[0]) << 64 | u128::from(words[1]);
    match bits {
        0 => std::net::Ipv4Addr::UNSPECIFIED.into(),
        bits => IpAddr::from(bits.to_be_bytes()).to_canonical(),
    }
}
