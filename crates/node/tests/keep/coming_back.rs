//! What of a world comes back.

use ironloom_node::core::{Rng, Seed};
use ironloom_node::prelude::*;
use ironloom_node::{Archive, Task};

use super::{office, said};

#[test]
fn a_world_comes_back_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::create(directory.path(), &office(7)).unwrap();
    assert!(world.opened().unwrap().passed.is_empty());
    world.run_for(Duration::from_millis(3_300));
    world.exec("desk", "echo remember > /root/note; chmod 600 /root/note").wait().unwrap();
    world.create("guest", MachineTable::default().at("office").runs("httpd -q")).wait().unwrap();
    world.write_file("guest", "/var/www/index.html", "guest book").wait().unwrap();
    world.fork("ticker-1", "twin").wait().unwrap();
    let gone = world.address_of("ticker-2");
    world.destroy("ticker-2").wait().unwrap();
    world.stop("ticker-3").wait().unwrap();
    world.suspend("ticker-4").wait().unwrap();
    let before: Vec<_> = world.machines().iter().map(|name| (name.clone(), world.machine_id(name))).collect();
    let address = said(&world, "guest", "ip addr");
    world.inject(Fault::cut("ticker-5")).wait().unwrap();
    world.add_rule("edge", serde_rule("verdict = 'drop', protocol = 'icmp'")).wait().unwrap();
    let now = world.now();
    let commit = world.commit().wait().unwrap();
    world.exec("desk", "rm /root/note").wait().unwrap();
    drop(world);

    let world = World::open(directory.path()).unwrap();
    assert_eq!(world.opened().unwrap().commit, commit);
    assert!(
        world.now() >= now && world.now() < now.saturating_add(Duration::from_millis(50)),
        "{}",
        world.now()
    );
    let after: Vec<_> = world.machines().iter().map(|name| (name.clone(), world.machine_id(name))).collect();
    assert_eq!(after, before);
    assert_eq!(said(&world, "desk", "cat /root/note; stat -c %a /root/note"), "remember\n600\n");
    assert_eq!(said(&world, "guest", "ip addr"), address);
    world.run_for(Duration::from_secs(1));
    assert_eq!(said(&world, "desk", "curl -s http://guest.example/"), "guest book");
    // Addresses that are taken stay so, and the one that was given back is there for another.
    world.create("late", MachineTable::default().at("office")).wait().unwrap();
    let late = said(&world, "late", "ip addr");
    assert!(gone.is_none_or(|gone| late.contains(&gone)) && late != address, "{late}");
    // Who was off is off, who stood still stands still, whose link was cut is alone, and the rule holds.
    assert!(
        world.exec("spare", "true").wait().is_err()
            || !said(&world, "spare", "ps -A -o comm=").contains("ticker")
    );
    assert!(!said(&world, "ticker-3", "ps -A -o comm=").contains("ticker"));
    world.resume("ticker-4").wait().unwrap();
    assert_ne!(world.exec("ticker-5", "ping -c 1 -W 1 10.1.0.1").wait().unwrap().exit.code(), 0);
    assert_ne!(world.exec("desk", "ping -c 1 -W 1 198.51.100.53").wait().unwrap().exit.code(), 0);
    assert_eq!(world.exec("desk", "ping -c 1 -W 1 10.1.0.1").wait().unwrap().exit.code(), 0);
    // Processes went on where they had kept something.
    world.run_for(Duration::from_millis(2_000));
    let ticks = said(&world, "ticker-1", "cat /var/ticks");
    let counted: Vec<u32> = ticks.split_whitespace().map(|tick| tick.parse().unwrap()).collect();
    assert!(counted.len() >= 5, "{ticks}");
    assert!(counted.iter().copied().eq(1..=counted.len() as u32), "none twice, none left out: {ticks}");
}

