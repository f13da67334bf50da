//! Two processes and one store: the second is refused, and one that is killed loses nothing that it was promised.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use ironloom_node::blob::{BlobId, BlobStore, DiskConfig, DiskStore, Durability, OpenError};
use ironloom_node::core::{Rng, Seed};

use crate::scratch::Scratch;

/// A file that tells the test binary, started in its directory, that it is the child.
const CHILD: &str = "store-until-killed";
const STORE: &str = "store";
const KILLS: u64 = 12;

/// The child's half of the test below. Started by anybody else, it has nothing to do.
#[test]
fn child_that_stores_until_it_is_killed() {
    if !Path::new(CHILD).exists() {
        return;
    }
    let store = DiskStore::open(STORE, DiskConfig::default()).expect("the child before was killed");
    let seed = std::process::id();
    let mut rng = Rng::new(Seed::new(u64::from(seed)));
    // Bounded, should nobody kill us.
    for _ in 0..100_000 {
        let mut content = vec![0; rng.below(20_000) as usize];
        rng.fill(&mut content);
        let id = store.put(&content, Durability::Synced).expect("the disk works");
        println!("promised {id:#}");
    }
}

fn start(scratch: &Scratch) -> Child {
    Command::new(std::env::current_exe().expect("a test knows its binary"))
        .args(["--exact", "killed::child_that_stores_until_it_is_killed", "--nocapture"])
        .current_dir(scratch.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the test binary starts again")
}

#[test]
fn a_killed_process_keeps_what_it_promised() {
    let scratch = Scratch::new("killed");
    std::fs::write(scratch.path().join(CHILD), "").expect("there is room for an empty file");
    let path = scratch.path().join(STORE);
    let mut rng = Rng::new(Seed::new(1));
    let mut promised: Vec<BlobId> = Vec::new();
    for _ in 0..KILLS {
        let mut child = start(&scratch);
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let id = |line: String| line.split_once("promised ")?.1.parse::<BlobId>().ok();
        let ids = lines.map_while(Result::ok).filter_map(id);
        promised.extend(ids.take(1 + rng.below(30) as usize));

        let refused = DiskStore::open(&path, DiskConfig::default());
        assert!(
            matches!(refused, Err(OpenError::Locked { .. })),
            "another process has the store: {refused:?}"
        );
        child.kill().expect("it runs");
        child.wait().expect("it was started by us");

        let store = DiskStore::open(&path, DiskConfig::default()).expect("the one who had it is gone");
        for id in &promised {
            assert_eq!(BlobId::of(&store.get(*id).expect("it was promised")), *id);
        }
    }
    assert!(promised.len() >= KILLS as usize, "the children stored something");
}
