//! What is cut is what it was cut from, and fits.

use proptest::prelude::*;

use super::super::*;
use super::any;

fn segments(packet: &Packet, mtu: u16) -> Vec<(Packet, Segment)> {
    let of = |packet: Packet| match packet.transport.clone() {
        Transport::Tcp(segment) => (packet, segment),
        other => panic!("{other:?} is no segment"),
    };
    packet.cut(mtu).map(of).collect()
}

/// A segment of so many bytes that is to be cut.
fn large(bytes: usize, cut: u16, flags: Flags) -> Packet {
    let payload: Vec<u8> = (0..bytes).map(|at| (at / 7) as u8).collect();
    let segment = Segment {
        source: 1,
        target: 2,
        sequence: u32::MAX - 1_000,
        acknowledgement: 9,
        flags,
        window: 100,
        cut,
        options: Options::default(),
        payload: [payload[..bytes / 3].to_vec(), payload[bytes / 3..].to_vec()]
            .map(Into::into)
            .into_iter()
            .collect(),
    };
    Packet {
        source: [10, 0, 0, 1].into(),
        target: [10, 0, 0, 2].into(),
        hops: 64,
        service: 2,
        identification: 0xFFFF,
        may_fragment: false,
        transport: Transport::Tcp(segment),
    }
}

#[test]
fn a_large_segment_is_cut_as_cards_do() {
    let flags = Flags::ACK | Flags::PSH | Flags::FIN | Flags::CWR;
    let packet = large(64_000, 1_460, flags);
    assert!(packet.fits(1_500) && !packet.fits(1_499));
    let cut = segments(&packet, 1_500);
    assert_eq!((cut.len(), packet.pieces_on_wire()), (44, 44));
    assert_eq!(packet.wire_len(), cut.iter().map(|(packet, _)| packet.wire_len()).sum::<usize>());
    let mut next = u32::MAX - 1_000;
    for (at, (packet, segment)) in cut.iter().enumerate() {
        assert_eq!(packet.identification, 0xFFFF_u16.wrapping_add(at as u16));
        assert_eq!((segment.sequence, segment.cut), (next, 0));
        next = next.wrapping_add(segment.payload.len() as u32);
        assert_eq!(segment.flags.contains(Flags::CWR), at == 0);
        assert_eq!(segment.flags.contains(Flags::FIN | Flags::PSH), at == 43);
        assert_eq!(segment.flags.0 & (Flags::FIN | Flags::PSH).0 != 0, at == 43);
        assert!(segment.flags.contains(Flags::ACK));
    }
    let whole: Payload = cut.iter().flat_map(|(_, segment)| segment.payload.pieces().to_vec()).collect();
    let Transport::Tcp(segment) = &packet.transport else { unreachable!("it is TCP") };
    assert_eq!(whole, segment.payload);
}

#[test]
fn a_segment_that_begins_a_connection_counts_itself() {
    let cut = segments(&large(2_000, 1_000, Flags::SYN), 1_500);
    assert_eq!((cut[0].1.flags, cut[1].1.flags), (Flags::SYN, Flags::default()));
    assert_eq!(cut[1].1.sequence.wrapping_sub(cut[0].1.sequence), 1_001);
}

#[test]
fn what_must_not_be_cut_comes_out_as_it_is() {
    let packet = large(2_000, 0, Flags::ACK);
    assert!(!packet.fits(1_500));
    assert!(packet.cut(1_500).eq([packet.clone()]));
    let too_long = Packet { may_fragment: true, ..large(70_000, 0, Flags::ACK) };
    assert_eq!(too_long.cut(1_500).count(), 1);
    let sixth = Packet { source: "fd00::1".parse().unwrap(), target: "fd00::2".parse().unwrap(), ..packet };
    assert_eq!(Packet { may_fragment: true, ..sixth }.cut(1_500).count(), 1);
}

#[test]
fn a_link_for_nothing_still_gets_on() {
    let packet = Packet { may_fragment: true, ..large(100, 0, Flags::ACK) };
    assert_eq!(packet.cut(0).count(), 15);
}

#[test]
fn a_large_segment_is_cut_before_it_is_fragmented() {
    let packet = Packet { may_fragment: true, ..large(3_000, 1_460, Flags::ACK) };
    assert!(!packet.fits(600));
    let pieces: Vec<Packet> = packet.cut(600).collect();
    assert!(pieces.iter().all(|piece| piece.fits(600)));
    let mut reassembly = Reassembly::new(ReassemblyConfig::default());
    let now = ironloom_core::Instant::ZERO;
    let whole: Vec<Packet> =
        pieces.into_iter().filter_map(|piece| reassembly.take(now, piece).unwrap()).collect();
    assert!(whole.into_iter().eq(packet.cut(1_500)));
    assert!(reassembly.is_empty());
}

proptest! {
    #[test]
    fn fragments_fit_and_become_what_they_were(packet in any::packet(), mtus in proptest::array::uniform2(68..2_000_u16)) {
        let mut packet = packet;
        packet.may_fragment = true;
        packet.service &= !3;
        if matches!(packet.transport, Transport::Fragment(_)) {
            return Ok(());
        }
        let [first, second] = mtus;
        let pieces: Vec<Packet> = packet.cut(first).flat_map(|piece| piece.cut(second).collect::<Vec<_>>()).collect();
        prop_assert!(pieces.iter().all(|piece| piece.fits(first) && piece.fits(second)));
        prop_assert_eq!(pieces.len() > 1, !packet.fits(first.min(second)));
        let mut reassembly = Reassembly::new(ReassemblyConfig::default());
        let now = ironloom_core::Instant::ZERO;
        let mut whole = pieces.into_iter().rev().filter_map(|piece| reassembly.take(now, piece).unwrap());
        prop_assert_eq!(whole.next(), Some(packet));
    }
}
