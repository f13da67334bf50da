//! Frames, random streams and the digest of a trace.

use std::hint::black_box;

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_benches::{Goal, OURS, Suite};
use ironloom_core::frame::{self, Frame, Message};
use ironloom_core::{Instant, Rng, Seed, Trace};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng as _};
use tokio_util::bytes::{BufMut as _, BytesMut};
use tokio_util::codec::{Decoder as _, Encoder as _, LengthDelimitedCodec};

pub(crate) fn benches(suite: &mut Suite) {
    frames(suite);
    random(suite);
    digest(suite);
}

/// A body of 64 bytes: what a small message between nodes looks like.
#[derive(BorshSerialize, BorshDeserialize)]
struct Small {
    words: [u64; 8],
}

impl Message for Small {
    const KIND: u16 = 1;
    const VERSION: u16 = 1;
}

const SMALL: Small = Small { words: [1, 2, 3, 4, 5, 6, 7, 8] };

fn frames(suite: &mut Suite) {
    suite
        .compare("core::frame::encode_decode/body=64", Some(Goal::Nanos(60.0)))
        .run(OURS, Vec::new, |bytes| {
            bytes.clear();
            frame::encode(black_box(&SMALL), 1_024, bytes).expect("it fits");
            let (frame, _) = Frame::split(black_box(bytes), 1_024).expect("intact").expect("whole");
            black_box(frame.decode::<Small>().expect("a small message"));
        })
        .run(
            "tokio LengthDelimitedCodec, no checksum",
            || (LengthDelimitedCodec::new(), BytesMut::new()),
            |(codec, bytes)| {
                let mut body = BytesMut::with_capacity(64);
                borsh::to_writer((&mut body).writer(), black_box(&SMALL)).expect("it fits");
                codec.encode(body.freeze(), bytes).expect("it fits");
                let body = codec.decode(black_box(bytes)).expect("intact").expect("whole");
                black_box(borsh::from_slice::<Small>(&body).expect("a small message"));
            },
        );
}

fn random(suite: &mut Suite) {
    const BYTES: usize = 64 * 1_024;
    suite
        .compare("core::rng::fill/bytes=65536", Some(Goal::GigabytesPerSecond(1.0, BYTES as u64)))
        .bytes(BYTES as u64)
        .run(OURS, || (Rng::new(Seed::new(1)), vec![0; BYTES]), |(rng, bytes)| rng.fill(black_box(bytes)))
        .run(
            "rand_xoshiro",
            || (Xoshiro256PlusPlus::seed_from_u64(1), vec![0; BYTES]),
            |(rng, bytes)| rng.fill_bytes(black_box(bytes)),
        )
        .run(
            "fastrand",
            || (fastrand::Rng::with_seed(1), vec![0; BYTES]),
            |(rng, bytes)| rng.fill(black_box(bytes)),
        );
    suite
        .compare("core::rng::below", None)
        .run(
            OURS,
            || Rng::new(Seed::new(1)),
            |rng| {
                black_box(rng.below(black_box(1_000)));
            },
        )
        .run(
            "fastrand",
            || fastrand::Rng::with_seed(1),
            |rng| {
                black_box(rng.u64(..black_box(1_000)));
            },
        );
    suite.compare("core::rng::split", None).run(
        OURS,
        || (Rng::new(Seed::new(1)), 0),
        |(rng, id)| {
            *id += 1;
            black_box(rng.split("machine", *id));
        },
    );
}

fn digest(suite: &mut Suite) {
    let event = (7u64, 9u64, 1_500u32);
    suite
        .compare("core::trace::record/details=20", None)
        .run(OURS, Trace::new, |trace| {
            trace.record(Instant::from_nanos(5), "deliver", black_box(&event));
        })
        .run("BLAKE3", blake3::Hasher::new, |hasher| {
            borsh::to_writer(&mut *hasher, &(5u64, "deliver", black_box(&event)))
                .expect("a hash takes any bytes");
        });
}
