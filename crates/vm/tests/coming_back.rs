//! Machines that are taken out of one host and come back on another: their files, and what their processes kept.

use std::sync::Arc;

use ironloom_blob::tree::Tree;
use ironloom_blob::{BlobStore, MemoryStore};
use ironloom_core::{Duration, MachineId, Seed};
use ironloom_vm::{Checkpoint, Command, Heap, Image, MachineSpec, MachineState, Machines};

const SECOND: Duration = Duration::from_secs(1);
const HEAPS: [Heap; 2] = [Heap::Own, Heap::Cell];

/// Counts seconds. What it counted is in a file, and kept.
const CLOCK: &str = "#!/bin/lua
local kept = os.restored() or { seconds = 0, lives = 0 }
kept.lives += 1
while true do
    os.checkpoint(kept)
    fs.write('/var/' .. (...), kept.seconds .. ' in ' .. kept.lives)
    os.sleep(1)
    kept.seconds += 1
end
";

fn image(store: &Arc<MemoryStore>) -> Image {
    let mut tree = Image::base_in(Arc::<MemoryStore>::clone(store)).unwrap().tree().fork();
    let attributes = ironloom_blob::tree::Attributes::new(0o755, <_>::default());
    tree.put("/bin/clock", CLOCK.as_bytes(), attributes.clone()).unwrap();
    tree.put("/etc/bootstrap", b"clock kitchen\nclock hall\n", attributes).unwrap();
    Image::new(tree)
}

/// Stores a machine, and gives what of it is to be handed over.
fn take_out(machines: &mut Machines, id: MachineId) -> (ironloom_blob::BlobId, Vec<Checkpoint>) {
    let capture = machines.capture(id).unwrap();
    assert_eq!(capture.state(), MachineState::Running);
    let checkpoints = capture.checkpoints().to_vec();
    let stored = capture.store().unwrap();
    machines.settle(id, &stored).unwrap();
    assert_eq!(machines.capture(id).unwrap().files(), Some(stored.files()), "nothing is left to be stored");
    (stored.files(), checkpoints)
}

fn come_back(store: &Arc<MemoryStore>, heap: Heap, files: ironloom_blob::BlobId) -> (Machines, MachineId) {
    let store: Arc<dyn BlobStore> = Arc::<MemoryStore>::clone(store);
    let tree = Tree::open(store, files, <_>::default()).unwrap();
    let mut machines = Machines::new(<_>::default(), Seed::new(8));
    let id = machines.create(&MachineSpec::new("home", &Image::new(tree)).heap(heap)).unwrap();
    (machines, id)
}

fn read(machines: &mut Machines, id: MachineId, path: &str) -> String {
    machines.run(id, &Command::shell(format!("cat {path}")), SECOND).unwrap().text()
}

#[test]
fn processes_find_what_those_before_them_kept() {
    for heap in HEAPS {
        let store = Arc::new(MemoryStore::new());
        let mut machines = Machines::new(<_>::default(), Seed::new(7));
        let id = machines.create(&MachineSpec::new("home", &image(&store)).heap(heap)).unwrap();
        machines.boot(id).unwrap();
        machines.run_for(Duration::from_millis(5_500));
        let (files, checkpoints) = take_out(&mut machines, id);
        assert_eq!(checkpoints.len(), 2);

        let (mut again, id) = come_back(&store, heap, files);
        assert_eq!(read(&mut again, id, "/var/kitchen"), "5 in 1");
        again.boot_again(id, checkpoints).unwrap();
        again.run_for(Duration::from_millis(2_500));
        assert_eq!(read(&mut again, id, "/var/kitchen"), "7 in 2", "{heap:?}");
        assert_eq!(read(&mut again, id, "/var/hall"), "7 in 2", "{heap:?}");

        // Who is shut down comes back without them.
        again.stop(id).unwrap();
        again.boot(id).unwrap();
        again.run_for(Duration::from_millis(1_500));
        assert_eq!(read(&mut again, id, "/var/hall"), "1 in 1", "{heap:?}");
    }
}

#[test]
fn what_nobody_has_taken_yet_is_kept_on() {
    let store = Arc::new(MemoryStore::new());
    let mut machines = Machines::new(<_>::default(), Seed::new(7));
    let id = machines.create(&MachineSpec::new("home", &image(&store))).unwrap();
    machines.boot(id).unwrap();
    machines.run_for(Duration::from_millis(3_500));
    let (files, checkpoints) = take_out(&mut machines, id);

    let (mut again, id) = come_back(&store, Heap::Own, files);
    again.run(id, &Command::shell("echo clock hall > /etc/bootstrap"), SECOND).unwrap();
    again.boot_again(id, checkpoints.clone()).unwrap();
    // Before anything ran, and after one of the two came.
    assert_eq!(sorted(again.capture(id).unwrap().checkpoints()), sorted(&checkpoints));
    again.run_for(SECOND);
    assert_eq!(again.capture(id).unwrap().checkpoints().len(), 2);
    again.run(id, &Command::shell("clock kitchen & sleep 1.5; kill $!"), Duration::from_secs(3)).unwrap();
    assert_eq!(again.capture(id).unwrap().checkpoints().len(), 1);
    assert_eq!(read(&mut again, id, "/var/kitchen"), "4 in 2");
}

fn sorted(checkpoints: &[Checkpoint]) -> Vec<Vec<u8>> {
    let mut sorted: Vec<_> =
        checkpoints.iter().map(|one| ironloom_core::borsh::to_vec(one).unwrap()).collect();
    sorted.sort();
    sorted
}

#[test]
fn who_may_have_changed_is_noted_once() {
    let store = Arc::new(MemoryStore::new());
    let image = image(&store);
    let mut machines = Machines::new(<_>::default(), Seed::new(7));
    let spec = |name: &str| MachineSpec::new(name, &image).heap(Heap::Cell);
    let idle = machines.create(&spec("idle")).unwrap();
    assert_eq!(machines.take_changed(), [], "nobody asked for it");
    machines.note_changes();
    let busy = machines.create(&spec("busy")).unwrap();
    let all = machines.take_changed();
    assert!(all.len() == 2 && all.contains(&idle) && all.contains(&busy));
    machines.capture(idle).unwrap();
    machines.state(idle).unwrap();
    assert_eq!(machines.take_changed(), [], "who looks changes nothing");
    machines.boot(busy).unwrap();
    machines.run_for(Duration::from_secs(3));
    assert_eq!(machines.take_changed(), [busy]);
    machines.run_for(Duration::from_secs(1));
    assert_eq!(machines.take_changed(), [busy]);
    machines.run_for(Duration::from_secs(1));
    machines.destroy(busy).unwrap();
    let next = machines.create(&spec("in its place")).unwrap();
    assert_eq!(machines.take_changed(), [next]);
}