/// A run that was interrupted and came back has in the end what one has that was not.
#[test]
fn what_lasts_does_not_depend_on_where_a_run_was_interrupted() {
    let last = |interruptions: &[u64]| {
        let directory = tempfile::tempdir().unwrap();
        let mut world = World::create(directory.path(), &office(11)).unwrap();
        let end = world.now().saturating_add(Duration::from_millis(9_900));
        for at in interruptions {
            let until = Instant::from_nanos(at * 1_000_000);
            world.run_for(until.saturating_since(world.now()));
            world.commit().wait().unwrap();
            drop(world);
            world = World::open(directory.path()).unwrap();
        }
        world.run_for(end.saturating_since(world.now()));
        let ticks = said(&world, "ticker-7", "cat /var/ticks");
        let pages = said(&world, "reader-2", "cat /var/pages");
        let commit = world.commit().wait().unwrap();
        drop(world);
        (Archive::open(directory.path()).unwrap().files(commit).unwrap(), ticks, pages)
    };
    let (uninterrupted, ticks, pages) = last(&[]);
    assert_eq!((ticks.trim(), pages.trim()), ("1 2 3 4 5 6 7 8 9", "200 200 200 200 200 200 200 200 200"));
    let mut rng = Rng::new(Seed::new(5));
    for _ in 0..6 {
        // Not while a question is under way: who asks then is not answered, and writes that down.
        let mut at: Vec<u64> = (0..2).map(|_| 1_000 * rng.below(8) + 810 + rng.below(380)).collect();
        at.sort_unstable();
        let (interrupted, ticks_after, pages_after) = last(&at);
        assert_eq!((&ticks_after, &pages_after), (&ticks, &pages), "interrupted at {at:?} ms");
        assert_eq!(interrupted, uninterrupted, "interrupted at {at:?} ms");
    }
}

#[test]
fn money_and_machines_have_one_history() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::create(directory.path(), &office(3)).unwrap();
    let ledger = world.ledger().unwrap();
    let count = ledger.publish("resource.write(1, tostring(tonumber(resource.read(1) or 0) + 1))").unwrap();
    ledger.submit([Task::run(count).writes("count")]).unwrap();
    let commit = world.commit().wait().unwrap();
    ledger.submit([Task::run(count).writes("count")]).unwrap();
    assert!(ledger.submit([Task::run(count).writes("count").writes("count")]).is_err());
    drop((world, ledger));

    let archive = Archive::open(directory.path()).unwrap();
    assert_eq!(archive.commits().unwrap().last().unwrap().id, commit);
    drop(archive);
    // What came after the commit was acknowledged as well.
    let world = World::open(directory.path()).unwrap();
    assert_eq!(world.ledger().unwrap().read("count").unwrap().unwrap(), b"2");
    drop(world);
    Archive::open(directory.path()).unwrap().roll_back(commit).unwrap();
    let world = World::open(directory.path()).unwrap();
    assert_eq!(world.ledger().unwrap().read("count").unwrap().unwrap(), b"1");
}

#[test]
fn a_node_commits_by_itself_and_when_it_stops() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::create(directory.path(), office(5)).unwrap();
    let events = node.subscribe(1_000);
    node.exec("desk", "echo one > /root/one").wait().unwrap();
    let is_commit = |event: &Event| matches!(event, Event::Committed { .. });
    // It commits every second, as the tickers go on.
    let heard = std::iter::repeat_with(|| events.wait_for(Duration::from_secs(20)));
    let commits = heard.map_while(|event| event).filter(|event| is_commit(event)).take(2).count();
    assert_eq!(commits, 2);
    node.exec("desk", "echo two > /root/two").wait().unwrap();
    node.stop();
    drop(node);

    let node = Node::open(directory.path()).unwrap();
    assert_eq!(said(&node, "desk", "cat /root/one /root/two"), "one\ntwo\n");
    let asked = (0..3).map(|_| node.commit()).collect::<Vec<_>>();
    let commits: Vec<BatchId> = asked.into_iter().map(|commit| commit.wait().unwrap()).collect();
    assert!(commits.is_sorted());
}

fn serde_rule(words: &str) -> RuleTable {
    ironloom_node::net::topology::in_words(words).unwrap()
}

/// The address of a machine, as text.
trait Addressed {
    fn address_of(&self, machine: &str) -> Option<String>;
}

impl Addressed for World {
    fn address_of(&self, machine: &str) -> Option<String> {
        let said = said(self, machine, "ip addr");
        said.split_whitespace().find(|word| word.starts_with("10.1.0.")).map(str::to_owned)
    }
}
