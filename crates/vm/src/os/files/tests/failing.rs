//! A store that has lost what the files stand on, snapshots, and forks.

use std::sync::Arc;

use ironloom_blob::tree::Config;
use ironloom_blob::{BlobStore, Durability, MemoryStore, Tree};

use super::{World, check};
use crate::os::{
    CopyOptions, Errno, Files, FindOptions, GrepOptions, OpenOptions, PasswordConfig, Progress, Users,
};

/// Everything that needs what is lost fails as a broken disk does; nothing hangs, and nothing is judged by guess.
#[test]
fn what_is_lost_is_an_error_of_the_disk() {
    let store = Arc::new(MemoryStore::new());
    let mut files = Files::new(Tree::new(Arc::clone(&store) as Arc<dyn BlobStore>, Config::default()));
    let mut world = World::new();
    world.by("root", |_, root| {
        files.mkdir(root, b"/etc", 0o755).unwrap();
        files.write_all(root, b"/etc/passwd", b"ann:x:1:1::/:/bin/sh\n", None).unwrap();
    });
    let snapshot = files.commit(Durability::Buffered).unwrap();
    let lost = Arc::new(MemoryStore::new());
    lost.put(&store.get(snapshot).unwrap(), Durability::Buffered).unwrap();
    let mut files = Files::new(Tree::open(lost, snapshot, Config::default()).unwrap());

    world.by("root", |_, root| {
        assert!(files.stat(root, b"/").is_ok());
        assert_eq!(files.list(root, b"/", None, 10), Err(Errno::Io));
        assert_eq!(files.stat(root, b"/etc"), Err(Errno::Io));
        assert_eq!(files.stat(root, b"/new"), Err(Errno::Io));
        assert_eq!(files.read_all(root, b"/etc/passwd", 100), Err(Errno::Io));
        assert_eq!(files.write_all(root, b"/new", b"x", None), Err(Errno::Io));
        assert_eq!(files.mkdir_all(root, b"/a/b", 0o755), Err(Errno::Io));
        assert_eq!(files.rename(root, b"/etc", b"/new"), Err(Errno::Io));
        assert_eq!(files.remove_all(root, b"/etc").map(drop), Err(Errno::Io));
        assert_eq!(files.open(root, b"/etc/passwd", OpenOptions::default()).map(drop), Err(Errno::Io));
        assert_eq!(files.copy(root, b"/etc", b"/x", CopyOptions::default()).map(drop), Err(Errno::Io));
        let mut find = files.find(root, b"/", FindOptions::default()).unwrap();
        assert_eq!(find.go(&files, root, 100, &mut Vec::new()), Err(Errno::Io));
        let mut grep = files.grep(vec![b"/".to_vec()], b"x", GrepOptions::default()).unwrap();
        assert_eq!(grep.go(&files, root, 100, &mut Vec::new()), Err(Errno::Io));
        let mut users = Users::default();
        assert_eq!(users.accounts(&files).users().len(), 0);
        assert!(!users.verify(&files, b"ann", b"", &PasswordConfig::default()));
    });
}

#[test]
fn a_fork_begins_as_it_was_and_goes_its_own_way() {
    let mut world = check("ann write /tmp/f x = ok\nann write /tmp/g y = ok");
    let before = world.files.commit(Durability::Buffered).unwrap();
    let opened = world.by("ann", |files, ann| files.open(ann, b"/tmp/f", OpenOptions::parse("r").unwrap()));
    let watch = world.by("ann", |files, ann| files.watch(ann, b"/tmp")).unwrap();
    let mut fork = world.files.fork();
    assert_eq!(fork.next_event(watch), Err(Errno::BadHandle), "nobody watches a fork");
    world.check("ann write /tmp/f changed = ok\nann unlink /tmp/g = ok");
    world.by("ann", |_, ann| {
        assert_eq!(fork.read_all(ann, b"/tmp/f", 10).unwrap(), b"x");
        assert_eq!(fork.read_all(ann, b"/tmp/g", 10).unwrap(), b"y");
        assert_eq!(fork.commit(Durability::Buffered), Ok(before));
        fork.write_all(ann, b"/tmp/f", b"other", None).unwrap();
    });
    world.check("ann read /tmp/f = changed");
    drop(opened);
}

/// What was stored and opened again reads the same, and what was changed since has the version of its bytes.
#[test]
fn what_was_committed_is_there_when_it_is_opened_again() {
    let store = Arc::new(MemoryStore::new());
    let mut files = Files::new(Tree::new(Arc::clone(&store) as Arc<dyn BlobStore>, Config::default()));
    let mut world = World::new();
    let long = vec![b'x'; 10_000];
    let snapshot = world.by("root", |_, root| {
        files.mkdir(root, b"/bin", 0o755).unwrap();
        files.write_all(root, b"/bin/sh", &long, "text/x-lua".parse().ok()).unwrap();
        files.chmod(root, b"/bin/sh", 0o4755).unwrap();
        assert_eq!(files.program(root, b"/bin/sh").unwrap().blob, None, "it is not stored yet");
        files.commit(Durability::Buffered).unwrap()
    });
    let files = Files::new(Tree::open(store, snapshot, Config::default()).unwrap());
    world.by("ann", |_, ann| {
        let program = files.program(ann, b"/bin/sh").unwrap();
        assert_eq!((program.set_uid, program.length), (Some(0), 10_000));
        assert!(program.blob.is_some());
        assert_eq!(files.program_bytes(&program, 10_000).unwrap(), long);
        assert_eq!(files.program_bytes(&program, 9_999), Err(Errno::TooBig));
        let stat = files.stat(ann, b"/bin/sh").unwrap();
        assert_eq!(stat.media_type.unwrap().as_str(), "text/x-lua");
    });
}

/// Who may read everything does, in parts of any size, and the end comes.
#[test]
fn a_tour_of_everything_ends() {
    let mut world = check("ann mkdir-p /tmp/a/b/c/d/e = ok\nann ln-s .. /tmp/a/b/up = ok");
    let found = world.by("root", |files, root| {
        let mut find = files.find(root, b"/", FindOptions::default()).unwrap();
        let mut found = Vec::new();
        while let Progress::More = find.go(files, root, 3, &mut found).unwrap() {}
        found
    });
    assert!(found.contains(&b"/tmp/a/b/c/d/e".to_vec()) && found.contains(&b"/dev/null".to_vec()));
    let mut once = found.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), found.len());
}
