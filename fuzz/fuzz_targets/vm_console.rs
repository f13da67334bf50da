//! Whatever is typed at a shell, in whatever pieces and sizes: what was typed is taken or refused, what is shown is no more
//! than is kept, and the machine lives.

#![no_main]

mod vm_world;

use ironloom_core::Duration;
use ironloom_vm::Command;
use ironloom_vm::os::console::Size;
use libfuzzer_sys::fuzz_target;
use vm_world::{USER, World, heap};

/// Keys that do something.
const KEYS: &[u8] = b"\x03\x04\x08\x09\x0a\x0d\x11\x13\x15\x16\x17\x1a\x1b\x1c\x7f";

fuzz_target!(|input: (u8, Vec<(u8, Vec<u8>)>)| {
    let (kind, typed) = input;
    let mut world = World::new(heap(kind), &[]);
    let shell = Command::new("/bin/sh").argument("-i").user(USER, USER).directory("/tmp");
    let size = Size { rows: u16::from(kind), columns: u16::from(kind >> 1) };
    let console = world.machines.open_console(world.attacked, size, &shell).expect("there is room");
    for (how, bytes) in typed.iter().take(50) {
        let taken = world.machines.type_in(console, bytes).unwrap_or(0);
        assert!(taken <= bytes.len());
        let key = KEYS[usize::from(*how) % KEYS.len()];
        let _ = world.machines.type_in(console, &[key]);
        if how & 0x80 > 0 {
            let size = Size { rows: u16::from(*how) << 8, columns: u16::from_le_bytes([*how, key]) };
            world.machines.resize(console, size).ok();
        }
        world.machines.run_for(Duration::from_millis(u64::from(how % 30)));
        while let Some(seen) =
            world.machines.see(console, 1 + usize::from(*how)).expect("the machine is there")
        {
            assert!(seen.bytes.len() <= 1 + usize::from(*how));
        }
    }
    world.machines.close_console(console).ok();
    world.machines.run_for(Duration::from_millis(20));
    world.check();
});
