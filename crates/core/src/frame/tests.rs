//! Round trips over every cut of a stream, and what happens to streams that lie.

use borsh::{BorshDeserialize, BorshSerialize};
use proptest::prelude::*;

use super::{Decoder, Frame, FrameError, HEADER_BYTES, Message, encode, encode_body};

const BODY_BYTES_MAX: usize = 1_000;

#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
struct Note {
    number: u32,
    text: Vec<u8>,
}

impl Message for Note {
    const KIND: u16 = 7;
    const VERSION: u16 = 2;
}

fn note(number: u32, length: usize) -> Note {
    Note { number, text: vec![number as u8; length] }
}

fn stream(notes: &[Note]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for note in notes {
        encode(note, BODY_BYTES_MAX, &mut bytes).unwrap();
    }
    bytes
}

/// Everything that a decoder finds in a stream that arrives in pieces of these lengths, over and over.
fn decode(mut bytes: &[u8], pieces: &[usize]) -> (Vec<Note>, Result<(), FrameError>) {
    let mut decoder = Decoder::new(BODY_BYTES_MAX);
    let mut notes = Vec::new();
    let mut lengths = pieces.iter().cycle();
    while !bytes.is_empty() {
        let length = *lengths.next().expect("an endless cycle");
        let (mut piece, rest) = bytes.split_at(length.min(bytes.len()));
        bytes = rest;
        loop {
            match decoder.next(&mut piece) {
                Ok(Some(frame)) => notes.push(frame.decode().unwrap()),
                Ok(None) => break,
                Err(error) => return (notes, Err(error)),
            }
        }
        assert!(piece.is_empty(), "a decoder that wants more has taken all");
        assert!(decoder.pending_bytes() < HEADER_BYTES + BODY_BYTES_MAX);
    }
    (notes, Ok(()))
}

