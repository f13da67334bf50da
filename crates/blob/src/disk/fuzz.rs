//! What the fuzzers call: the parsers of what lies on the medium, on arbitrary bytes. Not for use by anybody else.

use ironloom_core::Seed;

use super::{checkpoint, manifest, pins, record, scan};
use crate::{FaultyMedium, Medium, MediumFile};

/// Whether the checksums are put right first, so that what lies behind them is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sums {
    /// They are what they are.
    Kept,
    /// They are put right.
    Mended,
}

/// Scans bytes as if they were a segment; returns how many intact records it has.
///
/// # Panics
///
/// If there is a bug.
#[must_use]
pub fn segment(mut bytes: Vec<u8>, sums: Sums) -> usize {
    if sums == Sums::Mended {
        record::mend(&mut bytes);
    }
    let medium = medium("segment", &bytes);
    let file = medium.open("segment").expect("it was made");
    let (mut count, mut last) = (0, 0);
    let end = scan::scan(&file, 0, |found| {
        assert!(found.offset >= last, "records are found in order");
        last = found.offset + 1;
        count += usize::from(found.intact);
    });
    let end = end.expect("memory does not fail");
    assert!(end.lost_bytes <= bytes.len() as u64);
    assert!(end.offset <= (bytes.len() as u64).next_multiple_of(8));
    count
}

/// Reads bytes as if they were a checkpoint; returns how many blobs it knows.
///
/// # Panics
///
/// If there is a bug.
#[must_use]
pub fn index(mut bytes: Vec<u8>, sums: Sums) -> Option<usize> {
    if sums == Sums::Mended {
        checkpoint::mend(&mut bytes);
    }
    checkpoint::key_count(&medium(checkpoint::NAME, &bytes)).expect("memory does not fail")
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
