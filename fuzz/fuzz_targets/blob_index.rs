//! Whatever the checkpoint of the index and the log of pins have become, they are read or refused.

#![no_main]

use ironloom_blob::fuzz::{self, Sums};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = fuzz::index(bytes.to_vec(), Sums::Kept);
    let _ = fuzz::index(bytes.to_vec(), Sums::Mended);
    let _ = fuzz::pins(bytes);
});
