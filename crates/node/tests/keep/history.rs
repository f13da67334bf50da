//! The history of a world: what it was, other ways that it could have gone, and forgetting.

use ironloom_node::prelude::*;
use ironloom_node::{Archive, KeepError, Task};

use super::{office, said};

/// A world with as many commits as there are words, each of which is in a file in one of them.
fn wordy(path: &std::path::Path, words: &[&str]) -> Vec<BatchId> {
    let world = World::create(path, &office(7)).unwrap();
    let ledger = world.ledger().unwrap();
    let keep = ledger.publish("resource.write(1, (...))").unwrap();
    let commits = words.iter().map(|word| {
        said(&world, "desk", &format!("echo {word} > /root/word; head -c 20000 /dev/urandom > /root/{word}"));
        ledger.submit([Task::run(keep).writes("word").argument(*word)]).unwrap();
        world.commit().wait().unwrap()
    });
    commits.collect()
}

fn word(path: &std::path::Path) -> (String, Vec<u8>) {
    let world = World::open(path).unwrap();
    let kept = world.ledger().unwrap().read("word").unwrap().unwrap();
    (said(&world, "desk", "cat /root/word"), kept)
}

#[test]
fn any_commit_can_be_looked_at_and_gone_back_to() {
    let directory = tempfile::tempdir().unwrap();
    let ids = wordy(directory.path(), &["warp", "weft", "shuttle"]);
    let archive = Archive::open(directory.path()).unwrap();
    let commits = archive.commits().unwrap();
    assert_eq!(commits.len(), 4, "the first is the world as it was described");
    assert!(commits[1..].iter().map(|commit| commit.id).eq(ids.iter().copied()));
    assert!(commits.windows(2).all(|pair| pair[0].at <= pair[1].at));
    assert_eq!((commits[0].machines, commits[0].changed), (16, 16));
    assert!(commits[3].changed < 16, "who slept did not change: {commits:?}");
    let roots: Vec<_> = ids.iter().map(|id| archive.root(*id).unwrap()).collect();
    assert!(roots[0].is_some() && roots[0] != roots[1]);

    let then = archive.world_at(ids[0]).unwrap();
    assert_eq!(said(&then, "desk", "cat /root/word; ls /root"), "warp\nwarp\nword\n");
    assert!(then.commit().wait().is_err(), "it is kept nowhere");
    assert!(matches!(then.ledger(), Err(KeepError::NotKept)));
    drop(then);

    archive.roll_back(ids[1]).unwrap();
    assert!(matches!(archive.world_at(ids[2]), Err(KeepError::NoCommit { .. })));
    drop(archive);
    assert_eq!(word(directory.path()), ("weft\n".to_owned(), b"weft".to_vec()));
}

#[test]
fn a_branch_goes_its_own_way() {
    let (trunk, twig) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ids = wordy(trunk.path(), &["warp", "weft"]);
    let archive = Archive::open(trunk.path()).unwrap();
    archive.branch(ids[0], twig.path()).unwrap();
    assert!(matches!(archive.branch(ids[0], twig.path()), Err(KeepError::Exists { .. })));
    drop(archive);
    // It stands on nothing of the other.
    drop(trunk);
    assert_eq!(word(twig.path()), ("warp\n".to_owned(), b"warp".to_vec()));
    let world = World::open(twig.path()).unwrap();
    assert_eq!(said(&world, "desk", "wc -c < /root/warp").trim(), "20000");
    said(&world, "desk", "echo reed > /root/word");
    world.commit().wait().unwrap();
    drop(world);
    assert_eq!(word(twig.path()).0, "reed\n");
}

#[test]
fn what_is_forgotten_makes_room_and_what_is_not_stays() {
    let directory = tempfile::tempdir().unwrap();
    let ids = wordy(directory.path(), &["warp", "weft", "shuttle"]);
    let world = World::open(directory.path()).unwrap();
    said(&world, "desk", "rm /root/warp");
    let last = world.commit().wait().unwrap();
    drop(world);

    let archive = Archive::open(directory.path()).unwrap();
    let collected = archive.prune(ids[1]).unwrap();
    assert_eq!(collected.missing, 0);
    assert_eq!(archive.commits().unwrap()[0].id, ids[1]);
    assert!(matches!(archive.world_at(ids[0]), Err(KeepError::NoCommit { .. })));
    // Of the second commit everything is there, and so is what the last had from those before.
    let then = archive.world_at(ids[1]).unwrap();
    assert_eq!(said(&then, "desk", "cat /root/word; wc -c < /root/warp"), "weft\n20000\n");
    drop(then);
    let collected = archive.prune(last).unwrap();
    assert!(collected.dropped > 0, "nobody has that file any more: {collected:?}");
    drop(archive);
    let world = World::open(directory.path()).unwrap();
    assert_eq!(said(&world, "desk", "cat /root/word; wc -c < /root/weft"), "shuttle\n20000\n");
    assert_eq!(world.ledger().unwrap().read("word").unwrap().unwrap(), b"shuttle");
}

#[test]
fn what_is_not_there_is_said_to_be_so() {
    let directory = tempfile::tempdir().unwrap();
    let nowhere = directory.path().join("nowhere");
    let error = World::open(&nowhere).unwrap_err();
    assert!(matches!(error, KeepError::Missing { .. }) && error.to_string().contains("create"), "{error}");
    let world = World::create(directory.path(), &office(1)).unwrap();
    let error = World::open(directory.path()).unwrap_err();
    assert!(error.to_string().contains("store"), "it is open already: {error}");
    drop(world);
    let error = World::create(directory.path(), &office(1)).unwrap_err();
    assert!(matches!(error, KeepError::Exists { .. }), "{error}");
    // What was never committed was never made.
    let mut nonsense = office(1);
    nonsense.machines.get_mut("desk").unwrap().at = Some("ofice".to_owned());
    let elsewhere = tempfile::tempdir().unwrap();
    assert!(matches!(World::create(elsewhere.path(), &nonsense), Err(KeepError::Description(_))));
    assert!(matches!(World::open(elsewhere.path()), Err(KeepError::Missing { .. })));
    World::create(elsewhere.path(), &office(1)).unwrap();
}
