//! What is in a capture is read back.

use std::io::{self, Write};
use std::time::Duration;

use ironloom_core::Instant;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketOption;
use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionOption;
use pcap_file::pcapng::{Block, PcapNgReader};

use super::super::*;
use super::*;

const ETH0: Interface<'_> = Interface { name: "vm-1.eth0", description: "", mac: None, mtu: 1_500 };

fn capture(config: CaptureConfig) -> (Capture<Vec<u8>>, InterfaceId) {
    let mut capture = Capture::new(Vec::new(), config).unwrap();
    let id = capture.add(&ETH0).unwrap();
    (capture, id)
}

/// A packet of a file: interface, time, length on the wire, bytes and comment.
type Read = (u32, Duration, u32, Vec<u8>, Option<String>);

fn packets(file: &[u8]) -> Vec<Read> {
    let mut reader = PcapNgReader::new(file).unwrap();
    let mut packets = Vec::new();
    while let Some(block) = reader.next_block() {
        let Block::EnhancedPacket(packet) = block.unwrap() else { continue };
        let comment = packet.options.iter().find_map(|option| match option {
            EnhancedPacketOption::Comment(text) => Some(text.to_string()),
            _ => None,
        });
        let (data, length) = (packet.data.to_vec(), packet.original_len);
        packets.push((packet.interface_id, packet.timestamp, length, data, comment));
    }
    packets
}

#[test]
fn frames_are_read_back_as_they_are_on_the_wire() {
    let (mut capture, eth0) = capture(CaptureConfig::default());
    let bytes_before = capture.counts().bytes;
    let link =
        Interface { name: "link-7", description: "to the router", mac: Some(Mac::local(9)), mtu: 9_000 };
    let link = capture.add(&link).unwrap();
    capture.name(TWO.into(), "web").unwrap();
    capture.name("fd00::1".parse().unwrap(), "web").unwrap();
    capture.write(Instant::from_nanos(5_000_000_017), eth0, &arp()).unwrap();
    capture.write_dropped(Instant::from_nanos(u64::MAX), link, &udp(1, 2, 3), "no route — none").unwrap();
    let counts = capture.counts();
    let file = capture.finish().unwrap();
    let read = packets(&file);
    assert_eq!(read[0], (0, Duration::from_nanos(5_000_000_017), 42, arp().to_bytes().to_vec(), None));
    let why = Some("no route — none".to_owned());
    assert_eq!(read[1], (1, Duration::from_nanos(u64::MAX), 45, udp(1, 2, 3).to_bytes().to_vec(), why));
    assert_eq!((read.len(), counts.frames), (2, 2));
    let header_bytes = file.len() as u64 - counts.bytes;
    assert!(
        header_bytes < 100 && counts.bytes > bytes_before,
        "only the first header is not counted: {header_bytes}"
    );
}

#[test]
fn interfaces_have_names_and_nanoseconds() {
    let file = capture(CaptureConfig::default()).0.finish().unwrap();
    let mut reader = PcapNgReader::new(&file[..]).unwrap();
    let Some(Ok(Block::InterfaceDescription(block))) = reader.next_block() else {
        panic!("there is an interface")
    };
    assert!(block.options.contains(&InterfaceDescriptionOption::IfName("vm-1.eth0".into())));
    assert!(block.options.contains(&InterfaceDescriptionOption::IfTsResol(9)));
}

#[test]
fn large_segments_are_cut_and_large_datagrams_fragmented() {
    let (mut capture, eth0) = capture(CaptureConfig::default());
    let (large, datagram) = (tcp(1, 2, Flags::ACK, 65_000), udp(1, 2, 4_000));
    capture.write(Instant::ZERO, eth0, &large).unwrap();
    capture.write(Instant::ZERO, eth0, &datagram).unwrap();
    let mut strict = ip(&datagram).clone();
    strict.may_fragment = false;
    capture.write(Instant::ZERO, eth0, &frame(Body::Ip(strict))).unwrap();
    let read = packets(&capture.finish().unwrap());
    assert_eq!(read.len(), 45 + 3 + 1);
    let lengths: usize = read[..45].iter().map(|packet| packet.3.len()).sum();
    assert_eq!(lengths, large.wire_len());
    for (_, _, length, bytes, _) in read {
        assert_eq!(length as usize, bytes.len());
        assert!(length <= 1_514 || length == 4_042);
        Frame::parse(bytes.into()).unwrap();
    }
}

#[test]
fn what_is_too_long_is_shortened() {
    let config = CaptureConfig { frame_bytes_max: 60, ..CaptureConfig::default() };
    let (mut capture, eth0) = capture(config);
    let long = "ü".repeat(1_000);
    capture.write_dropped(Instant::ZERO, eth0, &udp(1, 2, 1_000), &long).unwrap();
    let read = packets(&capture.finish().unwrap());
    assert_eq!((read[0].2, &read[0].3[..]), (1_042, &udp(1, 2, 1_000).to_bytes()[..60]));
    assert_eq!(read[0].4.as_deref(), Some(&long[..1_024]));
}

#[test]
fn a_capture_ends_at_its_limit() {
    let config = CaptureConfig { bytes_max: 1_000, interfaces_max: 1, ..CaptureConfig::default() };
    let (mut capture, eth0) = capture(config);
    assert!(matches!(capture.add(&ETH0), Err(CaptureError::Interfaces { limit: 1 })));
    let outcomes: Vec<_> = (0..40).map(|_| capture.write(Instant::ZERO, eth0, &arp())).collect();
    assert!(matches!(outcomes.last(), Some(Err(CaptureError::Full { limit: 1_000 }))));
    let (counts, written) = (capture.counts(), outcomes.iter().filter(|outcome| outcome.is_ok()).count());
    assert_eq!((counts.frames, counts.beyond), (written as u64, 40 - written as u64));
    assert!(counts.bytes <= 1_000 && counts.bytes > 900);
    assert_eq!(packets(&capture.finish().unwrap()).len(), written);
}

#[test]
fn only_what_passes_the_filter_is_written() {
    let config = CaptureConfig { filter: "udp".parse().unwrap(), ..CaptureConfig::default() };
    let (mut capture, eth0) = capture(config);
    for frame in [arp(), udp(1, 2, 3), tcp(1, 2, Flags::SYN, 0)] {
        capture.write(Instant::ZERO, eth0, &frame).unwrap();
    }
    let CaptureCounts { frames, filtered, .. } = capture.counts();
    assert_eq!((frames, filtered), (1, 2));
}

#[test]
fn an_interface_of_another_capture_is_refused() {
    let mut capture = Capture::new(Vec::new(), CaptureConfig::default()).unwrap();
    let refused = capture.write(Instant::ZERO, InterfaceId::new(3), &arp()).unwrap_err();
    assert_eq!(refused.to_string(), "capture has no interface-3");
}

#[test]
fn a_full_disk_is_told() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut capture = Capture::new(Full, CaptureConfig::default()).unwrap();
    let eth0 = capture.add(&ETH0).unwrap();
    let failed = (0..10_000).find_map(|_| capture.write(Instant::ZERO, eth0, &udp(1, 2, 1_000)).err());
    assert!(matches!(failed, Some(CaptureError::Write(error)) if error.kind() == io::ErrorKind::StorageFull));
    assert!(capture.finish().is_err());
}
