//! Machines in numbers, for the benches and for the count of their memory.

use ironloom_core::{MachineId, Seed};
use ironloom_vm::os::{Caller, Credentials};
use ironloom_vm::{Config, Heap, Image, MachineSpec, Machines};

/// An image whose machines start these scripts at boot.
pub(crate) fn image(scripts: &[&str]) -> Image {
    let base = Image::base();
    let mut files = ironloom_vm::os::Files::new(base.tree().fork());
    let root = Credentials::root();
    let system = Caller::system(&root, ironloom_core::Instant::ZERO);
    let mut bootstrap = String::new();
    for (number, script) in scripts.iter().enumerate() {
        let path = format!("/bin/bench{number}");
        files.write_all(&system, path.as_bytes(), script.as_bytes(), None).expect("there is room");
        files.chmod(&system, path.as_bytes(), 0o755).expect("it is there");
        bootstrap += &format!("bench{number}\n");
    }
    files.write_all(&system, b"/etc/bootstrap", bootstrap.as_bytes(), None).expect("there is room");
    files.commit(ironloom_blob::Durability::Buffered).expect("memory takes it");
    Image::new(files.tree().fork())
}

/// A world without machines.
pub(crate) fn world(config: Config) -> Machines {
    Machines::new(config, Seed::new(1))
}

/// Makes machines and boots them, until all of them wait.
pub(crate) fn boot(machines: &mut Machines, image: &Image, heap: Heap, count: usize) -> Vec<MachineId> {
    let spec = MachineSpec::new("bench", image).heap(heap);
    let ids: Vec<MachineId> = (0..count).map(|_| machines.create(&spec).expect("there is room")).collect();
    for id in &ids {
        machines.boot(*id).expect("it was just made");
    }
    machines.step();
    while machines.poll().is_some() {}
    ids
}
