//! Frames as Linux 6 sent them between two network namespaces, and what they say.

use std::net::Ipv4Addr;

use bytes::Bytes;

use super::super::*;

/// What each is, and its bytes.
const FRAMES: [(&str, &str); 14] = [
    (
        "an ARP question",
        "ffffffffffff020000000001080600010800060400010200000000010a0000010000000000000a000002",
    ),
    (
        "an answer about an address",
        "020000000001020000000002080600010800060400020200000000020a0000020200000000010a000001",
    ),
    (
        "an echo",
        "020000000002020000000001080045000054376640004001ef400a0000010a0000020800bb6b362600019dc7 \
         016b000000009a670e0000000000101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d \
         2e2f3031323334353637",
    ),
    (
        "an answer to an echo",
        "020000000001020000000002080045000054a42400004001c2820a0000020a0000010000c36b362600019dc7 \
         016b000000009a670e0000000000101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d \
         2e2f3031323334353637",
    ),
    (
        "the first fragment of an echo",
        "02000000000202000000000108004500004c503120004001f67d0a0000010a00000208002e1738380001b9c7 \
         016b000000006eef040000000000101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d \
         2e2f",
    ),
    (
        "the last fragment of an echo",
        "020000000002020000000001080045000048503100074001167b0a0000010a00000230313233343536373839 \
         3a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60616263",
    ),
    (
        "a SYN",
        "02000000000202000000000108004500003c91574000400695620a0000010a000002c90600502191ab870000 \
         0000a002faf043840000020405b40402080a022a5cec000000000103030a",
    ),
    (
        "an answer to a SYN",
        "02000000000102000000000208004500003c00004000400626ba0a0000020a0000010050c9061ebb7acb2191 \
         ab88a012fe885cf10000020405b40402080aa499a4c9022a5cec0103030a",
    ),
    (
        "a segment with PSH",
        "02000000000202000000000108004500003991594000400695630a0000010a000002c90600502191ab881ebb \
         7acc8018003f8a2c00000101080a022a5ceca499a4c970696e6721",
    ),
    (
        "an acknowledgement",
        "020000000001020000000002080045000034bdcb4000400668f60a0000020a0000010050c9061ebb7acc2191 \
         ab8d801000408a0400000101080aa499a4c9022a5cec",
    ),
    (
        "a segment with FIN",
        "020000000001020000000002080045000034bdcd4000400668f40a0000020a0000010050c9061ebb7ad02191 \
         ab8d8011004089fd00000101080aa499a4ca022a5ced",
    ),
    (
        "a datagram",
        "0200000000020200000000010800450000236fee40004011b6d90a0000010a000002e6040009000f7d7c616e \
         796f6e653f",
    ),
    (
        "that nobody listens on its port",
        "020000000001020000000002080045c0003fa42d00004001c1ce0a0000020a00000103031120000000004500 \
         00236fee40004011b6d90a0000010a000002e6040009000f7d7c616e796f6e653f",
    ),
    (
        "a reset",
        "02000000000102000000000208004500002800004000400626ce0a0000020a0000010051a126000000005ed1 \
         5e4b501400003d3a0000",
    ),
];

const ONE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const TWO: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

