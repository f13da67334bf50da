//! Computers of a world that is kept: they go on where they were.

use std::path::Path;

use ironloom_node::Archive;
use ironloom_node::core::{Rng, Seed};
use ironloom_node::hyper::GuestAddress;
use ironloom_node::hyper::board::{Attachment, layout};
use ironloom_node::prelude::*;

use crate::asker::asker;
use crate::guests::{clock, echo, rivals};
use crate::{pass, say, text};

mod bad_days;
mod history;

/// A computer that counts what is typed, one that says a letter every 700 microseconds, and one whose harts race.
fn workshop() -> Description {
    World::builder(3)
        .computer("typist", |typist| typist.memory_mib(8).kernel(echo()).disk(*b"thread"))
        .computer("clock", |it| it.memory_mib(8).kernel(clock(700)))
        .computer("racers", |racers| racers.harts(2).memory_mib(8).kernel(rivals()))
        .describe()
        .unwrap()
}

/// All that a computer said, as far as it is kept.
fn said(world: &World, computer: &str) -> String {
    let console = world.open_serial(computer).wait().unwrap();
    let said = text(world, console);
    world.close_console(console).wait().unwrap();
    said
}

/// Types something; what was said to it.
fn typed(world: &World, computer: &str, line: &str) -> String {
    let console = world.open_serial(computer).wait().unwrap();
    text(world, console);
    let said = say(world, console, line);
    world.close_console(console).wait().unwrap();
    said
}

fn retired(world: &World, computer: &str) -> u64 {
    world.visit_computer(computer, |computer| computer.retired()).unwrap()
}

/// Bytes in which nobody finds an order.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut rng = Rng::new(Seed::new(seed));
    (0..length).map(|_| rng.next_u64() as u8).collect()
}

/// Writes to the disk of a computer whose system does not use it.
fn write_disk(world: &World, computer: &str, offset: u64, bytes: &[u8]) {
    let written = world.visit_computer(computer, |computer| {
        let mut disk = computer.take_disks().remove(0);
        disk.write_at(offset, bytes).unwrap();
        computer.attach(Attachment::Disk { device: disk, serial: "disk".into() }).unwrap();
    });
    assert!(written.is_some());
}

fn read_disk(world: &World, computer: &str, offset: u64, length: usize) -> Vec<u8> {
    let read = world.visit_computer(computer, |computer| {
        let mut disk = computer.take_disks().remove(0);
        let mut bytes = vec![0; length];
        disk.read_at(offset, &mut bytes).unwrap();
        computer.attach(Attachment::Disk { device: disk, serial: "disk".into() }).unwrap();
        bytes
    });
    read.unwrap()
}

/// What is not committed is gone, and what is goes on in the middle of a word.
#[test]
fn a_computer_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::create(directory.path(), &workshop()).unwrap();
    assert_eq!(typed(&world, "typist", "abc"), ">a1b2c3");
    pass(&world, 7);
    let (now, letters) = (world.now(), said(&world, "clock"));
    let commit = world.commit().wait().unwrap();
    assert_eq!(typed(&world, "typist", "de"), "d4e5");
    pass(&world, 20);
    drop(world); // As if its power had failed.

    let world = World::open(directory.path()).unwrap();
    assert_eq!((world.opened().unwrap().commit, world.now()), (commit, now));
    assert_eq!(said(&world, "typist"), ">a1b2c3", "what was said before is still seen");
    assert_eq!(typed(&world, "typist", "f"), "f4");
    assert_eq!(said(&world, "clock").get(..letters.len()), Some(&*letters));
    world.run_for(Duration::from_micros(7_000));
    assert_eq!(said(&world, "clock").len(), letters.len() + 14, "3 and 7 ms at 700 us");
    // Its power is cut, and it boots the kernel that it was described with.
    world.stop("typist").wait().unwrap();
    world.start("typist").wait().unwrap();
    assert_eq!(typed(&world, "typist", "gr"), ">g1>");
}

#[test]
fn who_was_off_or_stood_still_goes_on_doing_so() {
    let directory = tempfile::tempdir().unwrap();
    let mut drawn = workshop();
    let table = |kernel: Vec<u8>| ComputerTable::default().memory_mib(8).kernel(kernel);
    drawn.computers.insert("spare".to_owned(), table(echo()).disk_mib(1).off());
    let world = World::create(directory.path(), &drawn).unwrap();
    world.create_computer("late", table(echo())).wait().unwrap();
    typed(&world, "late", "ab");
    world.suspend("late").wait().unwrap();
    pass(&world, 5);
    let letters = said(&world, "clock").len();
    world.suspend("clock").wait().unwrap();
    world.stop("racers").wait().unwrap();
    world.type_in(world.open_serial("typist").wait().unwrap(), "q").wait().unwrap();
    pass(&world, 3);
    write_disk(&world, "spare", 512, b"never switched on");
    world.commit().wait().unwrap();
    drop(world);

    let world = World::open(directory.path()).unwrap();
    pass(&world, 30);
    assert_eq!(said(&world, "clock").len(), letters);
    for name in ["racers", "typist", "spare"] {
        let console = world.open_serial(name).wait().unwrap();
        assert!(world.type_in(console, "x").wait().unwrap_err().to_string().contains("Stopped"), "{name}");
    }
    world.resume("clock").wait().unwrap();
    world.resume("late").wait().unwrap();
    world.start("spare").wait().unwrap();
    world.run_for(Duration::from_micros(7_000));
    assert_eq!(said(&world, "clock").len(), letters + 10);
    assert_eq!(typed(&world, "late", "c"), "c3");
    assert_eq!(typed(&world, "spare", "d"), "d1");
    assert_eq!(read_disk(&world, "spare", 512, 17), b"never switched on");
}

