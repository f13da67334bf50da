//! Whatever the bytes, they are read as a device tree or refused; what was read is whole.

#![no_main]

use ironloom_hyper::board::device_tree::{DeviceTree, Item};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(tree) = DeviceTree::parse(bytes) else { return };
    let mut depth = 0u32;
    for item in tree.items() {
        match item {
            Item::Begin { .. } => depth += 1,
            Item::End => depth -= 1,
            Item::Property { .. } => assert_ne!(depth, 0),
        }
    }
    assert_eq!(depth, 0);
    let _ = tree.property("/chosen", "bootargs");
    assert_eq!(DeviceTree::parse(tree.bytes()).unwrap().items().count(), tree.items().count());
});
