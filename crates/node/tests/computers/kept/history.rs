//! Runs that were interrupted, and the history of worlds with computers.

use super::*;

/// Whoever is interrupted as often as one likes does what others do: to the last bit of memory.
#[test]
fn an_interrupted_run_is_the_uninterrupted_one() {
    let last = |interruptions: &[u64]| {
        let directory = tempfile::tempdir().unwrap();
        let mut world = World::create(directory.path(), &workshop()).unwrap();
        for millis in 1..=40 {
            pass(&world, 1);
            if millis == 13 {
                let console = world.open_serial("typist").wait().unwrap();
                world.type_in(console, "loom").wait().unwrap();
            }
            if millis == 20 {
                world.suspend("clock").wait().unwrap();
            }
            if millis == 25 {
                world.resume("clock").wait().unwrap();
            }
            if interruptions.contains(&millis) {
                world.commit().wait().unwrap();
                // One in two is only kept, and goes on.
                if millis % 2 == 0 {
                    drop(world);
                    world = World::open(directory.path()).unwrap();
                }
            }
        }
        let commit = world.commit().wait().unwrap();
        let heard = ["typist", "clock", "racers"].map(|name| (said(&world, name), retired(&world, name)));
        drop(world);
        (Archive::open(directory.path()).unwrap().files(commit).unwrap(), heard)
    };
    let uninterrupted = last(&[]);
    assert_eq!(uninterrupted.1[0].0, ">l1o2o3m4");
    assert_eq!(uninterrupted.0.len(), 3);
    let mut rng = Rng::new(Seed::new(5));
    for _ in 0..4 {
        let at: Vec<u64> = (0..6).map(|_| 1 + rng.below(39)).collect();
        assert_eq!(last(&at), uninterrupted, "interrupted at {at:?} ms");
    }
    assert_eq!(last(&[20, 24, 25]), uninterrupted, "while the clock stood still");
}

/// A world with a commit after each of some letters.
fn typing(path: &Path, letters: &[&str]) -> Vec<BatchId> {
    let world = World::create(path, &workshop()).unwrap();
    let commits = letters.iter().zip(1..).map(|(letter, number)| {
        typed(&world, "typist", letter);
        write_disk(&world, "typist", 0, letter.as_bytes());
        let noise = noise(number, 4_096);
        let at = GuestAddress::new(layout::MEMORY + (4 << 20));
        world.visit_computer("typist", |typist| typist.memory().write_bytes(at, &noise).unwrap()).unwrap();
        world.commit().wait().unwrap()
    });
    commits.collect()
}

#[test]
fn any_commit_is_looked_at_branched_off_and_gone_back_to() {
    let (trunk, twig) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ids = typing(trunk.path(), &["a", "b", "c"]);
    let archive = Archive::open(trunk.path()).unwrap();
    let commits = archive.commits().unwrap();
    assert_eq!((commits.len(), commits[0].machines, commits[0].changed), (4, 3, 3));
    let then = archive.world_at(ids[0]).unwrap();
    assert_eq!(typed(&then, "typist", "x"), "x2");
    assert_eq!(read_disk(&then, "typist", 0, 6), b"ahread");
    // Two worlds of one moment have nothing in common.
    let other = archive.world_at(ids[0]).unwrap();
    assert_eq!(typed(&other, "typist", "yz"), "y2z3");
    drop((then, other));
    archive.branch(ids[1], twig.path()).unwrap();
    archive.roll_back(ids[0]).unwrap();
    drop(archive);
    let world = World::open(trunk.path()).unwrap();
    assert_eq!(typed(&world, "typist", "x"), "x2");
    drop(world);
    drop(trunk);
    // The branch stands on nothing of the other.
    let world = World::open(twig.path()).unwrap();
    assert_eq!(typed(&world, "typist", "x"), "x3");
    assert_eq!(read_disk(&world, "typist", 0, 6), b"bhread");
    world.commit().wait().unwrap();
    world.stop("typist").wait().unwrap();
    world.start("typist").wait().unwrap();
    assert_eq!(typed(&world, "typist", "x"), ">x1");
}

#[test]
fn what_is_forgotten_makes_room_and_what_computers_have_stays() {
    let directory = tempfile::tempdir().unwrap();
    let ids = typing(directory.path(), &["a", "b", "c"]);
    let archive = Archive::open(directory.path()).unwrap();
    let collected = archive.prune(ids[1]).unwrap();
    assert_eq!(collected.missing, 0);
    assert!(collected.dropped > 0, "the first page of noise is nobody's: {collected:?}");
    let then = archive.world_at(ids[1]).unwrap();
    // It is pinned for as long as it is there.
    archive.prune(ids[2]).unwrap();
    assert_eq!(typed(&then, "typist", "x"), "x3");
    let at = GuestAddress::new(layout::MEMORY + (4 << 20));
    let read = |world: &World| {
        let mut bytes = vec![0; 4_096];
        world.visit_computer("typist", |typist| typist.memory().read_bytes(at, &mut bytes).unwrap()).unwrap();
        bytes
    };
    assert!(read(&then) == noise(2, 4_096));
    drop((then, archive));
    let world = World::open(directory.path()).unwrap();
    assert!(read(&world) == noise(3, 4_096));
    assert_eq!(typed(&world, "typist", "x"), "x4");
    assert_eq!(read_disk(&world, "typist", 0, 6), b"chread");
    world.stop("typist").wait().unwrap();
    world.start("typist").wait().unwrap();
    assert_eq!(typed(&world, "typist", "x"), ">x1");
}

/// A node keeps computers while they run, and what it acknowledged is there after it was killed.
#[test]
fn a_node_keeps_computers_while_they_run() {
    let directory = tempfile::tempdir().unwrap();
    let mut drawn = workshop();
    drawn.pacing = Pacing::WindowsPerSecond(200);
    let config = ironloom_node::NodeConfig { commit_every: Duration::from_millis(20), ..<_>::default() };
    let world = World::create(directory.path(), &drawn).unwrap();
    let node = Node::start_with(world, config, ironloom_node::core::WallClock::start()).unwrap();
    let events = node.subscribe(10_000);
    let is_commit = |event: &Event| matches!(event, Event::Committed { .. });
    let heard = std::iter::repeat_with(|| events.wait_for(Duration::from_secs(20)));
    assert_eq!(heard.map_while(|event| event).filter(is_commit).take(5).count(), 5);
    until_said(&node, "typist", "abc", "c3");
    node.fork("typist", "twin").wait().unwrap();
    node.commit().wait().unwrap();
    node.stop();
    drop(node);

    let node = Node::open(directory.path()).unwrap();
    for computer in ["typist", "twin"] {
        until_said(&node, computer, "d", "d4");
    }
    node.stop();
    drop(node);
    let world = World::open(directory.path()).unwrap();
    assert!(world.opened().unwrap().passed.is_empty());
    assert_eq!(typed(&world, "twin", "e"), "e5");
    assert!(said(&world, "racers").len() > 1, "they went on");
}

/// Types something, and waits until something is said.
fn until_said(node: &Node, computer: &str, line: &str, wanted: &str) {
    let console = node.open_serial(computer).wait().unwrap();
    node.type_in(console, line).wait().unwrap();
    let mut heard = String::new();
    while !heard.contains(wanted) {
        let seen = node.see(console, u32::MAX).wait().unwrap();
        heard.push_str(&seen.map_or_else(String::new, |seen| String::from_utf8(seen.bytes).unwrap()));
    }
}
