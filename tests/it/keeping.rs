//! Trees and volumes on a real disk: what was pinned is there after closing, collecting and opening again, byte for
//! byte, and what was not is gone.

use std::sync::Arc;

use ironloom_node::blob::tree::{self, Attributes, Tree};
use ironloom_node::blob::volume::{self, Volume};
use ironloom_node::blob::{BlobId, BlobStore, DiskConfig, DiskStore, Durability, PinName, Spare};
use ironloom_node::core::{Instant, Rng, Seed};

use crate::scratch::Scratch;

const ROUNDS: u64 = 6;
const DISK_BYTES: u64 = 4 << 20;

fn open(scratch: &Scratch) -> Arc<DiskStore> {
    Arc::new(DiskStore::open(scratch.path().join("store"), DiskConfig::default()).expect("the disk works"))
}

fn noise(rng: &mut Rng, length: u64) -> Vec<u8> {
    let mut bytes = vec![0; length as usize];
    rng.fill(&mut bytes);
    bytes
}

/// Changes some files, and returns the content that one of them must have from now on.
fn work(tree: &mut Tree, rng: &mut Rng, round: u64) -> Vec<u8> {
    let file = Attributes::new(0o644, Instant::from_nanos(round));
    for _ in 0..20 {
        let length = rng.below(200_000);
        let path = format!("/file-{}", rng.below(10));
        tree.put(path.as_str(), &noise(rng, length), file.clone()).expect("it fits");
    }
    let last = noise(rng, 300_000);
    tree.put("/last", &last, file).expect("it fits");
    last
}

fn move_pin(store: &DiskStore, name: &PinName, target: BlobId) {
    store
        .set_pin(name, store.pin(name).expect("the disk works"), Some(target))
        .expect("nobody else moves it");
}

#[test]
fn pinned_trees_and_volumes_outlive_the_process() {
    let scratch = Scratch::new("keeping");
    let (tree_pin, volume_pin): (PinName, PinName) = ("tree".parse().unwrap(), "volume".parse().unwrap());
    let mut rng = Rng::new(Seed::new(11));
    let mut model = vec![0; DISK_BYTES as usize];
    {
        let store = open(&scratch);
        let mut tree = Tree::new(store.clone(), tree::Config::default());
        move_pin(&store, &tree_pin, tree.commit(Durability::Synced).unwrap());
        let volume = Volume::create(store.clone(), DISK_BYTES, volume::Config::default()).unwrap();
        volume.pin(&volume_pin).unwrap();
    }
    for round in 0..ROUNDS {
        let store = open(&scratch);
        let snapshot = store.pin(&tree_pin).unwrap().expect("it was pinned");
        let mut tree = Tree::open(store.clone(), snapshot, tree::Config::default()).unwrap();
        let last = work(&mut tree, &mut rng, round);
        move_pin(&store, &tree_pin, tree.commit(Durability::Synced).unwrap());

        let volume = Volume::open_pinned(store.clone(), &volume_pin, volume::Config::default()).unwrap();
        let offset = rng.below(DISK_BYTES - 100_000);
        let bytes = noise(&mut rng, 100_000);
        volume.write_at(offset, &bytes).unwrap();
        model[offset as usize..][..bytes.len()].copy_from_slice(&bytes);
        volume.flush().unwrap();

        let orphan = store.put(&noise(&mut rng, 10_000), Durability::Synced).unwrap();
        drop((tree, volume));
        // The second collection takes what the first spared as recent.
        store.collect(Spare::Recent).unwrap();
        store.collect(Spare::Recent).unwrap();
        assert!(!store.has(orphan).unwrap(), "round {round}: nobody kept it");
        drop(store);

        let store = open(&scratch);
        let snapshot = store.pin(&tree_pin).unwrap().expect("it was pinned");
        let tree = Tree::open(store.clone(), snapshot, tree::Config::default()).unwrap();
        assert_eq!(tree.read_all("/last").unwrap(), last, "round {round}");
        let volume = Volume::open_pinned(store, &volume_pin, volume::Config::default()).unwrap();
        let mut found = vec![0; model.len()];
        volume.read_at(0, &mut found).unwrap();
        assert!(found == model, "round {round}: the volume differs");
    }
}
