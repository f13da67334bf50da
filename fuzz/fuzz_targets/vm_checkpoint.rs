//! Whatever a store has instead of what a script kept, the script gets a table or an error, and what it gets can be kept
//! again.

#![no_main]

mod vm_world;

use std::sync::OnceLock;

use ironloom_blob::{BlobStore, Durability};
use ironloom_core::Duration;
use ironloom_vm::{Command, Heap};
use libfuzzer_sys::fuzz_target;
use vm_world::{World, store};

const KEEPER: &[u8] = b"
local kept = os.restored()
if type(kept) == 'table' then
    os.checkpoint(kept)
    local n = 0
    for key, value in kept do n += 1 end
    fs.write('/tmp/seen', tostring(n))
else
    os.checkpoint({ mark = 'here is what is kept' })
end
os.sleep(1000)
";
const MARK: &[u8] = b"here is what is kept";

fn world(heap: Heap) -> World {
    World::new(heap, &[("/bin/keeper", KEEPER)])
}

/// A snapshot, cut before the length of what was kept, and after what was kept.
fn pieces() -> &'static (Vec<u8>, Vec<u8>) {
    static PIECES: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
    PIECES.get_or_init(|| {
        let mut world = world(Heap::Own);
        world.machines.spawn(world.attacked, &Command::new("/bin/keeper")).expect("it is there");
        world.machines.run_for(Duration::from_millis(50));
        let id = world.machines.snapshot(world.attacked).expect("there is a store");
        let bytes = store().get(id).expect("it was just put").to_vec();
        let mark = bytes.windows(MARK.len()).position(|window| window == MARK).expect("it was kept");
        // A table of one pair: its kind and count, a key, and a text; before it an option and its length.
        let length = 1 + 4 + (1 + 4 + 4) + (1 + 4 + MARK.len());
        let end = mark + MARK.len();
        (bytes[..end - length - 4].to_vec(), bytes[end..].to_vec())
    })
}

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (kind, kept) = input;
    let (before, after) = pieces();
    let length = (kept.len() as u32).to_le_bytes();
    let snapshot = [&before[..], &length, &kept, after].concat();
    let id = store().put(&snapshot, Durability::Buffered).expect("it is in memory");
    let mut world = world(vm_world::heap(kind));
    world.machines.rollback(world.attacked, id).expect("the rest is as it was");
    world.machines.run_for(Duration::from_millis(50));
    world.machines.snapshot(world.attacked).expect("there is a store");
    world.check();
});
