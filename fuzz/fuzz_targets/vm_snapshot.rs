//! Whatever a store has instead of a snapshot, it is refused, or a machine that lives comes of it.

#![no_main]

mod vm_world;

use std::sync::OnceLock;

use ironloom_blob::{BlobStore, Durability};
use ironloom_core::Duration;
use ironloom_vm::{Command, Heap};
use libfuzzer_sys::fuzz_target;
use vm_world::{World, store};

const KEEPER: &[u8] = b"os.checkpoint({ 1, true, a = 'b' }) os.restored() os.sleep(1000)";

fn world(heap: Heap) -> World {
    World::new(heap, &[("/bin/keeper", KEEPER)])
}

fn snapshot() -> &'static Vec<u8> {
    static SNAPSHOT: OnceLock<Vec<u8>> = OnceLock::new();
    SNAPSHOT.get_or_init(|| {
        let mut world = world(Heap::Own);
        for argument in ["one", "two"] {
            let command = Command::new("/bin/keeper").argument(argument).variable("NAME", "value").user(7, 8);
            world.machines.spawn(world.attacked, &command).expect("it is there");
        }
        world.machines.run_for(Duration::from_millis(50));
        let id = world.machines.snapshot(world.attacked).expect("there is a store");
        store().get(id).expect("it was just put").to_vec()
    })
}

fuzz_target!(|input: (u8, Vec<(u16, u8)>, u16, Vec<u8>)| {
    let (kind, changes, cut, more) = input;
    let mut bytes = snapshot().clone();
    for (place, byte) in changes {
        let place = usize::from(place) % bytes.len();
        bytes[place] ^= byte;
    }
    if kind & 2 > 0 {
        let place = usize::from(cut) % (bytes.len() + 1);
        bytes.splice(place..(place + usize::from(kind >> 4)).min(bytes.len()), more);
    }
    let id = store().put(&bytes, Durability::Buffered).expect("it is in memory");
    let mut world = world(vm_world::heap(kind));
    let _ = world.machines.rollback(world.attacked, id);
    world.machines.run_for(Duration::from_millis(100));
    let again = world.machines.snapshot(world.attacked).expect("there is a store");
    world.machines.rollback(world.attacked, again).expect("it was made by us");
    world.machines.run_for(Duration::from_millis(50));
    // What programs the machine has now, somebody else said.
    world.check_other();
});
