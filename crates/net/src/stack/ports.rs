//! Which local addresses and ports a socket may have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Stack;
use super::error::BindError;
use super::key::{Key, Kind};

impl Stack {
    /// Whether sockets may be bound to an address: it is this machine's, or stands for all of them.
    pub(super) fn check_local(&self, address: IpAddr) -> Result<(), BindError> {
        if address.is_unspecified() || self.egress.is_own(address) {
            Ok(())
        } else {
            Err(BindError::NotOurs { address })
        }
    }

    /// Whether some socket hears from everybody at a local end, or at one that overlaps it.
    pub(super) fn is_taken(&self, kind: Kind, local: SocketAddr) -> bool {
        let port = local.port();
        if self.sockets.find(&Key::anywhere(kind, port)).is_some() {
            return true;
        }
        let taken = |address| self.sockets.find(&Key::open(kind, SocketAddr::new(address, port))).is_some();
        if !local.ip().is_unspecified() {
            return taken(local.ip());
        }
        let own = self.egress.cards.iter().flat_map(|card| card.addresses.iter());
        let localhost = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        own.map(|own| own.address).chain(localhost).any(taken)
    }

    /// A free port for a socket: one that hears from everybody, or one with a fixed other side.
    ///
    /// Where the search begins cannot be guessed, and it goes on where the last one ended, so that a port that was
    /// just given back is the last to be used again.
    pub(super) fn free_port(
        &mut self,
        kind: Kind,
        address: IpAddr,
        remote: Option<SocketAddr>,
    ) -> Result<u16, BindError> {
        let config = &self.egress.config;
        let (first, last) = (config.ephemeral_first, config.ephemeral_last.max(config.ephemeral_first));
        let range = u32::from(last - first) + 1;
        let tries = range.min(u32::from(config.ephemeral_tries_max));
        let local = SocketAddr::new(address, 0);
        let key = remote.map_or(Key::open(kind, local), |remote| Key::new(kind, local, remote));
        let offset = self.egress.secret.port_offset(&key) % range;
        let counter = self.egress.rare().port_counter;
        for step in 0..tries {
            let port = first + (offset.wrapping_add(counter).wrapping_add(step) % range) as u16;
            let local = SocketAddr::new(address, port);
            let is_free = !self.is_taken(kind, local)
                && remote.is_none_or(|remote| self.sockets.find(&Key::new(kind, local, remote)).is_none());
            if is_free {
                self.egress.rare().port_counter = counter.wrapping_add(step + 1);
                return Ok(port);
            }
        }
        self.egress.rare().port_counter = counter.wrapping_add(tries);
        Err(BindError::NoPort { tried: tries as u16 })
    }
}
