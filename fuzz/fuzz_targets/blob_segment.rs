//! Whatever a segment has become, scanning it ends, in order, with no more lost than there was; and the manifests in
//! it are read or refused.

#![no_main]

use ironloom_blob::fuzz::{self, Sums};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = fuzz::segment(bytes.to_vec(), Sums::Kept);
    let _ = fuzz::segment(bytes.to_vec(), Sums::Mended);
    let _ = fuzz::manifest(bytes);
});
