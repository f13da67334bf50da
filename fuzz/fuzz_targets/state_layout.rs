//! What a state finds in its store: whatever a row holds, it is written as it was read or refused; and whatever rows
//! there are, the state opens over them and can be used, with errors perhaps, or does not open.
//!
//! `cargo +nightly fuzz run state_layout`

#![no_main]

use ironloom_state::{Roots, fuzz};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let (key, value) = rest.split_at(rest.len().min(40));
    let _ = fuzz::row(key, value);
    let _ = fuzz::row(&[], rest);
    let roots = if first % 2 == 0 { Roots::On } else { Roots::Off };
    let _ = fuzz::opened(&rows(rest), roots);
});

/// Takes bytes for rows: a space, two numbers for a key, a length and a value.
fn rows(mut bytes: &[u8]) -> Vec<(u8, [u8; 2], Vec<u8>)> {
    let mut rows = Vec::new();
    while let Some(([space, first, second, length], rest)) = bytes.split_first_chunk() {
        let (value, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        rows.push((*space, [*first, *second], value.to_vec()));
        bytes = rest;
    }
    rows
}