/// A disk lasts while its computer is switched off and on, and is kept with it.
#[test]
fn disks_are_kept_with_what_was_written_to_them() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::create(directory.path(), &workshop()).unwrap();
    assert_eq!(read_disk(&world, "typist", 0, 8), b"thread\0\0");
    write_disk(&world, "typist", 3, b"ad");
    world.commit().wait().unwrap();
    write_disk(&world, "typist", 3, b"XX");
    world.fork("typist", "twin").wait().unwrap();
    write_disk(&world, "twin", 0, b"s");
    world.commit().wait().unwrap();
    write_disk(&world, "typist", 0, b"lost");
    drop(world);
    for _ in 0..2 {
        let world = World::open(directory.path()).unwrap();
        world.stop("typist").wait().unwrap();
        world.start("typist").wait().unwrap();
        assert_eq!(read_disk(&world, "typist", 0, 8), b"thrXXd\0\0");
        assert_eq!(read_disk(&world, "twin", 0, 8), b"shrXXd\0\0");
        assert_eq!(typed(&world, "typist", "a"), ">a1");
        world.commit().wait().unwrap();
    }
}

const WEB: [u8; 4] = [10, 1, 0, 10];
const FIRST: [u8; 4] = [10, 1, 0, 17]; // `b`, as a letter
const SECOND: [u8; 4] = [10, 1, 0, 18];

fn town(path: &Path) -> World {
    let drawn = World::builder(5)
        .network("lan", "10.1.0.0/24")
        .names("example", "lan", [10, 1, 0, 53])
        .machine("web", |web| web.at("lan").address(WEB))
        .computer("first", |first| {
            first.at("lan").address(FIRST).memory_mib(8).kernel(asker(FIRST, WEB, 5_000))
        })
        .computer("gone", |gone| gone.at("lan").memory_mib(8).kernel(echo()))
        .describe()
        .unwrap();
    World::create(path, &drawn).unwrap()
}

fn web(world: &World, line: &str) -> String {
    world.exec("web", line).wait().unwrap().text()
}

#[test]
fn computers_that_came_went_and_were_forked_are_as_they_were() {
    let directory = tempfile::tempdir().unwrap();
    let world = town(directory.path());
    let late = ComputerTable::default().at("lan").address(SECOND).name("other.example");
    let late = late.memory_mib(8).kernel(asker(SECOND, FIRST, 7_000));
    world.create_computer("late", late).wait().unwrap();
    pass(&world, 9);
    world.inject(Fault::delay("late", Duration::from_millis(2))).wait().unwrap();
    world.fork("late", "twin").wait().unwrap();
    world.fork("late", "orphan").wait().unwrap();
    world.commit().wait().unwrap();
    // The described one is gone, and so is one whose fork stays.
    world.destroy("gone").wait().unwrap();
    world.destroy("late").wait().unwrap();
    world.inject(Fault::cut("twin")).wait().unwrap();
    let ids = |world: &World| -> Vec<_> {
        world.computers().into_iter().map(|name| (world.machine_id(&name), name)).collect()
    };
    let link = |world: &World, name: &str| {
        let id = world.machine_id(name).unwrap();
        world.visit(|machines| {
            let fabric = machines.fabric();
            let link = fabric.link_of(id).unwrap();
            format!("{:?}", fabric.profile(link, ironloom_node::net::fabric::Way::Back).unwrap())
        })
    };
    let address = |world: &World, name: &str| web(world, &format!("dig +short {name}.example"));
    let (ids_before, twin) = (ids(&world), address(&world, "twin"));
    let link_before = link(&world, "twin");
    assert_eq!(ids_before.len(), 3);
    world.commit().wait().unwrap();
    drop(world);

    let world = World::open(directory.path()).unwrap();
    assert_eq!(ids(&world), ids_before);
    assert_eq!(address(&world, "first"), "10.1.0.17\n");
    assert_eq!((address(&world, "twin"), twin.len() > 8), (twin, true));
    assert_eq!((address(&world, "gone"), address(&world, "other")), (String::new(), String::new()));
    assert_eq!(link(&world, "twin"), link_before, "it is as slow as that of its origin was");
    let console = world.open_serial("first").wait().unwrap();
    text(&world, console);
    pass(&world, 20);
    assert!(text(&world, console).contains("2k"), "it is on the network, and answered");
    // A fork boots what its origin did, which is no more.
    world.stop("orphan").wait().unwrap();
    world.start("orphan").wait().unwrap();
    let console = world.open_serial("orphan").wait().unwrap();
    pass(&world, 5);
    text(&world, console);
    let orphan = address(&world, "orphan");
    web(&world, &format!("ping -c 1 -W 1 {}", orphan.trim()));
    assert!(text(&world, console).contains("1k"), "it is asked for its address, and hears it");
    let console = world.open_serial("twin").wait().unwrap();
    text(&world, console);
    pass(&world, 20);
    assert_eq!(text(&world, console), "", "its link is cut");
}
