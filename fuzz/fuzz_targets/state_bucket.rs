//! Rows of the state's tree: whatever they hold, they are buckets or refused; and whatever rows there are, a branch
//! opens over them and can be emptied, or does not open.
//!
//! `cargo +nightly fuzz run state_bucket`

#![no_main]

use std::collections::BTreeSet;

use ironloom_state::fuzz;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let (key, value) = rest.split_at(rest.len().min(usize::from(first % 40)));
    let _ = fuzz::bucket(key, value);
    let _ = fuzz::branch(*first, rows(rest));
});

/// Takes bytes for rows: a length and a key, then a number of leaves, of each of which there is only what follows the
/// key. The leaves are put in order; the rows are not.
fn rows(mut bytes: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    while let Some((key, rest)) = take(bytes) {
        let Some((tails, rest)) = take(rest) else {
            break;
        };
        let leaves: BTreeSet<_> = tails.iter().map(|tail| leaf(key, *tail)).collect();
        rows.push((key.to_vec(), leaves.into_iter().flatten().collect()));
        bytes = rest;
    }
    rows
}

fn take(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*length).min(rest.len()))
}

/// A leaf whose path is in the bucket with this key, but for what `tail` changes.
fn leaf(key: &[u8], tail: u8) -> [u8; 64] {
    let mut leaf = [0; 64];
    let length = key.len().min(31);
    leaf[..length].copy_from_slice(&key[..length]);
    if let Some(marker) = leaf[..length].last_mut() {
        // The one behind the prefix, and what follows, are the leaf's own.
        *marker ^= tail & (*marker ^ marker.wrapping_sub(1));
    }
    leaf[length] = tail;
    leaf[63] = 1;
    leaf
}
