//! Any frame that can be on a wire.

use std::net::Ipv4Addr;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::super::*;
use crate::Mac;

fn mac() -> impl Strategy<Value = Mac> {
    any::<[u8; 6]>().prop_map(Mac::new)
}

fn address() -> impl Strategy<Value = Ipv4Addr> {
    any::<u32>().prop_map(Ipv4Addr::from_bits)
}

fn some_bytes(max: usize) -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..=max).prop_map(Bytes::from)
}

/// Bytes in up to three pieces.
pub(crate) fn payload(max: usize) -> impl Strategy<Value = Payload> {
    vec(some_bytes(max / 3), 0..=3).prop_map(|pieces| pieces.into_iter().collect())
}

fn options() -> impl Strategy<Value = Options> {
    let timestamps = any::<(u32, u32)>().prop_map(|(value, echo)| Timestamps { value, echo });
    let ranges = vec(any::<(u32, u32)>(), 1..=2).prop_map(Vec::into_boxed_slice);
    (
        option::of(any::<u16>()),
        option::of(0..=14_u8),
        any::<bool>(),
        option::of(timestamps),
        option::of(ranges),
    )
        .prop_map(|(segment_bytes_max, window_shift, selective, timestamps, received)| Options {
            segment_bytes_max,
            window_shift,
            selective,
            timestamps,
            received,
        })
}

pub(crate) fn segment(payload_max: usize) -> impl Strategy<Value = Segment> {
    let numbers = any::<(u16, u16, u32, u32, u8, u16)>();
    (numbers, options(), payload(payload_max)).prop_map(|(numbers, options, payload)| {
        let (source, target, sequence, acknowledgement, flags, window) = numbers;
        let flags = Flags(flags);
        Segment { source, target, sequence, acknowledgement, flags, window, cut: 0, options, payload }
    })
}

fn datagram(payload_max: usize) -> impl Strategy<Value = Datagram> {
    (any::<(u16, u16)>(), payload(payload_max)).prop_map(|((source, target), payload)| Datagram {
        source,
        target,
        payload,
    })
}

/// The quote of any packet that carries no quote itself.
pub(crate) fn quote() -> impl Strategy<Value = Box<Quote>> {
    let transport = prop_oneof![
        segment(900).prop_map(Transport::Tcp),
        datagram(900).prop_map(Transport::Udp),
        echo().prop_map(|echo| Transport::Icmp(Icmp::EchoRequest(echo))),
    ];
    packet_of(transport).prop_map(|packet| Box::new(Quote::of(&packet)))
}

fn echo() -> impl Strategy<Value = Echo> {
    (any::<(u16, u16)>(), payload(900)).prop_map(|((identifier, sequence), payload)| Echo {
        identifier,
        sequence,
        payload,
    })
}

fn unreachable() -> impl Strategy<Value = Unreachable> {
    any::<u8>().prop_map(|code| Unreachable::from_code(if code == 4 { 0 } else { code }))
}

fn icmp() -> impl Strategy<Value = Icmp> {
    prop_oneof![
        echo().prop_map(Icmp::EchoRequest),
        echo().prop_map(Icmp::EchoReply),
        (unreachable(), quote()).prop_map(|(reason, about)| Icmp::Unreachable { reason, about }),
        (any::<u16>(), quote()).prop_map(|(mtu, about)| Icmp::TooBig { mtu, about }),
        (any::<bool>(), quote()).prop_map(|(in_transit, about)| Icmp::TimeExceeded { in_transit, about }),
        (15..=u8::MAX, any::<u8>(), vec(any::<u8>(), 4..80).prop_map(Bytes::from))
            .prop_map(|(kind, code, bytes)| Icmp::Other { kind, code, bytes }),
    ]
}

/// The number of a protocol that is carried as it is; not of authentication headers, into which etherparse looks.
fn protocol() -> impl Strategy<Value = u8> {
    (18..=u8::MAX).prop_map(|protocol| if protocol == 51 { 50 } else { protocol })
}

fn fragment() -> impl Strategy<Value = Fragment> {
    (prop_oneof![Just(6), protocol()], 0..8_000_u16, any::<bool>(), vec(any::<u8>(), 8..=1_480)).prop_map(
        |(protocol, unit, more, mut bytes)| {
            if more {
                bytes.truncate(bytes.len() / 8 * 8);
            }
            let more = more || unit == 0;
            bytes.truncate(if more { bytes.len() / 8 * 8 } else { bytes.len() });
            Fragment { protocol, offset: unit * 8, more, bytes: bytes.into() }
        },
    )
}

pub(crate) fn packet_of(transport: impl Strategy<Value = Transport>) -> impl Strategy<Value = Packet> {
    (any::<(u8, u8, u16, bool)>(), address(), address(), transport).prop_map(
        |((hops, service, identification, may_fragment), source, target, transport)| Packet {
            source: source.into(),
            target: target.into(),
            hops,
            service,
            identification,
            may_fragment,
            transport,
        },
    )
}

fn arp() -> impl Strategy<Value = Arp> {
    (any::<bool>(), mac(), address(), mac(), address()).prop_map(
        |(asks, source_mac, source, target_mac, target)| {
            let operation = if asks { ArpOperation::Request } else { ArpOperation::Reply };
            Arp { operation, source_mac, source, target_mac, target }
        },
    )
}

/// Any packet that is neither broken nor to be cut.
pub(crate) fn packet() -> impl Strategy<Value = Packet> {
    packet_of(prop_oneof![
        4 => segment(3_000).prop_map(Transport::Tcp),
        2 => datagram(3_000).prop_map(Transport::Udp),
        4 => icmp().prop_map(Transport::Icmp),
        1 => fragment().prop_map(Transport::Fragment),
        1 => (protocol(), some_bytes(500)).prop_map(|(protocol, bytes)| Transport::Other { protocol, bytes }),
    ])
}

/// Any frame that is neither broken nor to be cut.
pub(crate) fn frame() -> impl Strategy<Value = Frame> {
    let body = prop_oneof![
        1 => arp().prop_map(Body::Arp),
        8 => packet().prop_map(Body::Ip),
        1 => (0x0807..=u16::MAX, some_bytes(500))
            .prop_map(|(ethertype, bytes)| Body::Other { ethertype, bytes }),
    ];
    (mac(), mac(), body).prop_map(|(source, target, body)| Frame { source, target, body })
}
