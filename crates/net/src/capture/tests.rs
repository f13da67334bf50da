//! Captures and flow logs, and the traffic that they look at.

mod file;
mod filter;
mod flow_log;
mod recorder;
mod table;
mod tshark;

use std::net::IpAddr;

use crate::Mac;
use crate::frame::{
    Arp, ArpOperation, Body, Datagram, Echo, Flags, Fragment, Frame, Icmp, Options, Packet, Payload, Quote,
    Segment, Timestamps, Transport, Unreachable,
};

const ONE: [u8; 4] = [10, 0, 0, 1];
const TWO: [u8; 4] = [10, 0, 0, 2];

fn frame(body: Body) -> Frame {
    Frame { source: Mac::local(1), target: Mac::local(2), body }
}

fn packet(source: impl Into<IpAddr>, target: impl Into<IpAddr>, transport: Transport) -> Packet {
    let (source, target) = (source.into(), target.into());
    Packet { source, target, hops: 64, service: 0, identification: 100, may_fragment: true, transport }
}

fn arp() -> Frame {
    frame(Body::Arp(Arp {
        operation: ArpOperation::Request,
        source_mac: Mac::local(1),
        source: ONE.into(),
        target_mac: Mac::UNSPECIFIED,
        target: TWO.into(),
    }))
}

fn segment(source: u16, target: u16, flags: Flags, bytes: usize) -> Segment {
    let (value, echo) = (1_000, 2_000);
    Segment {
        source,
        target,
        sequence: 10_000,
        acknowledgement: if flags.contains(Flags::ACK) { 20_000 } else { 0 },
        flags,
        window: 1_000,
        cut: 1_448,
        options: Options { timestamps: Some(Timestamps { value, echo }), ..Options::default() },
        payload: vec![b'x'; bytes].into(),
    }
}

/// A segment from the first to the second machine.
fn tcp(source: u16, target: u16, flags: Flags, bytes: usize) -> Frame {
    frame(Body::Ip(packet(ONE, TWO, Transport::Tcp(segment(source, target, flags, bytes)))))
}

/// A segment the other way.
fn tcp_back(source: u16, target: u16, flags: Flags, bytes: usize) -> Frame {
    frame(Body::Ip(packet(TWO, ONE, Transport::Tcp(segment(source, target, flags, bytes)))))
}

fn udp(source: u16, target: u16, bytes: usize) -> Frame {
    let payload = Payload::from(vec![b'y'; bytes]);
    frame(Body::Ip(packet(ONE, TWO, Transport::Udp(Datagram { source, target, payload }))))
}

fn echo(identifier: u16) -> Frame {
    let echo = Echo { identifier, sequence: 1, payload: vec![b'z'; 56].into() };
    frame(Body::Ip(packet(ONE, TWO, Transport::Icmp(Icmp::EchoRequest(echo)))))
}

fn ip(frame: &Frame) -> &Packet {
    match &frame.body {
        Body::Ip(packet) => packet,
        other => panic!("{other:?} is no packet"),
    }
}
