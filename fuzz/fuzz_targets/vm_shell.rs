//! Whatever line a user gives the shell, the machine lives, and so does the one beside it.

#![no_main]

mod vm_world;

use ironloom_vm::Command;
use libfuzzer_sys::fuzz_target;
use vm_world::{USER, World, heap};

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (kind, line) = input;
    let mut world = World::new(heap(kind), &[]);
    world.attack(&Command::shell(line).user(USER, USER).directory("/tmp").input("a\nb c\n"));
    world.check();
});
