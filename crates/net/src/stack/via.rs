//! [`Via`]: by what a connection runs, and so how large its segments are.

use std::net::IpAddr;

use crate::tcp;

use super::Stack;
use super::egress::Egress;

/// By what a connection runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Via {
    /// A card that is as the configuration says.
    Usual,
    /// A card with another size of packets, or without offload.
    Card(u16),
    /// Back to the machine itself.
    Loopback,
}

/// The size of packets for which the configuration says how large segments are.
const MTU_USUAL: u16 = 1_500;

/// What a packet has besides the bytes of a stream.
const HEADER_BYTES: u16 = 40;

impl Egress {
    /// By what a connection to an address runs.
    pub(super) fn via(&mut self, remote: IpAddr) -> Via {
        if self.is_own(remote) {
            let usual = &self.config.tcp;
            let make = || Box::new(sized(usual, u16::MAX, true));
            self.rare.get_or_insert_default().loopback_tcp.get_or_insert_with(make);
            return Via::Loopback;
        }
        let card = self.card_towards(remote);
        card.filter(|card| self.cards[*card].tcp.is_some()).map_or(Via::Usual, |card| Via::Card(card as u16))
    }

    /// What connections by this way may use.
    #[inline]
    pub(super) fn tcp_config(&self, via: Via) -> &tcp::Config {
        let own = match via {
            Via::Usual => None,
            Via::Card(card) => self.cards.get(card as usize).and_then(|card| card.tcp.as_deref()),
            Via::Loopback => self.rare.as_ref().and_then(|rare| rare.loopback_tcp.as_deref()),
        };
        own.unwrap_or(&self.config.tcp)
    }
}

impl Stack {
    pub(super) fn via(&mut self, remote: IpAddr) -> Via {
        self.egress.via(remote)
    }

    #[inline]
    pub(super) fn tcp_config(&self, via: Via) -> &tcp::Config {
        self.egress.tcp_config(via)
    }
}

/// The configuration for a card with packets of a size, with offload or without.
pub(super) fn sized(usual: &tcp::Config, mtu: u16, offload: bool) -> tcp::Config {
    let segment_bytes_max = if mtu == MTU_USUAL { usual.segment_bytes_max } else { mtu - HEADER_BYTES };
    let offload_bytes_max = if offload { usual.offload_bytes_max } else { 0 };
    tcp::Config { segment_bytes_max, offload_bytes_max, ..usual.clone() }
}
