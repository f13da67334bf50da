//! [`Digest`]: all that happened in a fabric, as one number.

use std::net::IpAddr;

use ironloom_core::Instant;

use crate::frame::{Arp, Body, Icmp, Transport};
use crate::{Frame, Packet};

const FIRST: u64 = 0xA076_1D64_78BD_642F;
const SECOND: u64 = 0xE703_7ED1_A0B4_28DB;
const THIRD: u64 = 0x8EBC_6AF0_9C88_C6E3;

/// The sum of the hashes of all arrivals: what arrived where and when, with all headers and the lengths of payloads.
///
/// A sum, so that it does not matter which shard saw an arrival first; the order of what one station saw is in what is
/// summed, for frames of one instant are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Digest(u128);

impl Digest {
    #[inline]
    pub(super) fn add(&mut self, at: Instant, key: u64, frame: &Frame) {
        self.add_print(at, key, fingerprint(frame));
    }

    /// Adds the arrival of a frame of which the [`fingerprint`] is known.
    #[inline]
    pub(super) fn add_print(&mut self, at: Instant, key: u64, content: u64) {
        let place = fold(at.as_nanos() ^ FIRST, key ^ SECOND);
        let product = u128::from(place ^ THIRD).wrapping_mul(u128::from(content | 1));
        self.0 = self.0.wrapping_add(product ^ u128::from(content) << 64);
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }

    pub(super) fn bits(self) -> u128 {
        self.0
    }
}

/// Multiplies two words and folds the product: every bit of the result depends on all of both.
#[inline]
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left).wrapping_mul(u128::from(right));
    (product >> 64) as u64 ^ product as u64
}

/// All that a frame says of itself, in one word.
#[inline]
pub(super) fn fingerprint(frame: &Frame) -> u64 {
    match &frame.body {
        Body::Ip(packet) => of_packet(packet),
        Body::Arp(arp) => of_arp(arp),
        Body::Other { ethertype, bytes } => fold(u64::from(*ethertype) ^ FIRST, bytes.len() as u64 ^ SECOND),
        Body::Broken(bytes) => fold(THIRD, bytes.len() as u64 ^ SECOND),
    }
}

fn of_arp(arp: &Arp) -> u64 {
    let addresses = u64::from(arp.source.to_bits()) << 32 | u64::from(arp.target.to_bits());
    fold(addresses ^ THIRD, arp.operation as u64 ^ SECOND)
}

fn of_address(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => fold(address.to_bits() as u64, (address.to_bits() >> 64) as u64 ^ FIRST),
    }
}

#[inline]
fn of_packet(packet: &Packet) -> u64 {
    let addresses = of_address(packet.source) << 32 ^ of_address(packet.target);
    let header = u64::from(packet.identification) << 8 | u64::from(packet.hops);
    let (first, second) = of_transport(&packet.transport);
    fold(fold(addresses ^ FIRST, first ^ SECOND), second ^ header.rotate_left(24) ^ THIRD)
}

#[inline]
fn of_transport(transport: &Transport) -> (u64, u64) {
    let ports = |source: u16, target: u16| u64::from(source) << 48 | u64::from(target) << 32;
    match transport {
        Transport::Tcp(segment) => (
            ports(segment.source, segment.target) | u64::from(segment.sequence),
            u64::from(segment.acknowledgement) << 32
                ^ u64::from(segment.flags.0) << 24
                ^ u64::from(segment.window) << 44
                ^ segment.payload.len() as u64,
        ),
        Transport::Udp(datagram) => {
            (ports(datagram.source, datagram.target) | 17, datagram.payload.len() as u64)
        }
        Transport::Icmp(Icmp::EchoRequest(echo)) => (ports(echo.identifier, echo.sequence) | 8, 8),
        Transport::Icmp(Icmp::EchoReply(echo)) => (ports(echo.identifier, echo.sequence), 0),
        Transport::Icmp(_) => (1, 1),
        Transport::Fragment(fragment) => (u64::from(fragment.offset), fragment.bytes.len() as u64),
        Transport::Other { protocol, bytes } => (u64::from(*protocol), bytes.len() as u64),
    }
}
