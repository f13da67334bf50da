//! Others read the same from the bytes: etherparse and smoltcp.

use std::net::IpAddr;

use etherparse::{Icmpv4Type, NetSlice, SlicedPacket, TcpOptionElement, TransportSlice};
use proptest::prelude::*;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire as peer;

use super::super::*;
use super::any;

fn concat(payload: &Payload) -> Vec<u8> {
    payload.to_bytes().to_vec()
}

/// etherparse reads from the bytes what the frame says, and finds their checksums right.
fn etherparse_agrees(frame: &Frame, bytes: &[u8]) {
    let Body::Ip(packet) = &frame.body else { return };
    let sliced = SlicedPacket::from_ethernet(bytes).unwrap();
    let Some(NetSlice::Ipv4(net)) = &sliced.net else { panic!("{:?} is not of version 4", sliced.net) };
    let header = net.header();
    assert_eq!(header.header_checksum(), header.to_header().calc_header_checksum());
    assert_eq!(
        (IpAddr::V4(header.source_addr()), IpAddr::V4(header.destination_addr())),
        (packet.source, packet.target)
    );
    assert_eq!((header.ttl(), header.identification()), (packet.hops, packet.identification));
    assert_eq!(header.dont_fragment(), !packet.may_fragment);
    assert_eq!(header.dcp().value() << 2 | header.ecn().value(), packet.service);
    assert_eq!(header.protocol().0, packet.transport.protocol());
    match (&packet.transport, &sliced.transport) {
        (Transport::Tcp(segment), Some(TransportSlice::Tcp(tcp))) => {
            assert_eq!(
                tcp.checksum(),
                tcp.calc_checksum_ipv4(header.source(), header.destination()).unwrap()
            );
            assert_eq!((tcp.source_port(), tcp.destination_port()), (segment.source, segment.target));
            assert_eq!((tcp.sequence_number(), tcp.window_size()), (segment.sequence, segment.window));
            assert_eq!(tcp.acknowledgment_number(), segment.acknowledgement);
            let flags =
                [tcp.fin(), tcp.syn(), tcp.rst(), tcp.psh(), tcp.ack(), tcp.urg(), tcp.ece(), tcp.cwr()];
            let flags = flags.iter().enumerate().map(|(bit, is_set)| u8::from(*is_set) << bit).sum();
            assert_eq!(Flags(flags), segment.flags);
            assert_eq!(tcp.payload(), concat(&segment.payload));
            options_agree(&segment.options, tcp.options_iterator().map(Result::unwrap));
        }
        (Transport::Udp(datagram), Some(TransportSlice::Udp(udp))) => {
            assert_eq!((udp.source_port(), udp.destination_port()), (datagram.source, datagram.target));
            assert_eq!(udp.payload(), concat(&datagram.payload));
            let sum =
                udp.to_header().calc_checksum_ipv4_raw(header.source(), header.destination(), udp.payload());
            assert_eq!(udp.checksum(), sum.unwrap());
        }
        (Transport::Icmp(icmp), Some(TransportSlice::Icmpv4(read))) => {
            assert_eq!(read.checksum(), read.icmp_type().calc_checksum(read.payload()));
            icmp_agrees(icmp, &read.icmp_type(), read.payload());
        }
        (Transport::Fragment(fragment), None) => {
            assert_eq!(header.fragments_offset().byte_offset(), fragment.offset);
            assert_eq!(header.more_fragments(), fragment.more);
            assert_eq!(net.payload().payload, fragment.bytes);
        }
        (Transport::Other { .. } | Transport::Icmp(Icmp::Other { .. }), _) => {}
        (ours, theirs) => panic!("{ours:?} was read as {theirs:?}"),
    }
}

fn options_agree(options: &Options, read: impl Iterator<Item = TcpOptionElement>) {
    let mut seen = Options::default();
    for option in read {
        match option {
            TcpOptionElement::Noop => {}
            TcpOptionElement::MaximumSegmentSize(max) => seen.segment_bytes_max = Some(max),
            TcpOptionElement::WindowScale(shift) => seen.window_shift = Some(shift),
            TcpOptionElement::SelectiveAcknowledgementPermitted => seen.selective = true,
            TcpOptionElement::Timestamp(value, echo) => seen.timestamps = Some(Timestamps { value, echo }),
            TcpOptionElement::SelectiveAcknowledgement(first, others) => {
                seen.received = Some(std::iter::once(first).chain(others.into_iter().flatten()).collect());
            }
        }
    }
    let room = if options.timestamps.is_some() && options.segment_bytes_max.is_some() { 1 } else { 2 };
    let received = options.received.as_deref().map(|ranges| &ranges[..ranges.len().min(room)]);
    if seen.received.as_deref() != received {
        // What does not fit is left out.
        assert!(
            seen.received.as_deref().is_none_or(|seen| options
                .received
                .as_deref()
                .unwrap()
                .starts_with(seen))
        );
    }
    assert_eq!(Options { received: None, ..seen }, Options { received: None, ..options.clone() });
}

