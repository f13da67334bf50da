//! Network cards.

use ironloom_net::frame::{Body, Datagram, Flags, Options, Payload, Segment, Transport};
use ironloom_net::{Frame, Mac, Packet};

use super::*;

const CSUM: u64 = 1;
const GUEST_CSUM: u64 = 1 << 1;
const GUEST_TSO4: u64 = 1 << 7;
const HOST_TSO4: u64 = 1 << 11;
const MRG_RXBUF: u64 = 1 << 15;
const ALL: u64 = CSUM | GUEST_CSUM | GUEST_TSO4 | HOST_TSO4 | MRG_RXBUF | EVENT_IDX;

fn card(features: u64) -> Driver {
    Driver::new(Attachment::Net { mac: Mac::local(7), mtu: 1_500 }, features, 2)
}

fn frame(transport: Transport) -> Frame {
    let packet = Packet {
        source: [10, 0, 0, 1].into(),
        target: [10, 0, 0, 2].into(),
        hops: 64,
        service: 0,
        identification: 7,
        may_fragment: true,
        transport,
    };
    Frame { source: Mac::local(1), target: Mac::local(7), body: Body::Ip(packet) }
}

fn segment(bytes: usize, cut: u16) -> Frame {
    let payload: Vec<u8> = (0..bytes).map(|at| (at / 7) as u8).collect();
    frame(Transport::Tcp(Segment {
        source: 80,
        target: 4_000,
        sequence: 1_000,
        acknowledgement: 4,
        flags: Flags::ACK,
        window: 500,
        cut,
        options: Options::default(),
        payload: Payload::from(payload),
    }))
}

fn datagram(bytes: usize) -> Frame {
    frame(Transport::Udp(Datagram { source: 1, target: 2, payload: Payload::from(vec![9; bytes]) }))
}

fn offer(driver: &mut Driver, buffers: usize, bytes: u32) {
    for _ in 0..buffers {
        driver.submit(0, &[Part::Write(bytes)], false);
    }
    driver.notify(0);
}

fn receive(driver: &mut Driver, frame: &Frame) -> usize {
    let input = Input::Frame(driver.slot, frame);
    driver.board.handle(Instant::ZERO, &driver.memory, input)
}

/// The next frame that the guest was given: the header before it, and its bytes.
fn given(driver: &mut Driver) -> Option<(Vec<u8>, Vec<u8>)> {
    let (_, written, mut bytes) = driver.complete(0)?;
    bytes.truncate(written as usize);
    let header = bytes.drain(..12).collect::<Vec<u8>>();
    for _ in 1..u16::from_le_bytes([header[10], header[11]]) {
        let (_, written, more) = driver.complete(0).unwrap();
        bytes.extend_from_slice(&more[..written as usize]);
    }
    Some((header, bytes))
}

fn send(driver: &mut Driver, header: &[u8; 12], bytes: &[u8]) -> Option<Frame> {
    driver.submit(1, &[Part::Read(header), Part::Read(bytes)], false);
    driver.notify(1);
    assert!(driver.complete(1).is_some());
    match driver.outputs().pop() {
        Some(Output::Frame(_, frame)) => Some(frame),
        None => None,
        Some(other) => panic!("a card does not say {other:?}"),
    }
}

#[test]
fn a_card_tells_its_address() {
    let mut driver = card(u64::MAX);
    let first = driver.get(0x100).to_le_bytes();
    assert_eq!(first, Mac::local(7).bytes()[..4]);
    assert_eq!(driver.get(0x108), 1 | 1_500 << 16, "one pair of rings, and the largest packet");
}

