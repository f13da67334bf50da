//! What was damaged on the disk, and what guests write to do harm.

use std::fs;

use super::*;

/// Changes a byte of some bytes where they lie on the disk; whether they were found.
fn damage(directory: &Path, wanted: &[u8]) -> bool {
    let files = fs::read_dir(directory).unwrap().map(Result::unwrap);
    files.filter(|entry| entry.file_type().unwrap().is_file()).any(|entry| {
        let mut bytes = fs::read(entry.path()).unwrap();
        let Some(at) = bytes.windows(wanted.len()).position(|found| found == wanted) else { return false };
        bytes[at + wanted.len() / 2] ^= 0x20;
        fs::write(entry.path(), bytes).unwrap();
        true
    })
}

/// Whether it is a page of memory, a part of a disk or the kernel: what the newest commit wrote is read before it is
/// trusted.
#[test]
fn a_damaged_newest_commit_is_passed_and_told() {
    type Write = fn(&World);
    let cases: [(&str, u64, usize, Write); 3] = [
        ("memory", 1, 4_096, |world| {
            let at = GuestAddress::new(layout::MEMORY + (5 << 20));
            let page = noise(1, 4_096);
            world.visit_computer("typist", |typist| typist.memory().write_bytes(at, &page).unwrap()).unwrap();
        }),
        ("disk", 2, 512, |world| write_disk(world, "typist", 0, &noise(2, 512))),
        ("kernel", 3, 9_000, |world| {
            let kernel = [crate::guests::waits(), noise(3, 9_000)].concat();
            world
                .create_computer("late", ComputerTable::default().memory_mib(8).kernel(kernel).off())
                .wait()
                .unwrap();
        }),
    ];
    for (what, seed, length, write) in cases {
        let directory = tempfile::tempdir().unwrap();
        let world = World::create(directory.path(), &workshop()).unwrap();
        typed(&world, "typist", "ab");
        let first = world.commit().wait().unwrap();
        typed(&world, "typist", "c");
        write(&world);
        let second = world.commit().wait().unwrap();
        drop(world);
        let bytes = noise(seed, length);
        assert!(damage(&directory.path().join("blobs"), &bytes[..60]), "{what}: it lies there as it is");

        let world = World::open(directory.path()).unwrap();
        let opened = world.opened().unwrap();
        assert_eq!((opened.commit, opened.passed.len()), (first, 1), "{what}");
        assert_eq!(opened.passed[0].commit, second);
        assert!(opened.passed[0].reason.contains("computer"), "{:?}", opened.passed);
        assert_eq!(typed(&world, "typist", "d"), "d3");
        assert!(world.machine_id("late").is_none());
        // It goes on from there.
        world.commit().wait().unwrap();
        drop(world);
        let world = World::open(directory.path()).unwrap();
        assert!(world.opened().unwrap().passed.is_empty(), "{what}");
        assert_eq!(typed(&world, "typist", "e"), "e4");
        assert_eq!(world.computers(), ["clock", "racers", "typist"]);
    }
}

/// A guest may write a page that looks like a blob which leads elsewhere: nobody follows it, not even to collect what
/// nothing leads to.
#[test]
fn what_a_guest_writes_is_taken_for_what_it_is() {
    let (trunk, twig) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let world = World::create(trunk.path(), &workshop()).unwrap();
    let nowhere: Vec<_> = (0..100u8).map(|number| ironloom_node::blob::BlobId::of(&[number])).collect();
    let mut page = ironloom_node::blob::link::Linked::encode(&nowhere, b"ILMNODE\x01");
    page.resize(4_096, 7);
    let at = GuestAddress::new(layout::MEMORY + (5 << 20));
    world.visit_computer("typist", |typist| typist.memory().write_bytes(at, &page).unwrap()).unwrap();
    write_disk(&world, "typist", 0, &page[..512]);
    typed(&world, "typist", "ab");
    let commit = world.commit().wait().unwrap();
    drop(world);
    let world = World::open(trunk.path()).unwrap();
    assert!(world.opened().unwrap().passed.is_empty());
    drop(world);
    let archive = Archive::open(trunk.path()).unwrap();
    archive.branch(commit, twig.path()).unwrap();
    archive.prune(commit).unwrap();
    drop(archive);
    for path in [trunk.path(), twig.path()] {
        let world = World::open(path).unwrap();
        assert_eq!(typed(&world, "typist", "c"), "c3");
    }
}

/// A program that was killed leaves pins behind, and whoever comes after it lets go of them.
#[test]
fn pins_of_whoever_was_killed_are_let_go_of() {
    use ironloom_node::blob::{BlobStore, DiskConfig, DiskStore};

    let directory = tempfile::tempdir().unwrap();
    let world = World::create(directory.path(), &workshop()).unwrap();
    drop(world);
    let blobs = directory.path().join("blobs");
    let store = DiskStore::open(&blobs, DiskConfig::default()).unwrap();
    assert!(store.pins().unwrap().is_empty(), "who ends in good order leaves none");
    let blob = store.put(b"left behind", ironloom_node::blob::Durability::Synced).unwrap();
    store.set_pin(&"computers-5".parse().unwrap(), None, Some(blob)).unwrap();
    store.set_pin(&"somebody".parse().unwrap(), None, Some(blob)).unwrap();
    drop(store);
    drop(World::open(directory.path()).unwrap());
    let pins = DiskStore::open(&blobs, DiskConfig::default()).unwrap().pins().unwrap();
    assert!(pins.iter().map(|(name, _)| name.as_str()).eq(["somebody"]), "{pins:?}");
}
