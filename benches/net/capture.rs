//! Frames that are written into a pcapng file, with all their headers and checksums.

use bytes::Bytes;
use ironloom_benches::{Goal, OURS, Suite, Unit, timed};
use ironloom_core::Instant;
use ironloom_net::capture::{Capture, CaptureConfig, Interface};
use ironloom_net::frame::{Body, Flags, Options, Segment, Transport};
use ironloom_net::{Frame, Mac, Packet};

/// The same bytes into a plain buffer, which is what memory takes.
const COPY: &str = "copy";

pub(crate) fn benches(suite: &mut Suite) {
    let count = if suite.is_quick() { 100_000 } else { 2_000_000 };
    for bytes in [64, 1_448] {
        let name = format!("net::capture/payload={bytes}");
        if !suite.selects(&name) {
            continue;
        }
        let frame = frame(bytes);
        let written = timed(|| write(&frame, count));
        let copied = timed(|| copy(&frame, count));
        let mut compare = suite.compare_values(&name, Unit::PerSecond, [Goal::PerSecond(1e6)]);
        compare.found(OURS, f64::from(count) / written.as_secs_f64());
        compare.found(COPY, f64::from(count) / copied.as_secs_f64());
    }
}

fn write(frame: &Frame, count: u32) {
    let config = CaptureConfig { bytes_max: u64::MAX, ..CaptureConfig::default() };
    let mut capture = Capture::new(std::io::sink(), config).expect("a sink takes all");
    let eth0 = Interface { name: "machine.eth0", description: "", mac: None, mtu: 1_500 };
    let eth0 = capture.add(&eth0).expect("there is room");
    for number in 0..count {
        capture.write(Instant::from_nanos(number.into()), eth0, frame).expect("a sink takes all");
    }
    assert_eq!(capture.counts().frames, u64::from(count));
}

fn copy(frame: &Frame, count: u32) {
    let (mut bytes, mut file) = (Vec::new(), Vec::with_capacity(1 << 16));
    frame.emit(&mut bytes);
    for _ in 0..count {
        if file.len() + bytes.len() > 1 << 16 {
            file.clear();
        }
        file.extend_from_slice(std::hint::black_box(&bytes));
    }
    std::hint::black_box(file);
}

fn frame(bytes: usize) -> Frame {
    let segment = Segment {
        source: 40_000,
        target: 80,
        sequence: 1,
        acknowledgement: 1,
        flags: Flags::ACK,
        window: 65_535,
        cut: 0,
        options: Options::default(),
        payload: Bytes::from(vec![7; bytes]).into(),
    };
    let packet = Packet {
        source: [10, 0, 0, 1].into(),
        target: [10, 0, 0, 2].into(),
        hops: 64,
        service: 0,
        identification: 0,
        may_fragment: false,
        transport: Transport::Tcp(segment),
    };
    Frame { source: Mac::local(1), target: Mac::local(2), body: Body::Ip(packet) }
}
