//! Worlds that are kept, and whose runs are written down from where they came back.

use ironloom_node::prelude::*;
use ironloom_node::{Archive, Log, ReplayError};

use super::{is_played_as, office};

#[test]
fn the_first_run_of_a_kept_world_is_played_from_its_description() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::in_memory();
    let world = World::create_recorded(directory.path(), &office(22), &log).unwrap();
    let node = Node::start(world.clone()).unwrap();
    node.exec("desk-1", "echo first > /root/word; sleep 0.2").wait().unwrap();
    node.commit().wait().unwrap();
    node.exec("desk-2", "sleep 0.1").wait().unwrap();
    node.stop();
    is_played_as(&log, &world);
}

#[test]
fn the_run_of_a_kept_world_is_played_from_its_commit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("world");
    let world = World::create(&path, &office(21)).unwrap();
    world.run_for(Duration::from_millis(300));
    world.exec("desk-1", "echo first > /root/word").wait().unwrap();
    world.commit().wait().unwrap();
    drop(world);

    let log = Log::in_memory();
    let world = World::open_recorded(&path, &log).unwrap();
    let node = Node::start(world.clone()).unwrap();
    node.exec("desk-1", "echo second >> /root/word; sleep 0.2").wait().unwrap();
    node.commit().wait().unwrap();
    node.exec("desk-1", "cat /root/word").wait().unwrap();
    node.stop();
    let (now, digest) = (world.now(), world.digest());
    drop((node, world));

    assert!(matches!(World::replay(&log), Err(ReplayError::Kept)));
    let archive = Archive::open(&path).unwrap();
    let mut replay = archive.replay(&log).unwrap();
    assert_eq!(replay.world().peek("desk-1", "/root/word").unwrap(), b"first\n");
    let half = replay.world().now().saturating_add(Duration::from_millis(100));
    replay.run_until(half).unwrap();
    assert_eq!(replay.world().peek("desk-1", "/root/word").unwrap(), b"first\nsecond\n");
    let played = replay.finish().unwrap();
    assert_eq!((played.now(), played.digest()), (now, digest));
}
