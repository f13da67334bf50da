//! `tshark` opens captures and finds nothing wrong in them. Where it is not installed this says so and is done.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output};

use ironloom_core::{Duration, Instant};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

use super::super::*;
use super::*;
use crate::frame::tests::any;

const CHECKED: [&str; 6] = [
    "-oip.check_checksum:TRUE",
    "-otcp.check_checksum:TRUE",
    "-oudp.check_checksum:TRUE",
    "-oip.defragment:TRUE",
    "-otcp.desegment_tcp_streams:FALSE",
    "-Nn",
];

/// What is asked of every frame.
const FIELDS: [&str; 17] = [
    "_ws.malformed",
    "ip.checksum.status",
    "tcp.checksum.status",
    "udp.checksum.status",
    "icmp.checksum.status",
    "icmpv6.checksum.status",
    "frame.time_epoch",
    "frame.interface_name",
    "frame.comment",
    "ip.dst_host",
    "ip.reassembled.length",
    "icmp.mtu",
    "tcp.options.sack.count",
    "tcp.options.mss_val",
    "tcp.options.wscale.shift",
    "tcp.options.timestamp.tsval",
    "tcp.len",
];

/// Of a checksum.
const GOOD: &str = "1";

/// What tshark says of each frame of a file: all values of each field.
struct Said(Vec<Vec<Vec<String>>>);

impl Said {
    fn of(file: &Path) -> Option<Self> {
        let fields = FIELDS.iter().flat_map(|field| ["-e", field]);
        let read = ["-r", file.to_str().unwrap(), "-T", "fields", "-E", "aggregator=;"];
        let arguments: Vec<&str> = read.into_iter().chain(CHECKED).chain(fields).collect();
        let output = tshark(&arguments, file.parent().unwrap())?;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "tshark failed: {errors}");
        assert!(!errors.contains("cut short") && !errors.contains("damaged"), "{errors}");
        let values =
            |text: &str| text.split(';').filter(|value| !value.is_empty()).map(str::to_owned).collect();
        let said = String::from_utf8(output.stdout).unwrap();
        Some(Self(said.lines().map(|line| line.split('\t').map(values).collect()).collect()))
    }

    /// No frame is malformed and no checksum is bad.
    fn is_right(&self) {
        for (at, frame) in self.0.iter().enumerate() {
            assert_eq!(frame[0], Vec::<String>::new(), "frame {at} is malformed");
            for (field, values) in FIELDS[1..6].iter().zip(&frame[1..6]) {
                assert!(values.iter().all(|value| value != "0"), "{field} of frame {at} is bad");
            }
        }
    }

    /// How many frames say a value of a field first: the first is their own, others are of what they quote.
    fn count(&self, field: &str, value: &str) -> usize {
        let at = FIELDS.iter().position(|known| *known == field).expect("a field that is asked for");
        self.0.iter().filter(|frame| frame[at].first().is_some_and(|first| first == value)).count()
    }
}

fn tshark(arguments: &[&str], settings: &Path) -> Option<Output> {
    let output = Command::new("tshark").env("WIRESHARK_CONFIG_DIR", settings).args(arguments).output().ok();
    if output.is_none() {
        println!("skipped: tshark is not installed");
    }
    output
}

/// A file with some frames, a millisecond apart.
fn written(path: &Path, frames: &[Frame]) {
    let mut capture = Capture::new(File::create(path).unwrap(), CaptureConfig::default()).unwrap();
    let eth0 = Interface { name: "vm-1.eth0", description: "", mac: Some(Mac::local(1)), mtu: 1_500 };
    let eth0 = capture.add(&eth0).unwrap();
    capture.name(TWO.into(), "web").unwrap();
    let mut now = Instant::from_nanos(1_000_000_007);
    for frame in frames {
        capture.write(now, eth0, frame).unwrap();
        now = now.saturating_add(Duration::from_millis(1));
    }
    capture.write_dropped(now, eth0, &echo(1), "queue of link-7 is full").unwrap();
    capture.finish().unwrap();
}

fn errors() -> Vec<Frame> {
    let (large, small) = (tcp(40_000, 80, Flags::ACK, 9_000), udp(9, 53, 5));
    let about = |frame: &Frame| Box::new(Quote::of(ip(frame)));
    let message = |icmp| frame(Body::Ip(packet(TWO, ONE, Transport::Icmp(icmp))));
    let sixth = |icmp: Icmp| {
        let [source, target] = ["fd00::2", "fd00::1"].map(|address| address.parse::<IpAddr>().unwrap());
        frame(Body::Ip(packet(source, target, Transport::Icmp(icmp))))
    };
    let ping = |sequence| Icmp::EchoRequest(Echo { identifier: 1, sequence, payload: vec![1; 56].into() });
    vec![
        message(Icmp::Unreachable { reason: Unreachable::Port, about: about(&small) }),
        message(Icmp::Unreachable { reason: Unreachable::Prohibited, about: about(&large) }),
        message(Icmp::TooBig { mtu: 1_400, about: about(&large) }),
        message(Icmp::TimeExceeded { in_transit: true, about: about(&echo(3)) }),
        message(Icmp::Other {
            kind: 5,
            code: 1,
            bytes: [&[10, 0, 0, 9][..], &small.to_bytes()[14..]].concat().into(),
        }),
        sixth(ping(1)),
        sixth(Icmp::TimeExceeded { in_transit: true, about: sixth_quote() }),
    ]
}

