//! Whatever the bytes, nothing breaks; what was changed on the way is found.

use bytes::Bytes;
use ironloom_core::{Rng, Seed};
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::*;
use super::any;

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(frame) = Frame::parse(bytes.into()) {
            prop_assert_eq!(Frame::parse(frame.to_bytes()), Ok(frame));
        }
    }

    #[test]
    fn any_end_of_a_frame_may_be_missing(frame in any::frame(), len: u16) {
        let bytes = frame.to_bytes();
        let len = usize::from(len) % bytes.len();
        let read = Frame::parse(bytes.slice(..len));
        let is_other = matches!(&read, Ok(Frame { body: Body::Other { .. }, .. }));
        prop_assert!(read.is_err() || is_other);
    }

    #[test]
    fn a_turned_bit_is_found_or_changes_the_frame(frame in any::frame(), seed: u64) {
        let changed = frame.corrupt(&mut Rng::new(Seed::new(seed)));
        prop_assert_ne!(&changed, &frame, "seed {}", seed);
        if let Body::Broken(bytes) = &changed.body {
            prop_assert!(Frame::parse(bytes.clone()).is_err(), "seed {}", seed);
            prop_assert_eq!(changed.wire_len(), frame.wire_len());
            prop_assert_eq!(&changed.to_bytes(), bytes);
        } else if changed.source == frame.source && changed.target == frame.target {
            // What has no checksum: other protocols, addresses in ARP, the type in the Ethernet header.
            let has_checksum = |frame: &Frame| matches!(&frame.body, Body::Ip(Packet {
                transport: Transport::Tcp(_) | Transport::Udp(_) | Transport::Icmp(_), ..
            }));
            prop_assert!(!has_checksum(&frame) || !has_checksum(&changed), "seed {}: {:?}", seed, changed);
        }
    }
}

#[test]
fn nothing_can_be_corrupted_in_nothing() {
    let empty =
        Frame { source: Mac::UNSPECIFIED, target: Mac::UNSPECIFIED, body: Body::Broken(Bytes::new()) };
    assert_eq!(empty.corrupt(&mut Rng::new(Seed::new(1))), empty);
    let short = Frame { body: Body::Broken(Bytes::from_static(b"ab")), ..empty };
    assert!(matches!(short.corrupt(&mut Rng::new(Seed::new(1))).body, Body::Broken(_)));
}

fn mended(mut packet: Vec<u8>) -> Vec<u8> {
    packet[10..12].copy_from_slice(&[0, 0]);
    let len = (4 * usize::from(packet[0] & 15)).clamp(12, packet.len());
    let sum = !checksum::sum(&packet[..len]);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet
}

/// A packet of 40 bytes whose header is changed, but for its checksum which is right.
fn check(change: impl FnOnce(&mut Vec<u8>), expected: Result<usize, Malformed>) {
    let mut bytes = Vec::new();
    Packet {
        source: [10, 0, 0, 1].into(),
        target: [10, 0, 0, 2].into(),
        hops: 64,
        service: 0,
        identification: 0,
        may_fragment: true,
        transport: Transport::Other { protocol: 200, bytes: Bytes::from_static(&[1; 20]) },
    }
    .emit(&mut bytes);
    change(&mut bytes);
    let read = Packet::parse(mended(bytes).into());
    assert_eq!(read.map(|packet| packet.transport.len()), expected);
}

#[test]
fn lengths_and_versions_must_be_right() {
    let layer = Layer::Ip;
    check(|_| {}, Ok(20));
    check(|bytes| bytes[0] = 0x65, Err(Malformed::Version { layer, version: 6 }));
    check(|bytes| bytes[0] = 0x44, Err(Malformed::Length { layer, says: 16, bytes: 40 }));
    check(|bytes| bytes[0] = 0x4B, Err(Malformed::Length { layer, says: 44, bytes: 40 }));
    check(|bytes| bytes[3] = 41, Err(Malformed::Length { layer, says: 41, bytes: 40 }));
    check(|bytes| bytes[3] = 19, Err(Malformed::Length { layer, says: 19, bytes: 20 }));
    check(|bytes| bytes[3] = 30, Ok(10));
    // Options are dropped.
    check(|bytes| bytes[0] = 0x47, Ok(12));
    // Ping of death: a fragment that ends beyond the largest packet.
    check(
        |bytes| bytes[6..8].copy_from_slice(&[0x1F, 0xFE]),
        Err(Malformed::Fragment { offset: 65_520, bytes: 20 }),
    );
    check(|bytes| bytes[6] = 0x20, Err(Malformed::Fragment { offset: 0, bytes: 20 }));
    check(|bytes| (bytes[3], bytes[7]) = (20, 1), Err(Malformed::Fragment { offset: 8, bytes: 0 }));
}
