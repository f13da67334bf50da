//! Scripts as they were written for the nulltrace engine, a file each in `nulltrace`, with their polling loops.
//!
//! A script says in its first lines what is done before it runs, and what it writes:
//!
//! ```text
//! -- $2 COMMAND     a line for the shell of machine 2
//! -- @2 NAME        a script that is started on machine 2, and goes on
//! -- > TEXT         a line that it writes
//! ```
//!
//! It runs as root on machine 1. The machines 1, 2 and 3 have the addresses 10.0.0.1, 10.0.0.2 and 10.0.0.3. A script
//! that writes nothing is there for others. Everything is run in both kinds of heap.

use std::path::PathBuf;

use ironloom_blob::tree::Attributes;
use ironloom_core::{Duration, Instant, MachineId, Seed};
use ironloom_net::fabric::Place;
use ironloom_vm::{Command, Config, Heap, Image, MachineSpec, Machines};

const LIMIT: Duration = Duration::from_secs(60);

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/nulltrace")
}

/// The base image with all scripts in `/bin`.
fn image() -> Image {
    let mut tree = Image::base().tree().fork();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("/bin/{}", path.file_stem().unwrap().to_str().unwrap());
        let source = std::fs::read(path).unwrap();
        tree.put(name.as_str(), &source, Attributes::new(0o755, Instant::ZERO)).unwrap();
    }
    Image::new(tree)
}

/// Three machines on a switch.
fn world(heap: Heap) -> (Machines, Vec<MachineId>) {
    let mut machines = Machines::new(Config::default(), Seed::new(7));
    let switch = machines.fabric_mut().add_switch("lan", Place::Apart, <_>::default()).unwrap();
    let image = image();
    let ids = (1..).zip(["one", "two", "three"]).map(|(number, name)| {
        let address = format!("10.0.0.{number}/24").parse().unwrap();
        machines.create(&MachineSpec::new(name, &image).heap(heap).at(switch, address)).unwrap()
    });
    let ids = ids.collect();
    (machines, ids)
}

/// What stands behind a mark in the first lines of a script.
fn said<'a>(source: &'a str, mark: &'a str) -> impl Iterator<Item = &'a str> {
    source.lines().filter_map(move |line| line.strip_prefix("-- ")?.strip_prefix(mark))
}

/// The machine that is meant, and what it is to do.
fn aimed<'a>(ids: &[MachineId], line: &'a str) -> (MachineId, &'a str) {
    let (number, rest) = line.split_once(' ').unwrap();
    (ids[number.parse::<usize>().unwrap() - 1], rest)
}

#[track_caller]
fn check(name: &str) {
    let source = std::fs::read_to_string(folder().join(format!("{name}.luau"))).unwrap();
    let expected: String = said(&source, "> ").flat_map(|line| [line, "\n"]).collect();
    assert!(!expected.is_empty(), "{name} says what it is to write");
    for heap in [Heap::Own, Heap::Cell] {
        let (mut machines, ids) = world(heap);
        for (id, line) in said(&source, "$").map(|line| aimed(&ids, line)) {
            let prepared = machines.run(id, &Command::shell(line), LIMIT).unwrap();
            assert_eq!(prepared.exit.code(), 0, "{line}");
        }
        for (id, program) in said(&source, "@").map(|line| aimed(&ids, line)) {
            machines.spawn(id, &Command::new(format!("/bin/{program}"))).unwrap();
        }
        machines.run_for(Duration::from_millis(100));
        let finished = machines.run(ids[0], &Command::new(format!("/bin/{name}")), LIMIT);
        let written = match finished {
            Ok(finished) => finished.text() + &String::from_utf8_lossy(&finished.errors),
            Err(error) => error.to_string(),
        };
        assert_eq!(written, expected, "{heap:?}");
    }
}

macro_rules! scripts {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*

        #[test]
        fn every_script_is_run() {
            let run = [$(stringify!($name)),*];
            for entry in std::fs::read_dir(folder()).unwrap() {
                let path = entry.unwrap().path();
                let source = std::fs::read_to_string(&path).unwrap();
                let name = path.file_stem().unwrap().to_str().unwrap();
                assert!(run.contains(&name) || said(&source, "> ").next().is_none(), "{name} is not in the list");
            }
        }
    };
}

scripts! {
    asking_without_input
    binary_messages
    command_lines
    conversations_are_not_spoofed
    daemons_keep_their_messages
    echo_client
    exec_and_status
    files
    forwarded_output
    four_answers
    hello_listener
    http_between_machines
    http_on_localhost
    http_texts
    identity
    many_children
    old_echo_service
    old_shell
    old_ssh
    paths
    ping_pong
    port_in_use
    searching
    spawn_and_read
    spawn_path_and_poll
    special_input
    tables_as_text
    three_machines
    users
    working_directory
    write_to_child
}

#[test]
fn what_bootstrap_names_is_started() {
    for heap in [Heap::Own, Heap::Cell] {
        let (mut machines, ids) = world(heap);
        let line = "printf '# services\\npong_server\\nnone such\\n' > /etc/bootstrap";
        machines.run(ids[1], &Command::shell(line), LIMIT).unwrap();
        machines.boot(ids[1]).unwrap();
        machines.run_for(Duration::from_millis(100));
        let finished = machines.run(ids[0], &Command::new("/bin/ping_pong"), LIMIT).unwrap();
        assert_eq!(finished.text(), "pong from 10.0.0.2:6000\n", "{heap:?}");
        let log = machines.run(ids[1], &Command::shell("cat /var/log/boot"), LIMIT).unwrap();
        assert!(log.text().contains("none"), "{}", log.text());
    }
}