fn sixth_quote() -> Box<Quote> {
    let [source, target] = ["fd00::1", "fd00::2"].map(|address| address.parse::<IpAddr>().unwrap());
    let datagram = Datagram { source: 5_000, target: 33_434, payload: vec![0; 20].into() };
    Box::new(Quote::of(&packet(source, target, Transport::Udp(datagram))))
}

fn conversation() -> Vec<Frame> {
    let mut syn = tcp(40_000, 80, Flags::SYN, 0);
    let mut acknowledgement = tcp_back(80, 40_000, Flags::ACK, 0);
    for (frame, is_syn) in [(&mut syn, true), (&mut acknowledgement, false)] {
        if let Body::Ip(Packet { transport: Transport::Tcp(segment), .. }) = &mut frame.body {
            if is_syn {
                (segment.options.segment_bytes_max, segment.options.window_shift) = (Some(1_460), Some(7));
                segment.options.selective = true;
            } else {
                segment.options.received =
                    Some([(12_896, 14_344), (17_000, 18_000), (19_000, 20_000)].into());
            }
        }
    }
    let sixth = packet(
        "fd00::1".parse::<IpAddr>().unwrap(),
        "fd00::2".parse::<IpAddr>().unwrap(),
        Transport::Tcp(segment(40_001, 80, Flags::SYN, 0)),
    );
    let large = tcp(40_000, 80, Flags::ACK | Flags::PSH, 64_000);
    let mut frames =
        vec![arp(), syn, large, acknowledgement, udp(5_000, 7_777, 8_000), echo(77), frame(Body::Ip(sixth))];
    frames.extend(errors());
    frames
}

#[test]
fn tshark_finds_nothing_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("conversation.pcapng");
    written(&path, &conversation());
    let Some(said) = Said::of(&path) else { return };
    said.is_right();
    assert_eq!(said.0.len(), 64);
    assert_eq!(said.0[0][6], ["1.000000007"]);
    assert_eq!(said.count("frame.interface_name", "vm-1.eth0"), 64);
    assert_eq!(said.count("frame.comment", "queue of link-7 is full"), 1);
    assert!(said.count("ip.dst_host", "web") > 50);
    assert_eq!(said.count("tcp.checksum.status", GOOD), 1 + 45 + 1 + 1);
    assert_eq!((said.count("tcp.len", "1448"), said.count("tcp.len", "288")), (44, 1));
    assert_eq!(said.count("udp.checksum.status", GOOD), 1 + 2, "two are quoted where tshark looks");
    assert_eq!(said.count("ip.reassembled.length", "8008"), 1);
    assert_eq!(said.count("icmp.checksum.status", GOOD), 1 + 5 + 1);
    assert_eq!(said.count("icmpv6.checksum.status", GOOD), 2);
    assert_eq!(said.count("icmp.mtu", "1400"), 1);
    assert_eq!(said.count("tcp.options.sack.count", "3"), 1);
    assert_eq!(said.count("tcp.options.mss_val", "1460"), 1);
    assert_eq!(said.count("tcp.options.wscale.shift", "7"), 1);
    assert_eq!(said.count("tcp.options.timestamp.tsval", "1000"), 48);
}

/// Only headers are looked into: the bytes of payloads are random, and could be taken for anything.
#[test]
fn tshark_finds_nothing_wrong_in_any_frames() {
    let mut runner = TestRunner::deterministic();
    let mut next = || any::frame().new_tree(&mut runner).expect("frames can be made").current();
    let frames: Vec<Frame> = (0..2_000).map(|_| next()).collect();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("any.pcapng");
    written(&path, &frames);
    let Some(protocols) = tshark(&["-G", "protocols"], directory.path()) else { return };
    let known = ["frame", "pkt_comment", "eth", "ethertype", "arp", "ip", "tcp", "udp", "icmp", "data"];
    let protocols = String::from_utf8(protocols.stdout).unwrap();
    let names = protocols.lines().filter_map(|line| line.split('\t').nth(2));
    let unwanted: Vec<&str> = names.filter(|name| !known.contains(name)).collect();
    std::fs::write(directory.path().join("disabled_protos"), unwanted.join("\n")).unwrap();

    let said = Said::of(&path).expect("tshark was there before");
    said.is_right();
    assert!(said.count("tcp.checksum.status", GOOD) > 300);
    assert!(said.count("udp.checksum.status", GOOD) > 100);
    assert!(said.count("icmp.checksum.status", GOOD) > 300);
}
