//! Exports of states, as they come from somebody else: whatever bytes a part has, it is written as it was read or
//! refused; and whatever parts an export has, it is imported, opened and exported again, or refused.
//!
//! `cargo +nightly fuzz run state_export`

#![no_main]

use ironloom_state::fuzz;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = fuzz::export_part(bytes);
    let _ = fuzz::imported(&parts(bytes));
});

/// Takes bytes for parts: links, a kind, and what follows; with the head that all parts have.
fn parts(mut bytes: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut parts = Vec::new();
    while let Some((links, rest)) = take(bytes) {
        let Some((kind, rest)) = rest.split_first() else {
            break;
        };
        let Some((content, rest)) = take(rest) else {
            break;
        };
        let body = match kind {
            0xf0 => content.to_vec(),
            // A value that is large enough to be a blob of its own.
            0xf1 => content.iter().copied().cycle().take(5_000 * content.len().min(1)).collect(),
            _ => [b"STEX\x02", &[*kind][..], content].concat(),
        };
        parts.push((links.to_vec(), body));
        bytes = rest;
    }
    parts
}

fn take(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*length).min(rest.len()))
}
