//! Whatever a kernel's header says, all of the kernel lies inside of memory, or it is refused.

#![no_main]

use ironloom_hyper::GuestAddress;
use ironloom_hyper::load::{self, Place};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let place = Place::new(GuestAddress::new(0x8000_0000), 64 << 20);
    // The magic is not for the fuzzer to find.
    let mut file = bytes.to_vec();
    if let Some(magic) = file.get_mut(56..60) {
        magic.copy_from_slice(b"RSC\x05");
    }
    for file in [bytes, &file] {
        let Ok(program) = load::kernel(file, &place) else { continue };
        let [segment] = program.segments[..] else { panic!("a kernel is one segment") };
        assert_eq!(segment.bytes, file);
        assert_eq!(program.entry, segment.address);
        assert!(segment.address >= place.base && program.end().get() <= place.base.get() + place.bytes);
    }
});