fn bytes(hex: &str) -> Bytes {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

fn frame(name: &str) -> Frame {
    let (_, hex) = FRAMES.iter().find(|(known, _)| *known == name).expect("a name of the table");
    Frame::parse(bytes(hex)).unwrap()
}

fn packet(name: &str) -> Packet {
    match frame(name).body {
        Body::Ip(packet) => packet,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn every_frame_is_read_and_written_as_it_was() {
    for (name, hex) in FRAMES {
        let frame = Frame::parse(bytes(hex)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(frame.to_bytes(), bytes(hex), "{name}");
        assert_eq!(frame.wire_len(), bytes(hex).len(), "{name}");
    }
}

#[test]
fn padding_is_cut_off() {
    for (name, hex) in FRAMES {
        let mut padded = bytes(hex).to_vec();
        padded.extend_from_slice(&[0; 18]);
        let frame = Frame::parse(padded.into()).unwrap();
        assert_eq!(frame.to_bytes(), bytes(hex), "{name}");
        let mut again = vec![7];
        frame.emit_padded(&mut again);
        assert_eq!(again.len() - 1, bytes(hex).len().max(60), "{name}");
        assert_eq!(Frame::parse(Bytes::from(again).slice(1..)).unwrap(), frame, "{name}");
    }
}

#[test]
fn payloads_are_slices_of_the_frame() {
    let whole = bytes(FRAMES[8].1);
    let Body::Ip(Packet { transport: Transport::Tcp(segment), .. }) =
        Frame::parse(whole.clone()).unwrap().body
    else {
        panic!("it is TCP");
    };
    assert_eq!(segment.payload.pieces(), [Bytes::from_static(b"ping!")]);
    assert_eq!(segment.payload.pieces()[0].as_ptr(), whole[whole.len() - 5..].as_ptr());
}

#[test]
fn a_question_about_an_address() {
    let (one, two) = (Mac::new([2, 0, 0, 0, 0, 1]), Mac::new([2, 0, 0, 0, 0, 2]));
    let question = Arp {
        operation: ArpOperation::Request,
        source_mac: one,
        source: ONE,
        target_mac: Mac::UNSPECIFIED,
        target: TWO,
    };
    let expected = Frame { source: one, target: Mac::BROADCAST, body: Body::Arp(question) };
    assert_eq!(frame("an ARP question"), expected);
    let answer =
        Arp { operation: ArpOperation::Reply, source_mac: two, source: TWO, target_mac: one, target: ONE };
    assert_eq!(
        frame("an answer about an address"),
        Frame { source: two, target: one, body: Body::Arp(answer) }
    );
}

#[test]
fn a_segment_that_begins_a_connection() {
    let expected = Segment {
        source: 51_462,
        target: 80,
        sequence: 0x2191_AB87,
        acknowledgement: 0,
        flags: Flags::SYN,
        window: 64_240,
        cut: 0,
        options: Options {
            segment_bytes_max: Some(1_460),
            window_shift: Some(10),
            selective: true,
            timestamps: Some(Timestamps { value: 36_330_732, echo: 0 }),
            received: None,
        },
        payload: Payload::EMPTY,
    };
    let Packet { source, target, hops, may_fragment, identification, transport, .. } = packet("a SYN");
    assert_eq!((source, target, hops, may_fragment), (ONE.into(), TWO.into(), 64, false));
    assert_eq!(identification, 0x9157);
    assert_eq!(transport, Transport::Tcp(expected));
}

#[test]
fn a_message_that_nobody_listens_is_what_would_be_said_here() {
    let about = Box::new(Quote::of(&packet("a datagram")));
    assert_eq!((about.ports(), about.bytes), (Some((58_884, 9)), 35));
    let Packet { transport: Transport::Icmp(said), .. } = packet("that nobody listens on its port") else {
        panic!("it is ICMP");
    };
    assert_eq!(said, Icmp::Unreachable { reason: Unreachable::Port, about });
}

#[test]
fn fragments_of_an_echo_become_one_and_it_becomes_them() {
    let fragments = [packet("the first fragment of an echo"), packet("the last fragment of an echo")];
    let mut reassembly = Reassembly::new(ReassemblyConfig::default());
    let now = ironloom_core::Instant::ZERO;
    assert_eq!(reassembly.take(now, fragments[1].clone()), Ok(None));
    let whole = reassembly.take(now, fragments[0].clone()).unwrap().expect("nothing is missing");
    let Transport::Icmp(Icmp::EchoRequest(echo)) = &whole.transport else { panic!("it is an echo") };
    assert_eq!((echo.identifier, echo.sequence, echo.payload.len()), (0x3838, 1, 100));
    assert!(whole.cut(76).eq(fragments));
}
