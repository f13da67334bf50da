//! Logs that end early, lie, or cannot be written.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command as Program, Stdio};
use std::sync::Arc;

use ironloom_node::blob::{BlobStore, Durability, FaultyMedium, MemoryStore, PinName};
use ironloom_node::core::Seed;
use ironloom_node::prelude::*;
use ironloom_node::{Log, ReplayError, Shortage};

use super::{is_played_as, office};

fn pin() -> PinName {
    "run".parse().unwrap()
}

#[test]
fn a_log_has_one_run() {
    let log = Log::in_memory();
    assert!(matches!(World::replay(&log), Err(ReplayError::Missing)));
    World::record(&office(1), &log).unwrap();
    assert!(matches!(World::record(&office(1), &log), Err(ReplayError::Exists)));
}

#[test]
fn who_changes_what_is_not_written_down_is_told_of() {
    let log = Log::in_memory();
    let world = World::record(&office(2), &log).unwrap();
    let node = Node::start(world.clone()).unwrap();
    let echo = world.machine_id("echo").unwrap();
    world.visit(|machines| machines.stop(echo)).unwrap();
    // Marks are set when there is something to be written.
    node.exec("desk-1", "sleep 1.5").wait().unwrap();
    node.stop();
    let error = World::replay(&log).unwrap().finish().unwrap_err();
    assert!(matches!(error, ReplayError::Diverged { visits: 1, .. }), "{error}");
    assert!(error.to_string().contains("visited"));
}

/// The program that is killed: it says how far its world is when that is written down.
#[test]
fn child() {
    const CHILD: &str = "IRONLOOM_RECORDED_WORLD";
    #[expect(
        clippy::disallowed_methods,
        reason = "it is how a program is told that it is the one to be killed"
    )]
    let Ok(path) = std::env::var(CHILD) else { return };
    let log = Log::open(Path::new(&path)).unwrap();
    let world = World::record(&office(3), &log).unwrap();
    let node = Node::start(world).unwrap();
    for round in 0.. {
        node.exec("desk-1", format!("echo {round} >> /root/rounds; sleep 0.05")).wait().unwrap();
        println!("round {round}");
    }
}

#[test]
fn what_was_written_before_a_program_was_killed_is_played() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let mut child = Program::new(std::env::current_exe().unwrap())
        .args(["bad_days::child", "--exact", "--nocapture", "--test-threads=1"])
        .env("IRONLOOM_RECORDED_WORLD", &path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap());
    // After two seconds and more at least one has been written.
    let rounds = said.lines().map_while(Result::ok).filter(|line| line.contains("round ")).take(50);
    assert_eq!(rounds.count(), 50);
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
    let log = Log::open(&path).unwrap();
    let world = World::replay(&log).unwrap().finish().unwrap();
    let rounds = String::from_utf8(world.peek("desk-1", "/root/rounds").unwrap()).unwrap();
    let expected: String = (0..rounds.lines().count()).map(|round| format!("{round}\n")).collect();
    assert_eq!(rounds, expected);
    assert!(world.now() >= Instant::ZERO.saturating_add(Duration::from_millis(900)), "{}", world.now());
    println!("{} rounds of 50, by {}", rounds.lines().count(), world.now());
}

#[test]
fn logs_that_lie_are_refused() {
    let store: Arc<dyn BlobStore> = Arc::new(MemoryStore::new());
    let log = Log::within(store.clone(), pin());
    let world = World::record(&office(4), &log).unwrap();
    world.run_for(Duration::from_millis(100));
    is_played_as(&log, &world);
    drop(world);
    let newest = store.pin(&pin()).unwrap().unwrap();
    let content = store.get(newest).unwrap();
    for place in 0..content.len() {
        // Every byte in turn is another, and every end is cut off.
        let mut other = content.to_vec();
        other[place] ^= 0x55;
        for lie in [&other[..], &content[..place]] {
            let lie = store.put(lie, Durability::Buffered).unwrap();
            let at: PinName = "lie".parse().unwrap();
            store.set_pin(&at, store.pin(&at).unwrap(), Some(lie)).unwrap();
            let log = Log::within(store.clone(), at);
            // A time that is another is another run, and no harm; time to come takes for ever.
            if let Ok(mut replay) = World::replay(&log) {
                let _ = replay.run_until(Instant::ZERO.saturating_add(Duration::from_millis(200)));
            }
        }
    }
}

#[test]
fn a_log_that_cannot_be_written_ends_and_the_world_goes_on() {
    let medium = FaultyMedium::new(Seed::new(5));
    let store = ironloom_node::blob::DiskStore::open_on(medium.clone(), <_>::default()).unwrap();
    let log = Log::within(Arc::new(store), pin());
    let world = World::record(&office(5), &log).unwrap();
    let events = world.subscribe(100_000);
    let node = Node::start(world.clone()).unwrap();
    node.exec("desk-1", "sleep 1.2").wait().unwrap();
    medium.set_capacity(Some(0));
    node.exec("desk-1", "sleep 2.5").wait().unwrap();
    assert_eq!(node.exec("desk-1", "echo on").wait().unwrap().text(), "on\n");
    node.stop();
    let told = std::iter::from_fn(|| events.poll())
        .filter(|event| matches!(event, Event::Resource { shortage: Shortage::Log { .. }, .. }))
        .count();
    assert_eq!(told, 1, "it is told once");
    let replay = World::replay(&log).unwrap();
    let played = replay.finish().unwrap();
    assert!(played.now() > Instant::ZERO && played.now() < world.now());
}
