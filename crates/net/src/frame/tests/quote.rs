//! Packets that messages are about, and their translation.

use proptest::prelude::*;

use super::super::*;
use super::any;

/// A packet of any transport with ports or an identifier, all of which is quoted.
fn small() -> impl Strategy<Value = Packet> {
    let echo = any::segment(0).prop_map(|segment| {
        Icmp::EchoRequest(Echo { identifier: segment.source, sequence: 1, payload: Payload::EMPTY })
    });
    let datagram = (any::segment(0), any::payload(300)).prop_map(|(segment, payload)| Datagram {
        source: segment.source,
        target: segment.target,
        payload,
    });
    any::packet_of(prop_oneof![
        any::segment(300).prop_map(Transport::Tcp),
        datagram.prop_map(Transport::Udp),
        echo.prop_map(Transport::Icmp),
    ])
}

proptest! {
    #[test]
    fn a_translated_quote_is_the_quote_of_the_translated_packet(packet in small(), source: u32, target: u32, ports: (u16, u16)) {
        let mut quote = Quote::of(&packet);
        let (source, target) = (std::net::Ipv4Addr::from_bits(source), std::net::Ipv4Addr::from_bits(target));
        let mut packet = Packet { source: source.into(), target: target.into(), ..packet };
        match &mut packet.transport {
            Transport::Tcp(Segment { source, target, .. }) | Transport::Udp(Datagram { source, target, .. }) => {
                prop_assert_eq!(quote.ports(), Some((*source, *target)));
                (*source, *target) = ports;
            }
            Transport::Icmp(Icmp::EchoRequest(echo)) => {
                prop_assert_eq!(quote.echo_identifier(), Some(echo.identifier));
                echo.identifier = ports.0;
            }
            _ => {}
        }
        quote.set_source(packet.source);
        quote.set_target(packet.target);
        quote.set_source_port(ports.0);
        quote.set_target_port(ports.1);
        quote.set_echo_identifier(ports.0);
        let expected = Quote::of(&packet);
        // A checksum of 0 and one of all ones say the same to TCP and ICMP.
        prop_assert_eq!((quote.ports(), quote.echo_identifier()), (expected.ports(), expected.echo_identifier()));
        let mut bytes = Vec::new();
        quote.emit(&mut bytes);
        let read = Packet::parse(bytes.into());
        prop_assert_eq!(read.map(|read| read.transport), Ok(packet.transport));
    }
}

#[test]
fn a_short_quote_is_left_as_it_is() {
    for protocol in [1, 6, 17] {
        for len in 0..8 {
            let mut quote = Quote {
                source: [10, 0, 0, 1].into(),
                target: [10, 0, 0, 2].into(),
                protocol,
                hops: 1,
                service: 0,
                identification: 0,
                may_fragment: false,
                bytes: 100,
                transport: vec![8, 0, 0, 0, 0, 0, 0, 0][..len].to_vec().into(),
            };
            quote.set_source([1, 2, 3, 4].into());
            quote.set_source_port(7);
            quote.set_target_port(7);
            quote.set_echo_identifier(7);
            assert_eq!(quote.transport.len(), len);
            assert_eq!(quote.ports().is_some(), protocol != 1 && len >= 4);
            assert_eq!(quote.sequence().is_some(), protocol == 6 && len >= 8);
            assert_eq!(quote.echo_identifier().is_some(), protocol == 1 && len >= 6);
        }
    }
}

#[test]
fn a_datagram_without_a_checksum_keeps_none() {
    let mut quote = Quote {
        source: [10, 0, 0, 1].into(),
        target: [10, 0, 0, 2].into(),
        protocol: 17,
        hops: 1,
        service: 0,
        identification: 0,
        may_fragment: false,
        bytes: 100,
        transport: Bytes::from_static(&[0, 1, 0, 2, 0, 80, 0, 0]),
    };
    quote.set_source([1, 2, 3, 4].into());
    quote.set_target_port(0x0304);
    assert_eq!(quote.transport, [0, 1, 3, 4, 0, 80, 0, 0][..]);
}

#[test]
fn a_message_about_a_later_fragment_is_carried_as_it_is() {
    let mut inner = Vec::new();
    Packet {
        source: [10, 0, 0, 1].into(),
        target: [10, 0, 0, 2].into(),
        hops: 1,
        service: 0,
        identification: 0,
        may_fragment: true,
        transport: Transport::Fragment(Fragment {
            protocol: 17,
            offset: 8,
            more: false,
            bytes: vec![0; 9].into(),
        }),
    }
    .emit(&mut inner);
    let message = Icmp::Other { kind: 3, code: 3, bytes: [&[0; 4][..], &inner].concat().into() };
    let mut bytes = Vec::new();
    let ends = ends::Ends::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
    message.emit(ends, &mut bytes);
    assert_eq!(Icmp::parse(bytes.into()), Ok(message));
}
