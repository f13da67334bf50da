//! Fragments that are meant badly, and more of them than there is room for.

use bytes::Bytes;
use ironloom_core::{Duration, Instant, Rng, Seed};

use super::super::*;

const NOW: Instant = Instant::ZERO;

fn fragment(identification: u16, offset: u16, more: bool, bytes: impl Into<Vec<u8>>) -> Packet {
    let bytes = Bytes::from(bytes.into());
    Packet {
        source: [10, 0, 0, 1].into(),
        target: [10, 0, 0, 2].into(),
        hops: 64,
        service: 0,
        identification,
        may_fragment: true,
        transport: Transport::Fragment(Fragment { protocol: 200, offset, more, bytes }),
    }
}

fn reassembly() -> Reassembly {
    Reassembly::new(ReassemblyConfig::default())
}

/// Takes fragments in order; what comes of the last, if all before were kept.
fn check(fragments: &[Packet], expected: &Result<Option<usize>, NotReassembled>) {
    let mut reassembly = reassembly();
    let (last, before) = fragments.split_last().unwrap();
    before.iter().for_each(|fragment| assert_eq!(reassembly.take(NOW, fragment.clone()), Ok(None)));
    let len = |packet: Packet| packet.wire_len() - 20;
    assert_eq!(&reassembly.take(NOW, last.clone()).map(|whole| whole.map(len)), expected);
}

#[test]
fn fragments_that_overlap_are_given_up() {
    let overlap = Err(NotReassembled::Overlap);
    // Teardrop: the second lies within the first.
    check(&[fragment(1, 0, true, [1; 40]), fragment(1, 8, false, [2; 8])], &overlap);
    check(&[fragment(1, 0, true, [1; 16]), fragment(1, 8, true, [2; 16])], &overlap);
    check(&[fragment(1, 8, true, [1; 16]), fragment(1, 0, true, [2; 16])], &overlap);
    // The same place, but other bytes, or fewer.
    check(&[fragment(1, 0, true, [1; 16]), fragment(1, 0, true, [2; 16])], &overlap);
    check(&[fragment(1, 0, true, [1; 16]), fragment(1, 0, true, [1; 8])], &overlap);
    // Two ends, and bytes behind the end.
    check(&[fragment(1, 16, false, [1; 8]), fragment(1, 24, false, [1; 8])], &overlap);
    check(&[fragment(1, 16, false, [1; 8]), fragment(1, 24, true, [1; 8])], &overlap);
    check(&[fragment(1, 16, false, [1; 8]), fragment(1, 8, false, [1; 8])], &overlap);
    check(&[fragment(1, 24, true, [1; 8]), fragment(1, 8, false, [1; 8])], &overlap);
    check(&[fragment(1, 16, false, [1; 8]), fragment(1, 16, true, [1; 8])], &overlap);
}

#[test]
fn an_exact_repetition_is_ignored() {
    let (first, last) = (fragment(1, 0, true, [1; 16]), fragment(1, 16, false, [2; 3]));
    check(&[first.clone(), first.clone(), last.clone()], &Ok(Some(19)));
    check(&[last.clone(), last, first], &Ok(Some(19)));
}

#[test]
fn what_overlapped_stays_given_up_until_its_time_is_over() {
    let mut reassembly = reassembly();
    reassembly.take(NOW, fragment(1, 0, true, [1; 16])).unwrap();
    assert!(reassembly.take(NOW, fragment(1, 8, true, [1; 16])).is_err());
    assert!(reassembly.take(NOW, fragment(1, 0, true, [1; 16])).is_err());
    assert!(reassembly.take(NOW, fragment(1, 16, false, [1; 3])).is_err());
    let over = reassembly.next_event().unwrap();
    assert_eq!(over, NOW.saturating_add(Duration::from_secs(30)));
    assert_eq!(reassembly.expire(over).unwrap().first, None, "its sender is not told");
    assert!(reassembly.is_empty() && reassembly.next_event().is_none());
}