fn icmp_agrees(icmp: &Icmp, read: &Icmpv4Type, payload: &[u8]) {
    use etherparse::icmpv4::{DestUnreachableHeader as Why, TimeExceededCode};
    let echo = |echo: &Echo, id, seq| {
        assert_eq!((echo.identifier, echo.sequence, concat(&echo.payload)), (id, seq, payload.to_vec()));
    };
    match (icmp, read) {
        (Icmp::EchoRequest(ours), Icmpv4Type::EchoRequest(read))
        | (Icmp::EchoReply(ours), Icmpv4Type::EchoReply(read)) => echo(ours, read.id, read.seq),
        (
            Icmp::TooBig { mtu, .. },
            Icmpv4Type::DestinationUnreachable(Why::FragmentationNeeded { next_hop_mtu }),
        ) => {
            assert_eq!(mtu, next_hop_mtu);
        }
        (Icmp::Unreachable { reason, .. }, Icmpv4Type::DestinationUnreachable(why)) => {
            assert_eq!(reason.code(), why.code_u8());
            assert_eq!(*reason == Unreachable::Network, *why == Why::Network);
            assert_eq!(*reason == Unreachable::Host, *why == Why::Host);
            assert_eq!(*reason == Unreachable::Protocol, *why == Why::Protocol);
            assert_eq!(*reason == Unreachable::Port, *why == Why::Port);
            assert_eq!(*reason == Unreachable::Prohibited, *why == Why::FilterProhibited);
        }
        (Icmp::TimeExceeded { in_transit, .. }, Icmpv4Type::TimeExceeded(code)) => {
            assert_eq!(*in_transit, *code == TimeExceededCode::TtlExceededInTransit);
        }
        (Icmp::Unreachable { .. } | Icmp::Other { .. }, _) => {}
        (ours, theirs) => panic!("{ours:?} was read as {theirs:?}"),
    }
    if let Some(quote) = icmp.about() {
        let header = etherparse::Ipv4HeaderSlice::from_slice(payload).unwrap();
        assert_eq!(header.header_checksum(), header.to_header().calc_header_checksum());
        assert_eq!(
            (header.ttl(), header.total_len(), header.protocol().0),
            (quote.hops, quote.bytes, quote.protocol)
        );
        assert_eq!(payload[20..], quote.transport);
    }
}

/// smoltcp, with all checksums looked at, takes the packet too.
fn smoltcp_takes(packet: &Packet, bytes: &[u8]) -> Result<(), peer::Error> {
    let sums = ChecksumCapabilities::default();
    let ip = peer::Ipv4Packet::new_checked(&bytes[14..])?;
    assert!(ip.verify_checksum());
    let (source, target) = (ip.src_addr().into(), ip.dst_addr().into());
    match &packet.transport {
        Transport::Tcp(segment) if segment.source != 0 && segment.target != 0 => {
            let tcp = peer::TcpPacket::new_checked(ip.payload())?;
            assert!(tcp.verify_checksum(&source, &target));
            assert_eq!(tcp.payload(), concat(&segment.payload));
        }
        Transport::Udp(datagram) if datagram.target != 0 => {
            let udp = peer::UdpPacket::new_checked(ip.payload())?;
            peer::UdpRepr::parse(&udp, &source, &target, &sums)?;
            assert_eq!(udp.payload(), concat(&datagram.payload));
        }
        Transport::Icmp(Icmp::EchoRequest(_) | Icmp::EchoReply(_)) => {
            peer::Icmpv4Repr::parse(&peer::Icmpv4Packet::new_checked(ip.payload())?, &sums)?;
        }
        _ => {}
    }
    Ok(())
}

proptest! {
    #[test]
    fn etherparse_reads_the_same(frame in any::frame()) {
        etherparse_agrees(&frame, &frame.to_bytes());
    }

    #[test]
    fn smoltcp_reads_the_same(frame in any::frame()) {
        if let Body::Ip(packet) = &frame.body {
            smoltcp_takes(packet, &frame.to_bytes()).unwrap();
        }
    }

    #[test]
    fn etherparse_finds_right_what_is_taken_after_a_change(frame in any::frame(), at in any::<u16>(), bit in 0..8_u8) {
        let mut bytes = frame.to_bytes().to_vec();
        let at = usize::from(at) % bytes.len();
        bytes[at] ^= 1 << bit;
        if let Ok(frame) = Frame::parse(bytes.clone().into()) {
            etherparse_agrees(&frame, &frame.to_bytes());
        }
    }

    #[test]
    fn what_is_cut_has_right_checksums(frame in any::frame(), cut in 1..1_500_u16, mtu in 68..1_500_u16) {
        let Body::Ip(mut packet) = frame.body else { return Ok(()) };
        if let Transport::Tcp(segment) = &mut packet.transport {
            segment.cut = cut;
        }
        for piece in packet.cut(mtu) {
            let (source, target) = (frame.source, frame.target);
            let frame = Frame { source, target, body: Body::Ip(piece) };
            let bytes = frame.to_bytes();
            etherparse_agrees(&frame, &bytes);
            prop_assert_eq!(Frame::parse(bytes), Ok(frame));
        }
    }
}
