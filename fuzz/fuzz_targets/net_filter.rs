//! Whatever is written for a filter, it is read or refused; and what was read decides about any frame.
//!
//! The text ends at the first zero; what follows are the bytes of a frame.
//!
//! `cargo +nightly fuzz run net_filter`

#![no_main]

use ironloom_net::Frame;
use ironloom_net::capture::Filter;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let Ok(text) = std::str::from_utf8(&bytes[..end]) else { return };
    let filter = match text.parse::<Filter>() {
        Ok(filter) => filter,
        Err(error) => {
            assert!(error.to_string().len() < 1_000, "{error}");
            return;
        }
    };
    // What is true of a filter and of its opposite is true of their combinations, where they are not too deep.
    let opposite = format!("not ({text})").parse::<Filter>();
    let Ok(frame) = Frame::parse(bytes.get(end + 1..).unwrap_or_default().to_vec().into()) else { return };
    let matches = filter.matches(&frame);
    if let Ok(opposite) = opposite {
        assert_eq!(opposite.matches(&frame), !matches, "{text}");
    }
});
