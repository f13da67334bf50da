//! Frames from a hostile stream: however it is cut, the decoder finds what a look at the whole stream finds.
#![no_main]

use std::mem::{Discriminant, discriminant};

use borsh::{BorshDeserialize, BorshSerialize};
use ironloom_core::frame::{Decoder, Frame, FrameError, HEADER_BYTES, Message};
use libfuzzer_sys::fuzz_target;

const BODY_BYTES_MAX: usize = 300;

#[derive(Debug, BorshSerialize, BorshDeserialize)]
struct Nested {
    names: Vec<(String, Option<u64>)>,
    rest: Vec<Vec<u8>>,
}

impl Message for Nested {
    const KIND: u16 = 0;
    const VERSION: u16 = 0;
}

/// The frames before the first error, and which error that was. What an error says of a wrong beginning depends on
/// how much of it had arrived, so only its kind is compared.
type Found = (Vec<(u16, u16, Vec<u8>)>, Option<Discriminant<FrameError>>);

fuzz_target!(|input: (bool, u8, Vec<u8>)| {
    let (mend, cut, mut bytes) = input;
    if mend {
        mend_checksums(&mut bytes);
    }
    assert_eq!(in_pieces(&bytes, usize::from(cut) + 1), at_once(&bytes));
});

/// Makes the checksums of the first frame right, so that what lies behind them is reached.
fn mend_checksums(bytes: &mut [u8]) {
    let Some((head, rest)) = bytes.split_first_chunk_mut::<HEADER_BYTES>() else {
        return;
    };
    head[..4].copy_from_slice(b"ILF1");
    let length = u32::from_le_bytes(head[8..12].try_into().expect("four bytes")) as usize;
    let body = &rest[..length.min(rest.len())];
    head[12..16].copy_from_slice(&crc32c::crc32c(body).to_le_bytes());
    let checksum = crc32c::crc32c(&head[..16]);
    head[16..].copy_from_slice(&checksum.to_le_bytes());
}

fn at_once(mut bytes: &[u8]) -> Found {
    let mut found = Vec::new();
    loop {
        match Frame::split(bytes, BODY_BYTES_MAX) {
            Ok(Some((frame, rest))) => {
                drop(frame.decode::<Nested>());
                found.push((frame.kind, frame.version, frame.body.to_vec()));
                bytes = rest;
            }
            Ok(None) => return (found, None),
            Err(error) => return (found, Some(discriminant(&error))),
        }
    }
}

fn in_pieces(bytes: &[u8], length: usize) -> Found {
    let mut decoder = Decoder::new(BODY_BYTES_MAX);
    let mut found = Vec::new();
    for mut piece in bytes.chunks(length) {
        loop {
            match decoder.next(&mut piece) {
                Ok(Some(frame)) => found.push((frame.kind, frame.version, frame.body.to_vec())),
                Ok(None) => break,
                Err(error) => return (found, Some(discriminant(&error))),
            }
        }
        assert!(piece.is_empty() && decoder.pending_bytes() <= HEADER_BYTES + BODY_BYTES_MAX);
    }
    (found, None)
}