proptest! {
    #[test]
    fn frames_survive_any_cutting(
        lengths in prop::collection::vec(0..200usize, 0..12),
        pieces in prop::collection::vec(1..300usize, 1..20),
    ) {
        let notes: Vec<Note> = lengths.iter().enumerate().map(|(number, &length)| note(number as u32, length)).collect();
        prop_assert_eq!(decode(&stream(&notes), &pieces), (notes, Ok(())));
    }

    #[test]
    fn a_flipped_bit_is_an_error(lengths in prop::collection::vec(0..60usize, 1..4), at: prop::sample::Index, bit in 0..8u32) {
        let notes: Vec<Note> = lengths.iter().map(|&length| note(length as u32, length)).collect();
        let mut bytes = stream(&notes);
        let index = at.index(bytes.len());
        bytes[index] ^= 1 << bit;
        let (found, result) = decode(&bytes, &[17]);
        prop_assert!(notes.starts_with(&found), "what was found before the damage is intact");
        prop_assert!(result.is_err());
    }

    #[test]
    fn arbitrary_bytes_are_an_error_and_nothing_worse(bytes in prop::collection::vec(any::<u8>(), 0..200), piece in 1..50usize) {
        let (found, _) = decode(&bytes, &[piece]);
        prop_assert!(found.is_empty());
    }

    /// A header whose checksum is right, so that everything behind it is exercised.
    #[test]
    fn a_hostile_header_is_an_error_and_nothing_worse(version: u16, kind: u16, length: u32, body in prop::collection::vec(any::<u8>(), 0..100)) {
        let mut bytes = b"ILF1".to_vec();
        bytes.extend_from_slice(&version.to_le_bytes());
        bytes.extend_from_slice(&kind.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes.extend_from_slice(&body);
        match Frame::split(&bytes, BODY_BYTES_MAX) {
            Ok(Some((frame, rest))) => {
                prop_assert_eq!((frame.kind, frame.version), (kind, version));
                prop_assert_eq!(frame.body.len() + rest.len(), body.len());
                drop(frame.decode::<Note>());
            }
            Ok(None) => prop_assert!(length as usize > body.len()),
            Err(FrameError::TooLong { .. }) => prop_assert!(length as usize > BODY_BYTES_MAX),
            Err(error) => prop_assert!(matches!(error, FrameError::BodyChecksum { .. }), "{error}"),
        }
    }
}

#[test]
fn a_broken_stream_stays_broken() {
    let mut decoder = Decoder::new(BODY_BYTES_MAX);
    let first = decoder.next(&mut &b"GET / HTTP/1.1"[..]).unwrap_err();
    assert_eq!(first, FrameError::Magic { found: *b"GET " });
    assert_eq!(decoder.next(&mut &stream(&[note(1, 1)])[..]).unwrap_err(), first);
}

#[test]
fn a_wrong_first_byte_is_noticed_at_once() {
    let error = Decoder::new(BODY_BYTES_MAX).next(&mut &b"X"[..]).unwrap_err();
    assert_eq!(error, FrameError::Magic { found: *b"X\0\0\0" });
}

#[test]
fn a_promised_length_is_not_allocated() {
    let mut bytes = Vec::new();
    encode(&note(1, 900), BODY_BYTES_MAX, &mut bytes).unwrap();
    let mut decoder = Decoder::new(usize::MAX);
    assert_eq!(decoder.next(&mut &bytes[..HEADER_BYTES]), Ok(None));
    assert_eq!(decoder.pending_bytes(), HEADER_BYTES);
    assert!(decoder.partial.capacity() < 100);
}

#[test]
fn a_body_at_the_limit_passes_and_one_above_does_not() {
    let fits = note(1, BODY_BYTES_MAX - 8);
    assert_eq!(decode(&stream(std::slice::from_ref(&fits)), &[64]), (vec![fits], Ok(())));

    let mut out = vec![1, 2, 3];
    let refused = encode(&note(1, BODY_BYTES_MAX - 7), BODY_BYTES_MAX, &mut out).unwrap_err();
    assert_eq!(
        refused,
        FrameError::TooLong { kind: 7, length: BODY_BYTES_MAX + 1, body_bytes_max: BODY_BYTES_MAX }
    );
    assert_eq!(out, [1, 2, 3]);
}

/// A value that is far too long is not written out to find that out.
#[test]
fn a_refused_value_costs_no_memory() {
    let mut out = Vec::new();
    let refused = encode(&note(1, 50_000_000), BODY_BYTES_MAX, &mut out).unwrap_err();
    assert!(matches!(refused, FrameError::TooLong { length: 50_000_008, .. }), "{refused}");
    assert!(out.capacity() < 2 * BODY_BYTES_MAX);
}

#[test]
fn a_long_frame_does_not_stay_in_memory() {
    let mut bytes = Vec::new();
    encode(&note(1, 1_000_000), usize::MAX, &mut bytes).unwrap();
    bytes.extend(stream(&[note(2, 2)]));
    let mut decoder = Decoder::new(usize::MAX);
    let (mut first, mut second) = bytes.split_at(500_000);
    assert_eq!(decoder.next(&mut first), Ok(None));
    assert!(decoder.next(&mut second).unwrap().is_some());
    assert!(decoder.next(&mut second).unwrap().is_some());
    assert!(decoder.partial.capacity() < 100_000);
}

/// What is encoded already, or borrowed, is framed without a detour.
#[test]
fn a_body_is_framed_as_it_is() {
    #[derive(BorshSerialize)]
    struct Borrowed<'a> {
        number: u32,
        text: &'a [u8],
    }
    impl Message for Borrowed<'_> {
        const KIND: u16 = Note::KIND;
        const VERSION: u16 = Note::VERSION;
    }
    let (mut borrowed, mut raw) = (Vec::new(), Vec::new());
    let body = borsh::to_vec(&note(3, 9)).unwrap();
    encode(&Borrowed { number: 3, text: &[3; 9] }, BODY_BYTES_MAX, &mut borrowed).unwrap();
    encode_body(Frame { kind: 7, version: 2, body: &body }, BODY_BYTES_MAX, &mut raw).unwrap();
    assert_eq!(borrowed, stream(&[note(3, 9)]));
    assert_eq!(raw, borrowed);
    assert!(encode_body(Frame { kind: 7, version: 2, body: &body }, 16, &mut raw).is_err());
    assert_eq!(raw, borrowed);
}

#[test]
fn a_frame_of_another_kind_or_version_is_not_read() {
    let frame = Frame { kind: 7, version: 2, body: &borsh::to_vec(&note(1, 1)).unwrap() };
    assert!(frame.decode::<Note>().is_ok());
    let other_kind = Frame { kind: 8, ..frame }.decode::<Note>();
    assert_eq!(other_kind, Err(FrameError::Kind { found: 8, expected: 7 }));
    let other_version = Frame { version: 1, ..frame }.decode::<Note>();
    assert_eq!(other_version, Err(FrameError::Version { kind: 7, found: 1, expected: 2 }));
    let cut = Frame { body: &frame.body[..frame.body.len() - 1], ..frame }.decode::<Note>();
    assert!(matches!(cut, Err(FrameError::Decode { kind: 7, .. })));
}
