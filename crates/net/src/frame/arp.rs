//! ARP on the wire: Ethernet cards and IPv4 addresses. Other kinds are carried as they are.

use bytes::Bytes;
use smoltcp::wire::{ArpOperation as Operation, ArpPacket, ArpRepr, EthernetAddress};

use super::{Arp, ArpOperation, Body, Layer, Malformed};
use crate::Mac;

pub(super) const ETHERTYPE: u16 = 0x0806;
pub(super) const BYTES: usize = 28;

impl Arp {
    pub(super) fn emit(&self, bytes: &mut Vec<u8>) {
        let mut packet = [0; BYTES];
        let repr = ArpRepr::EthernetIpv4 {
            operation: match self.operation {
                ArpOperation::Request => Operation::Request,
                ArpOperation::Reply => Operation::Reply,
            },
            source_hardware_addr: EthernetAddress(self.source_mac.bytes()),
            source_protocol_addr: self.source,
            target_hardware_addr: EthernetAddress(self.target_mac.bytes()),
            target_protocol_addr: self.target,
        };
        repr.emit(&mut ArpPacket::new_unchecked(&mut packet));
        bytes.extend_from_slice(&packet);
    }

    /// Reads what follows the Ethernet header; what follows the addresses is padding.
    pub(super) fn parse(bytes: Bytes) -> Result<Body, Malformed> {
        Malformed::check_len(Layer::Arp, bytes.len(), BYTES)?;
        let packet = ArpPacket::new_unchecked(&bytes[..]);
        let Ok(ArpRepr::EthernetIpv4 {
            operation,
            source_hardware_addr: EthernetAddress(source_mac),
            source_protocol_addr: source,
            target_hardware_addr: EthernetAddress(target_mac),
            target_protocol_addr: target,
        }) = ArpRepr::parse(&packet)
        else {
            return Ok(Body::Other { ethertype: ETHERTYPE, bytes });
        };
        let operation = match operation {
            Operation::Request => ArpOperation::Request,
            Operation::Reply => ArpOperation::Reply,
            Operation::Unknown(_) => return Ok(Body::Other { ethertype: ETHERTYPE, bytes }),
        };
        let (source_mac, target_mac) = (Mac::new(source_mac), Mac::new(target_mac));
        Ok(Body::Arp(Self { operation, source_mac, source, target_mac, target }))
    }
}
