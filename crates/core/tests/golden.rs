//! What must never change: the meaning of a seed, the encoding of a frame, the digest of a trace.
//!
//! Each test writes down what this build does and compares it with a file that every release must match. A change
//! here breaks every recorded run and every stored file: it needs a new version of the format, not a new golden file.

use std::fmt::Write as _;

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::frame::{self, Message};
use ironloom_core::{Duration, Instant, MachineId, Rng, Seed, Trace, Zipf};

fn check(written: &str, golden: &str) {
    assert_eq!(written, golden, "the format has changed; this build writes\n{written}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes any text");
        text
    })
}

#[test]
fn a_seed_keeps_its_meaning() {
    let mut out = String::from("# What a random stream gives, by seed, label and id.\n");
    let mut line =
        |name: &str, value: String| writeln!(out, "{name} {value}").expect("a string takes any text");

    for seed in [0, 1, u64::MAX] {
        let mut rng = Rng::new(Seed::new(seed));
        let words: Vec<String> = (0..3).map(|_| format!("{:016x}", rng.next_u64())).collect();
        line(&format!("seed={seed:#x}"), words.join(" "));
    }
    let world = Rng::new(Seed::new(1));
    for (label, id) in
        [("", 0), ("link", 0), ("link", 1), ("a label that is longer than one block of the hash", 7)]
    {
        let mut rng = world.split(label, id);
        line(&format!("seed=0x1 split={label:?},{id}"), format!("{:016x}", rng.next_u64()));
    }
    let mut nested = world.split("machine", 3).split("link", 4);
    line("seed=0x1 split=\"machine\",3 split=\"link\",4", format!("{:016x}", nested.next_u64()));

    let mut rng = world.split("draws", 0);
    line("below(10)", (0..10).map(|_| rng.below(10).to_string()).collect::<Vec<_>>().join(" "));
    line(
        "below(3<<62)",
        (0..3).map(|_| format!("{:016x}", rng.below(3 << 62))).collect::<Vec<_>>().join(" "),
    );
    line(
        "fraction",
        (0..3).map(|_| format!("{:016x}", rng.fraction().to_bits())).collect::<Vec<_>>().join(" "),
    );
    line(
        "exponential(1)",
        (0..3).map(|_| format!("{:016x}", rng.exponential(1.0).to_bits())).collect::<Vec<_>>().join(" "),
    );
    line("bytes(11)", hex(&rng.bytes::<11>()));
    let zipf = Zipf::new(1_000, 1.1);
    line("zipf(1000,1.1)", (0..10).map(|_| zipf.sample(&mut rng).to_string()).collect::<Vec<_>>().join(" "));
    let mut items = [0, 1, 2, 3, 4, 5, 6, 7];
    rng.shuffle(&mut items);
    line("shuffle(8)", format!("{items:?}"));
    line("machine", MachineId::random(&mut rng).uuid().to_string());

    check(&out, include_str!("golden/rng.txt"));
}

#[derive(Debug, PartialEq, BorshSerialize, BorshDeserialize)]
struct Greeting {
    name: String,
    at: Instant,
    patience: Duration,
    machine: MachineId,
    tags: Vec<u16>,
}

impl Message for Greeting {
    const KIND: u16 = 0x0102;
    const VERSION: u16 = 0x0304;
}

#[test]
fn a_frame_keeps_its_encoding() {
    let greeting = Greeting {
        name: "web-1".into(),
        at: Instant::from_nanos(1_500_000_000),
        patience: Duration::from_millis(30),
        machine: MachineId::from_uuid("6ba7b810-9dad-41d1-80b4-00c04fd430c8".parse().unwrap()),
        tags: vec![1, 0xffff],
    };
    let mut bytes = Vec::new();
    frame::encode(&greeting, 1_024, &mut bytes).unwrap();
    let golden = include_str!("golden/frame.txt");
    check(
        &format!(
            "# A frame with a greeting in it: the header, then the body.\n{}\n{}\n",
            hex(&bytes[..20]),
            hex(&bytes[20..])
        ),
        golden,
    );

    let (frame, rest) = frame::Frame::split(&bytes, 1_024).unwrap().unwrap();
    assert_eq!(frame.decode::<Greeting>(), Ok(greeting));
    assert!(rest.is_empty());
}

#[test]
fn a_trace_keeps_its_digest() {
    let mut out = String::from("# The digest of a trace after each of these events.\n");
    let mut trace = Trace::new();
    writeln!(out, "nothing {}", trace.digest()).unwrap();
    trace.record(Instant::ZERO, "boot", &("web-1", 4u32));
    writeln!(out, "boot {}", trace.digest()).unwrap();
    trace.record(Instant::from_nanos(80), "packet", &vec![0u8; 1_500]);
    writeln!(out, "packet {}", trace.digest()).unwrap();
    trace.record(Instant::MAX, "", &());
    writeln!(out, "empty {}", trace.digest()).unwrap();
    check(&out, include_str!("golden/trace.txt"));
}
