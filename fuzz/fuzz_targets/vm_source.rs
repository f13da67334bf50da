//! Whatever a user has a machine run as a script, the machine lives, and so does the one beside it.

#![no_main]

mod vm_world;

use ironloom_vm::Command;
use libfuzzer_sys::fuzz_target;
use vm_world::{USER, World, heap};

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (kind, source) = input;
    let mut world = World::new(heap(kind), &[("/bin/fuzz", &source)]);
    world.attack(&Command::new("/bin/fuzz").user(USER, USER).directory("/tmp"));
    world.check();
});