#[test]
fn frames_reach_a_guest_that_does_everything_itself() {
    let mut driver = card(EVENT_IDX);
    offer(&mut driver, 8, 1_526);
    for whole in [datagram(1_000), datagram(0), segment(1_460, 1_460)] {
        assert_eq!(receive(&mut driver, &whole), 1);
        let (header, bytes) = given(&mut driver).unwrap();
        assert_eq!(header, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
        let mut found = Frame::parse(bytes.into()).unwrap();
        if let Body::Ip(Packet { transport: Transport::Tcp(segment), .. }) = &mut found.body {
            segment.cut = 1_460;
        }
        assert_eq!(found, whole);
    }
    receive(&mut driver, &segment(4_000, 1_460));
    let lengths: Vec<usize> =
        std::iter::from_fn(|| given(&mut driver)).map(|(_, bytes)| bytes.len() - 54).collect();
    assert_eq!(lengths, [1_460, 1_460, 1_080]);
}

#[test]
fn a_large_segment_comes_whole_in_several_buffers() {
    let mut driver = card(ALL);
    offer(&mut driver, 64, 1_536);
    assert_eq!(receive(&mut driver, &segment(60_000, 1_460)), 1);
    assert_eq!(driver.acknowledge(), 1);
    let (header, bytes) = given(&mut driver).unwrap();
    assert_eq!(header, [1, 1, 54, 0, 0xB4, 5, 34, 0, 16, 0, 40, 0]);
    assert_eq!(bytes.len(), 60_054);
    let found = Frame::parse_unsummed(bytes.into()).unwrap();
    let Body::Ip(Packet { transport: Transport::Tcp(found), .. }) = found.body else { panic!("not TCP") };
    let Body::Ip(Packet { transport: Transport::Tcp(sent), .. }) = segment(60_000, 1_460).body else {
        panic!("not TCP")
    };
    assert_eq!(found.payload, sent.payload);
}

#[test]
fn a_segment_that_is_too_large_for_one_packet_comes_in_two() {
    let mut driver = card(ALL);
    offer(&mut driver, 200, 1_536);
    receive(&mut driver, &segment(70_000, 1_000));
    let pieces: Vec<_> = std::iter::from_fn(|| given(&mut driver)).collect();
    assert_eq!(pieces.iter().map(|(_, bytes)| bytes.len() - 54).collect::<Vec<_>>(), [65_000, 5_000]);
}

#[test]
fn frames_wait_for_buffers_and_have_a_limit() {
    let mut driver = card(ALL);
    let taken: usize = (0..1_100).map(|_| receive(&mut driver, &datagram(10))).sum();
    assert_eq!(taken, 1_024);
    assert_eq!(driver.board.net_counters(driver.slot).unwrap().dropped, 76);
    offer(&mut driver, 100, 64);
    let mut found = 0;
    while given(&mut driver).is_some() {
        found += 1;
    }
    assert_eq!(found, 100);
    // The last buffers were used up, so that the device wants to hear of the next.
    driver.submit(0, &[Part::Write(64)], false);
    assert!(driver.is_listening(0));
}

#[test]
fn a_frame_waits_for_all_its_buffers() {
    let mut driver = card(ALL);
    offer(&mut driver, 2, 64);
    receive(&mut driver, &datagram(200));
    assert_eq!(driver.complete(0), None);
    driver.submit(0, &[Part::Write(64)], false);
    assert!(driver.is_listening(0), "two buffers lie there, and it is the third that it waits for");
    driver.notify(0);
    assert_eq!(driver.complete(0), None);
    offer(&mut driver, 1, 64);
    let (header, bytes) = given(&mut driver).unwrap();
    assert_eq!((header[10], bytes.len()), (4, 242));
}

#[test]
fn a_guest_sends_what_it_leaves_to_the_card() {
    let mut driver = card(ALL);
    let whole = segment(3_000, 0);
    let mut bytes = whole.to_bytes().to_vec();
    bytes[50..52].fill(0);
    let sent = send(&mut driver, &[1, 1, 54, 0, 0xE8, 3, 34, 0, 16, 0, 0, 0], &bytes).unwrap();
    assert_eq!(sent, segment(3_000, 1_000));
    assert_eq!(send(&mut driver, &[0; 12], &bytes), None, "without the wish the checksum must be right");
    assert_eq!(send(&mut driver, &[1, 1, 54, 0, 1, 0, 34, 0, 16, 0, 0, 0], &bytes), None);
    assert_eq!(driver.board.net_counters(driver.slot).unwrap().malformed, 2);
    assert_eq!(send(&mut driver, &[0; 12], &whole.to_bytes()), Some(whole));
}

#[test]
fn what_is_carried_as_bytes_is_completed() {
    let mut driver = card(ALL);
    let mut bytes = vec![0; 14];
    bytes[12..14].copy_from_slice(&[0x86, 0xDD]);
    bytes.extend_from_slice(&[1, 2, 3, 4, 0, 0, 7]);
    let sent = send(&mut driver, &[1, 0, 0, 0, 0, 0, 14, 0, 4, 0, 0, 0], &bytes).unwrap();
    let sum = !(0x0102u16 + 0x0304 + 0x0700);
    let expected = [&[1, 2, 3, 4][..], &sum.to_be_bytes()[..], &[7][..]].concat();
    assert!(matches!(sent.body, Body::Other { bytes, .. } if bytes == expected));
    // A checksum that would be outside of the frame is nowhere.
    assert!(send(&mut driver, &[1, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0], &bytes).is_some());
}

#[test]
fn nobody_hears_of_frames_before_there_is_a_driver() {
    let mut driver = card(ALL);
    driver.set(register::VIRTIO_MMIO_STATUS, 0);
    assert_eq!(receive(&mut driver, &datagram(10)), 0);
}
