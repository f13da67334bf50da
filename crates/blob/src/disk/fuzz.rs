//! What the fuzzers call: the parsers of what lies on the medium, on arbitrary bytes. Not for use by anybody else.

use ironloom_core::Seed;

use super::{checkpoint, manifest, pins, scan};
use crate::{FaultyMedium, Medium, MediumFile};

/// Scans bytes as if they were a segment; returns how many intact records it has.
///
/// # Panics
///
/// If there is a bug.
#[must_use]
pub fn segment(bytes: &[u8]) -> usize {
    let medium = medium("segment", bytes);
    let file = medium.open("segment").expect("it was made");
    let (mut count, mut last) = (0, 0);
    let end = scan::scan(&file, 0, |found| {
        assert!(found.offset >= last, "records are found in order");
        last = found.offset + 1;
        count += usize::from(found.intact);
    });
    assert!(end.expect("memory does not fail").lost_bytes <= bytes.len() as u64);
    count
}

/// Reads bytes as if they were a checkpoint; returns how many blobs it knows.
///
/// # Panics
///
/// If there is a bug.
#[must_use]
pub fn index(bytes: &[u8]) -> Option<usize> {
    checkpoint::key_count(&medium(checkpoint::NAME, bytes)).expect("memory does not fail")
}

/// Reads bytes as if they were a manifest; returns the length of the blob.
#[must_use]
pub fn manifest(bytes: &[u8]) -> Option<u64> {
    let manifest = manifest::Manifest::parse(bytes)?;
    let _ = manifest.id();
    Some(manifest.length())
}

/// Reads bytes as if they were a log of pins; returns how many there are.
#[must_use]
pub fn pins(bytes: &[u8]) -> Option<usize> {
    pins::replay_count(bytes)
}

fn medium(name: &str, bytes: &[u8]) -> FaultyMedium {
    let medium = FaultyMedium::new(Seed::new(0));
    let file = medium.create(name).expect("memory does not fail");
    file.write_at(bytes, 0).expect("memory does not fail");
    medium
}
