//! Whatever the text of a zone is, it is read or refused; and what was read is written so that it is read back.
//!
//! `cargo +nightly fuzz run net_zone`

#![no_main]

use ironloom_net::dns::{Name, Zone, ZoneText};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let origin = Name::from_ascii("lan.").unwrap();
    let options = ZoneText::default();
    let _ = Zone::parse(&origin, bytes, &options);
    // Few texts begin with a SOA, without which nothing else is looked at.
    let text = [b"@ 60 SOA ns host 1 2 3 4 5\n", bytes].concat();
    if let Ok(zone) = Zone::parse(&origin, text, &options) {
        let written = zone.to_string();
        let again =
            Zone::parse(&origin, &written, &options).unwrap_or_else(|error| panic!("{error}: {written}"));
        assert!(again == zone, "{written}\n{again}");
    }
});
