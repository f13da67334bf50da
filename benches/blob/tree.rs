//! Trees: what a fork, a commit, a path and a page cost in a tree of a million files.
//!
//! The peer is a directory of the host's file system, where it can do the same thing.

use std::fs;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ironloom_benches::{Goal, OURS, Suite, timed};
use ironloom_blob::tree::{Attributes, Config, Glob, Needle, Tree};
use ironloom_blob::{Durability, MemoryStore};
use ironloom_core::{Instant, Rng, Seed};

const NOW: Instant = Instant::ZERO;
const FILES: u64 = 1_000_000;
const DIRECTORY_FILES: u64 = 1_000;
const CHANGED: u64 = 1_000;

pub(crate) fn benches(suite: &mut Suite) {
    forks(suite);
    commits(suite);
    lookups(suite);
    lists(suite);
    contents(suite);
    searches(suite);
}

fn attributes() -> Attributes {
    Attributes::new(0o644, NOW)
}

fn empty() -> Tree {
    let config = Config { dirty_bytes_max: 4 << 30, ..Config::default() };
    Tree::new(Arc::new(MemoryStore::new()), config)
}

fn path(number: u64) -> String {
    format!("/{:03}/{:03}", number / DIRECTORY_FILES, number % DIRECTORY_FILES)
}

/// A million files of 200 bytes, a thousand in each of a thousand directories; committed.
fn million() -> Tree {
    let mut tree = empty();
    for directory in 0..FILES / DIRECTORY_FILES {
        let path = format!("/{directory:03}");
        tree.mkdir(&*path, attributes()).expect("the name is free");
    }
    for number in 0..FILES {
        put(&mut tree, &path(number), number);
    }
    tree.commit(Durability::Buffered).expect("memory stores it");
    tree
}

/// As many files in one directory; committed.
fn million_in_one() -> Tree {
    let mut tree = empty();
    for number in 0..FILES {
        put(&mut tree, &format!("/{number:07}"), number);
    }
    tree.commit(Durability::Buffered).expect("memory stores it");
    tree
}

fn put(tree: &mut Tree, path: &str, number: u64) {
    let mut content = [b'.'; 200];
    content[..8].copy_from_slice(&number.to_le_bytes());
    tree.put(path, &content, attributes()).expect("there is room");
}

fn forks(suite: &mut Suite) {
    suite.compare("blob::tree::fork/files=1000000", Some(Goal::Nanos(1_000.0))).run(
        OURS,
        || warm(million(), |tree| drop(tree.fork())),
        |tree| drop(black_box(tree.fork())),
    );
    suite.compare("blob::tree::snapshot/files=1000000,changed=0", Some(Goal::Nanos(1_000.0))).run(
        OURS,
        million,
        |tree| {
            black_box(tree.commit(Durability::Buffered).expect("nothing is to be stored"));
        },
    );
}

fn commits(suite: &mut Suite) {
    let goal = Some(Goal::Nanos(50e6));
    suite.compare("blob::tree::commit/files=1000000,changed=1000", goal).run_many(
        OURS,
        || (million(), 0),
        |state, count| change_and_commit(state, count, path),
    );
    suite.compare("blob::tree::commit/directory=1000000,changed=1000", goal).run_many(
        OURS,
        || (million_in_one(), 0),
        |state, count| change_and_commit(state, count, |number| format!("/{number:07}")),
    );
}

/// Writes a thousand files of a fork anywhere and commits them. Only the commit counts.
fn change_and_commit(state: &mut (Tree, u64), iterations: u64, path: impl Fn(u64) -> String) -> Duration {
    let (tree, generation) = state;
    let mut took = Duration::ZERO;
    for _ in 0..iterations {
        *generation += 1;
        let mut rng = Rng::new(Seed::new(*generation));
        let mut fork = tree.fork();
        for _ in 0..CHANGED {
            let bytes = generation.to_le_bytes();
            let path = path(rng.below(FILES));
            fork.write(&*path, 16, &bytes, NOW).expect("it is there");
        }
        took += timed(|| {
            black_box(fork.commit(Durability::Buffered).expect("memory stores it"));
        });
    }
    took
}

fn lookups(suite: &mut Suite) {
    const DEEP: &str = "/usr/local/share/loom/themes/dark/icons/close.svg";
    suite
        .compare("blob::tree::stat/depth=8", Some(Goal::Nanos(2_000.0)))
        .run(
            OURS,
            || {
                let mut tree = empty();
                make_deep(DEEP, |path| {
                    tree.mkdir(path, attributes()).expect("the name is free");
                });
                put(&mut tree, DEEP, 1);
                reopened(&mut tree)
            },
            |tree| drop(black_box(tree.stat(black_box(DEEP)).expect("it is there"))),
        )
        .run(
            "host file system",
            || {
                let host = Host::new("deep");
                make_deep(DEEP, |path| host.mkdir(path));
                fs::write(host.path(DEEP), b"x").expect("the host has room");
                host
            },
            |host| {
                black_box(fs::metadata(host.path(DEEP)).expect("it is there"));
            },
        );
    suite.compare("blob::tree::stat/files=1000000,at=random", None).run(
        OURS,
        || (million(), Rng::new(Seed::new(1))),
        |(tree, rng)| {
            drop(black_box(tree.stat(&*path(rng.below(FILES))).expect("it is there")));
        },
    );
}

