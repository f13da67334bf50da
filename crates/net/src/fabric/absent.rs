//! What a machine answers that never used its network: nothing runs there, but its card has an address.
//!
//! It says who has the address, answers echoes and refuses connections and datagrams, as a machine does on which
//! nothing listens. So a scan of a whole network costs no memory.

use std::net::IpAddr;

use super::machine::Machine;
use crate::frame::{Arp, ArpOperation, Body, Flags, Icmp, Options, Quote, Segment, Transport, Unreachable};
use crate::{Frame, Outbox, Packet, Payload, Port};

const HOPS: u8 = 64;

/// Answers a frame on behalf of a machine that has no stack.
pub(super) fn answer(machine: &Machine, frame: &Frame, out: &mut Outbox) {
    let body = match &frame.body {
        Body::Arp(arp) => answer_arp(machine, arp).map(Body::Arp),
        Body::Ip(packet) if frame.target == machine.mac => answer_packet(machine, packet).map(Body::Ip),
        _ => None,
    };
    if let Some(body) = body {
        out.send(Port::new(0), Frame { source: machine.mac, target: frame.source, body });
    }
}

fn answer_arp(machine: &Machine, arp: &Arp) -> Option<Arp> {
    let is_asked = arp.operation == ArpOperation::Request && arp.target == machine.address;
    (is_asked && machine.address().is_some()).then_some(Arp {
        operation: ArpOperation::Reply,
        source_mac: machine.mac,
        source: machine.address,
        target_mac: arp.source_mac,
        target: arp.source,
    })
}

fn answer_packet(machine: &Machine, packet: &Packet) -> Option<Packet> {
    let own = IpAddr::V4(machine.address);
    let is_single = |address: IpAddr| match address {
        IpAddr::V4(v4) => !v4.is_unspecified() && !v4.is_multicast() && !v4.is_broadcast(),
        IpAddr::V6(_) => false,
    };
    if packet.target != own || !is_single(own) || !is_single(packet.source) {
        return None;
    }
    let transport = match &packet.transport {
        Transport::Icmp(Icmp::EchoRequest(echo)) => Transport::Icmp(Icmp::EchoReply(echo.clone())),
        Transport::Tcp(segment) => Transport::Tcp(refuse(segment)?),
        Transport::Udp(_) => {
            let about = Box::new(Quote::of(packet));
            Transport::Icmp(Icmp::Unreachable { reason: Unreachable::Port, about })
        }
        _ => return None,
    };
    Some(Packet {
        source: own,
        target: packet.source,
        hops: HOPS,
        service: 0,
        identification: 0,
        may_fragment: true,
        transport,
    })
}

/// The segment that says that there is no such connection (RFC 9293, section 3.10.7.1).
fn refuse(segment: &Segment) -> Option<Segment> {
    if segment.flags.contains(Flags::RST) {
        return None;
    }
    let numbers = |flag| u32::from(segment.flags.contains(flag));
    let (sequence, acknowledgement, flags) = if segment.flags.contains(Flags::ACK) {
        (segment.acknowledgement, 0, Flags::RST)
    } else {
        let length = segment.payload.len() as u32 + numbers(Flags::SYN) + numbers(Flags::FIN);
        (0, segment.sequence.wrapping_add(length), Flags::RST | Flags::ACK)
    };
    Some(Segment {
        source: segment.target,
        target: segment.source,
        sequence,
        acknowledgement,
        flags,
        window: 0,
        cut: 0,
        options: Options::default(),
        payload: Payload::EMPTY,
    })
}
