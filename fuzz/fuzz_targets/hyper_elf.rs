//! Whatever an executable says, it is read so that all of it lies inside of memory, or refused.

#![no_main]

use ironloom_hyper::GuestAddress;
use ironloom_hyper::load::{self, Place};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let place = Place::new(GuestAddress::new(0x8000_0000), 64 << 20);
    let Ok(program) = load::executable(bytes, &place) else { return };
    let mut end = place.base.get();
    for segment in &program.segments {
        assert!(segment.address.get() >= end && !segment.is_empty());
        end = segment.address.get() + segment.len();
    }
    assert!(end <= place.base.get() + place.bytes);
    assert_eq!(program.end().get(), end);
    assert!(program.entry.get() >= place.base.get() && program.entry.get() < end);
    assert_eq!(
        program.symbol("tohost").is_some(),
        program.symbols.iter().any(|symbol| symbol.name == "tohost")
    );
});
