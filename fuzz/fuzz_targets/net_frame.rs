//! Whatever the bytes, they are read as a frame or refused; what was read is written as what says the same.

#![no_main]

use ironloom_core::Instant;
use ironloom_net::frame::{Body, Frame, Icmp, Packet, Quote, Reassembly, ReassemblyConfig, Transport};
use libfuzzer_sys::fuzz_target;

/// Where a checksum is, and what it is of.
const ETHERNET: usize = 14;
const HEADER: usize = 20;

fuzz_target!(|bytes: &[u8]| {
    whole(bytes);
    let mut mended = bytes.to_vec();
    mend(&mut mended);
    whole(&mended);
    fragments(bytes);
});

fn whole(bytes: &[u8]) {
    let Ok(frame) = Frame::parse(bytes.to_vec().into()) else { return };
    let again = frame.to_bytes();
    assert_eq!(Frame::parse(again.clone()).as_ref(), Ok(&frame));
    assert_eq!(again.len(), frame.wire_len());
    let Body::Ip(packet) = &frame.body else { return };
    cut(packet);
    let mut quote = Quote::of(packet);
    quote.set_source([1, 2, 3, 4].into());
    quote.set_source_port(7);
    quote.set_echo_identifier(8);
    if let Transport::Icmp(icmp) = &packet.transport {
        translated(packet, icmp.clone());
    }
}

/// Pieces are whole packets, and become what they were.
fn cut(packet: &Packet) {
    let mut reassembly = Reassembly::new(ReassemblyConfig::default());
    let mtu = 68 + packet.identification % 1_500;
    for piece in packet.cut(mtu) {
        let mut bytes = Vec::new();
        piece.emit(&mut bytes);
        assert_eq!(Packet::parse(bytes.into()).as_ref(), Ok(&piece));
        let _ = reassembly.take(Instant::ZERO, piece);
    }
}

/// An error is read again after its quote was translated.
fn translated(packet: &Packet, mut icmp: Icmp) {
    let Some(quote) = icmp.about_mut() else { return };
    quote.set_target([4, 3, 2, 1].into());
    quote.set_target_port(9);
    let transport = Transport::Icmp(icmp);
    let packet = Packet { transport, ..packet.clone() };
    let mut bytes = Vec::new();
    packet.emit(&mut bytes);
    assert_eq!(Packet::parse(bytes.into()), Ok(packet));
}

/// Fragments with every offset, length and flag, of a few packets.
fn fragments(bytes: &[u8]) {
    let config =
        ReassemblyConfig { packets_max: 3, packet_pieces_max: 20, bytes_max: 10_000, ..Default::default() };
    let mut reassembly = Reassembly::new(config);
    let mut rest = bytes;
    while let [which, offset, len, more, after @ ..] = rest {
        let len = usize::from(*len).min(after.len());
        let fragment = ironloom_net::frame::Fragment {
            protocol: [1, 6, 17, 200][usize::from(which >> 6)],
            offset: u16::from(*offset) * 8,
            more: more & 1 == 1,
            bytes: after[..len].to_vec().into(),
        };
        let packet = Packet {
            source: [10, 0, 0, 1].into(),
            target: [10, 0, 0, 2].into(),
            hops: 64,
            service: more >> 6,
            identification: u16::from(which & 7),
            may_fragment: true,
            transport: Transport::Fragment(fragment),
        };
        let _ = reassembly.take(Instant::from_nanos(u64::from(more & 2)), packet);
        assert!(reassembly.len() <= 3);
        rest = &after[len..];
    }
    while reassembly.expire(Instant::MAX).is_some() {}
    assert!(reassembly.is_empty() && reassembly.next_event().is_none());
}

/// Makes lengths and checksums right, so that what is behind them is reached.
fn mend(bytes: &mut [u8]) {
    if bytes.len() < ETHERNET + HEADER {
        return;
    }
    bytes[12..14].copy_from_slice(&[8, 0]);
    let packet = &mut bytes[ETHERNET..];
    let total = packet.len().min(0xFFFF);
    packet[0] = 0x45;
    packet[2..4].copy_from_slice(&(total as u16).to_be_bytes());
    packet[10..12].fill(0);
    let sum = !fold(total_of(&packet[..HEADER]));
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    let protocol = packet[9];
    let ends = total_of(&packet[12..20]);
    let transport = &mut packet[HEADER..total];
    let (at, pseudo) = match protocol {
        1 => (2, 0),
        6 => (16, ends + 6 + transport.len() as u64),
        17 => (6, ends + 17 + transport.len() as u64),
        _ => return,
    };
    if transport.len() >= at + 2 {
        if protocol == 17 {
            let len = (transport.len() as u16).to_be_bytes();
            transport[4..6].copy_from_slice(&len);
        }
        transport[at..at + 2].fill(0);
        let sum = !fold(pseudo + total_of(transport));
        transport[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
}

fn total_of(bytes: &[u8]) -> u64 {
    bytes.chunks(2).map(|word| u64::from(word[0]) << 8 | u64::from(*word.get(1).unwrap_or(&0))).sum()
}

fn fold(mut total: u64) -> u16 {
    while total > 0xFFFF {
        total = (total & 0xFFFF) + (total >> 16);
    }
    total as u16
}