#[test]
fn what_stays_incomplete_is_told_if_its_first_fragment_arrived() {
    let mut reassembly = reassembly();
    reassembly.take(NOW, fragment(1, 0, true, [1; 16])).unwrap();
    let later = NOW.saturating_add(Duration::from_secs(1));
    reassembly.take(later, fragment(2, 16, true, [1; 16])).unwrap();
    let over = reassembly.next_event().unwrap();
    assert!(reassembly.expire(later).is_none());
    let expired = reassembly.expire(over).unwrap();
    assert_eq!(expired.first, Some(fragment(1, 0, true, [1; 16])));
    assert_eq!(Quote::of(&expired.first.unwrap()).transport, [1; 16][..]);
    assert!(reassembly.expire(over).is_none());
    assert_eq!(reassembly.expire(reassembly.next_event().unwrap()).unwrap().first, None);
}

#[test]
fn what_cannot_be_a_fragment_is_refused() {
    for (offset, more, bytes) in
        [(0, true, 0), (8, false, 0), (0, true, 12), (65_528, false, 9), (4, false, 8)]
    {
        let refused = Malformed::Fragment { offset: usize::from(offset), bytes };
        check(&[fragment(1, offset, more, vec![0; bytes])], &Err(refused.into()));
    }
}

#[test]
fn a_packet_is_of_a_bounded_number_of_fragments() {
    let tiny: Vec<Packet> = (0..257).map(|at| fragment(1, at * 8, true, [0; 8])).collect();
    check(&tiny, &Err(NotReassembled::Pieces { limit: 256 }));
}

#[test]
fn congestion_is_told_on() {
    let with = |service, fragment: Packet| Packet { service, ..fragment };
    let (first, last) = (fragment(1, 0, true, [1; 16]), fragment(1, 16, false, [2; 3]));
    let mut reassembly = reassembly();
    reassembly.take(NOW, with(0b1010_1010, first.clone())).unwrap();
    let whole = reassembly.take(NOW, with(0b11, last.clone())).unwrap().unwrap();
    assert_eq!(whole.service, 0b1010_1011);
    check(&[with(0, first), with(3, last)], &Err(NotReassembled::Congestion));
}

#[test]
fn what_the_fragments_make_is_looked_at() {
    let datagram = [0, 1, 0, 2, 0, 99, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    let as_udp = |mut packet: Packet| {
        if let Transport::Fragment(fragment) = &mut packet.transport {
            fragment.protocol = 17;
        }
        packet
    };
    let pieces = [fragment(1, 0, true, &datagram[..8]), fragment(1, 8, false, &datagram[8..])].map(as_udp);
    check(&pieces, &Err(Malformed::Length { layer: Layer::Udp, says: 99, bytes: 16 }.into()));
}

#[test]
fn a_flood_of_fragments_is_bounded_and_the_latest_get_through() {
    let config = ReassemblyConfig::default();
    let mut rng = Rng::new(Seed::new(6));
    let mut reassembly = Reassembly::new(config.clone());
    for at in 0..20_000 {
        let offset = rng.below(8_000) as u16 * 8;
        let bytes = vec![0; 8 * (1 + rng.below(180) as usize)];
        let _ = reassembly.take(NOW, fragment(at as u16, offset, true, bytes));
        assert!(reassembly.len() <= config.packets_max);
        if at % 1_000 == 0 {
            let large: Vec<u8> = (0..60_000).map(|at| at as u8).collect();
            let packet = Packet {
                transport: Transport::Other { protocol: 201, bytes: large.into() },
                ..fragment(9, 0, true, [])
            };
            let whole = packet.cut(1_500).filter_map(|piece| reassembly.take(NOW, piece).unwrap()).last();
            assert_eq!(whole, Some(packet));
        }
    }
    assert!(reassembly.given_up() > 10_000);
    while reassembly.expire(NOW.saturating_add(config.timeout)).is_some() {}
    assert!(reassembly.is_empty());
    assert!(reassembly.next_event().is_none());
}