/// Makes the directories that lead to a path, and a hundred beside each.
fn make_deep(deep: &str, mut mkdir: impl FnMut(&str)) {
    let ends = deep.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
    for end in ends {
        mkdir(&deep[..end]);
        let above = deep[..end].rfind('/').unwrap_or(0);
        (0..100).for_each(|beside| mkdir(&format!("{}/beside-{beside}", &deep[..above])));
    }
}

fn reopened(tree: &mut Tree) -> Tree {
    tree.commit(Durability::Buffered).expect("memory stores it");
    tree.fork()
}

fn lists(suite: &mut Suite) {
    suite
        .compare("blob::tree::list/entries=1000", Some(Goal::Nanos(200_000.0)))
        .run(OURS, || warm(million(), list_directory), |tree| list_directory(tree))
        .run(
            "host file system",
            || {
                let host = Host::new("list");
                for number in 0..1_000 {
                    fs::write(host.path(&format!("/{number}")), b"x").expect("the host has room");
                }
                host
            },
            |host| {
                let entries = fs::read_dir(host.path("/")).expect("it is there");
                let stats =
                    entries.map(|entry| entry.and_then(|entry| entry.metadata()).expect("it is there"));
                assert_eq!(stats.map(black_box).count(), 1_000);
            },
        );
    suite.compare("blob::tree::list/entries=1000,of=1000000", Some(Goal::Nanos(200_000.0))).run(
        OURS,
        || warm(million_in_one(), list_page),
        |tree| list_page(tree),
    );
}

/// A tree in which this was done once. The goals are for what is in memory and in the processor's caches; a run of one
/// iteration would otherwise show what the first one costs after a million files were made.
fn warm(tree: Tree, routine: impl FnOnce(&Tree)) -> Tree {
    routine(&tree);
    tree
}

fn list_directory(tree: &Tree) {
    assert_eq!(tree.list("/500", None, 1_000).expect("it is there").len(), 1_000);
}

fn list_page(tree: &Tree) {
    let page = tree.list("/", Some(b"0500000"), 1_000).expect("it is there");
    assert_eq!(page.len(), 1_000);
}

fn contents(suite: &mut Suite) {
    let file = || {
        let mut tree = empty();
        tree.create("/f", attributes()).expect("the name is free");
        for piece in 0..1_024 {
            let bytes = vec![piece as u8 + 1; 1 << 16];
            tree.append("/f", &bytes, NOW).expect("there is room");
        }
        reopened(&mut tree)
    };
    let place = |rng: &mut Rng| rng.below(1 << 14) << 12;
    suite.compare("blob::tree::read/file=64MiB,bytes=4096", None).bytes(4_096).run(
        OURS,
        || (file(), Rng::new(Seed::new(1)), vec![0; 4_096]),
        |(tree, rng, bytes)| {
            black_box(tree.read("/f", place(rng), bytes).expect("it is there"));
        },
    );
    suite.compare("blob::tree::write_and_commit/file=64MiB,bytes=4096", None).bytes(4_096).run(
        OURS,
        || (file(), Rng::new(Seed::new(1)), 0u64),
        |(tree, rng, count)| {
            *count += 1;
            let bytes = [*count as u8; 4_096];
            tree.write("/f", place(rng), &bytes, NOW).expect("there is room");
            black_box(tree.commit(Durability::Buffered).expect("memory stores it"));
        },
    );
}

fn searches(suite: &mut Suite) {
    let glob = Glob::new(b"5*/**/9?7").expect("a pattern");
    suite.compare("blob::tree::glob/found=1000,of=1000000", None).run(OURS, million, move |tree| {
        let found = tree.glob("/", &glob).expect("the root is there");
        assert_eq!(found.filter(Result::is_ok).count(), 1_000);
    });
    let needle = Needle::literal(b"needle").expect("a few bytes");
    suite.compare("blob::tree::search/bytes=16MiB", None).bytes(16 << 20).run(OURS, searched, move |tree| {
        assert_eq!(tree.search("/", &needle).expect("the root is there").count(), 16);
    });
    suite.compare("blob::tree::diff/files=1000000,changed=1000", None).run(
        OURS,
        million_and_changed,
        |(before, after)| {
            assert!(before.diff(after).count() > 900);
        },
    );
}

/// Sixteen files of a mebibyte, each with a needle in its middle.
fn searched() -> Tree {
    let mut tree = empty();
    let line = "a line of text like many others in this file, of about eighty bytes in all\n";
    let half = line.repeat((1 << 19) / line.len());
    for number in 0..16 {
        let text = format!("{half}and the needle\n{half}");
        tree.put(&*format!("/{number}"), text.as_bytes(), attributes()).expect("there is room");
    }
    reopened(&mut tree)
}

fn million_and_changed() -> (Tree, Tree) {
    let before = million();
    let mut after = before.fork();
    let mut rng = Rng::new(Seed::new(1));
    for _ in 0..CHANGED {
        let path = path(rng.below(FILES));
        after.write(&*path, 16, b"changed", NOW).expect("it is there");
    }
    after.commit(Durability::Buffered).expect("memory stores it");
    (before, after)
}

/// A directory of the host that is removed afterwards.
struct Host(PathBuf);

impl Host {
    fn new(name: &str) -> Self {
        let directory = format!("ironloom-bench-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(directory);
        fs::create_dir_all(&path).expect("the host has room");
        Self(path)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.join(&path[1..])
    }

    fn mkdir(&self, path: &str) {
        fs::create_dir_all(self.path(path)).expect("the host has room");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // What is left behind is in the host's directory for what may be left behind.
        drop(fs::remove_dir_all(&self.0));
    }
}
