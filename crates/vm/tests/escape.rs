//! Attacks, a file each in `escape`: whoever makes one loses its own machine at most.
//!
//! A script there is run by a user who is not root, on a machine on which a daemon of root runs; another machine is beside
//! it, in the same heap if machines share one. The script is to write what its first lines say behind `-- > `, and after
//! it the daemon and the other machine must have done what they would have done without it. A script that says
//! `-- The machine may be lost.` may take the daemon with it. Every attack is made in both kinds of heap.

use std::path::PathBuf;
use std::sync::Arc;

use ironloom_blob::tree::Attributes;
use ironloom_core::{Duration, Instant, MachineId, Seed};
use ironloom_vm::os::{Exit, Pid};
use ironloom_vm::{Command, Config, Event, Heap, Image, Limits, MachineSpec, Machines};

/// Works once a second, and ends with a number that nothing else ends with.
const DAEMON: &[u8] = b"for i = 1, 5 do local n = 0 for j = 1, 1000 do n += j end
    assert(n == 500500 and fs.read('/root/secret') == 'the secret' and type(print) == 'function') os.sleep(1) end
    os.exit(42)";
const USER: u32 = 1000;
const LIMIT: Duration = Duration::from_secs(120);

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/escape")
}

/// The base image with all attacks in `/bin`.
fn image() -> Image {
    let mut tree = Image::base().tree().fork();
    let attributes = |mode| Attributes::new(mode, Instant::ZERO);
    tree.put("/bin/daemon", DAEMON, attributes(0o755)).unwrap();
    tree.put("/root/secret", b"the secret", attributes(0o600)).unwrap();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("/bin/{}", path.file_stem().unwrap().to_str().unwrap());
        tree.put(name.as_str(), &std::fs::read(path).unwrap(), attributes(0o755)).unwrap();
    }
    Image::new(tree)
}

/// How a process has ended, if it has.
fn exit_of(events: &[Event], daemon: (MachineId, Pid)) -> Option<Exit> {
    events.iter().find_map(|event| match event {
        Event::Ended { machine, pid, exit, .. } if (*machine, *pid) == daemon => Some(*exit),
        _ => None,
    })
}

/// Makes an attack: what it writes, and how the daemons there and on another machine end.
fn attack(heap: Heap, name: &str) -> (String, [Option<Exit>; 2]) {
    let limits = Limits { safepoints_per_core: 20_000, grace_safepoints: 100_000, ..Limits::default() };
    let window = Duration::from_millis(16);
    let config = Config { window, limits: Arc::new(limits), ..Config::default() };
    let mut machines = Machines::new(config, Seed::new(1));
    let image = image();
    let ids = ["attacked", "other"]
        .map(|name| machines.create(&MachineSpec::new(name, &image).heap(heap)).unwrap());
    let daemons = ids.map(|id| (id, machines.spawn(id, &Command::new("/bin/daemon")).unwrap()));
    let command = Command::new(format!("/bin/{name}")).user(USER, USER).directory("/tmp");
    let written = match machines.run(ids[0], &command, LIMIT) {
        Ok(finished) => [finished.output, finished.errors].concat(),
        Err(error) => error.to_string().into_bytes(),
    };
    machines.run_for(Duration::from_secs(10));
    let events: Vec<Event> = std::iter::from_fn(|| machines.poll()).collect();
    (String::from_utf8_lossy(&written).into_owned(), daemons.map(|daemon| exit_of(&events, daemon)))
}

#[track_caller]
fn check(name: &str) {
    let source = std::fs::read_to_string(folder().join(format!("{name}.luau"))).unwrap();
    let lines = source.lines().filter_map(|line| line.strip_prefix("-- > "));
    let expected: String = lines.flat_map(|line| [line, "\n"]).collect();
    assert!(!expected.is_empty(), "{name} says what it is to write");
    for heap in [Heap::Own, Heap::Cell] {
        let (mut written, [daemon, other]) = attack(heap, name);
        written.truncate(written.floor_char_boundary(2000));
        assert_eq!(written, expected, "{heap:?}");
        assert_eq!(other, Some(Exit::Code(42)), "the other machine, {heap:?}");
        if !source.contains("-- The machine may be lost.") {
            assert_eq!(daemon, Some(Exit::Code(42)), "the daemon, {heap:?}");
        }
    }
}

macro_rules! attacks {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*

        #[test]
        fn every_attack_is_made() {
            let made = [$(stringify!($name)),*];
            for entry in std::fs::read_dir(folder()).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_stem().unwrap().to_str().unwrap();
                assert!(made.contains(&name), "{name} is not in the list");
            }
        }
    };
}

attacks! {
    addresses
    api_of_others_is_replaced
    arguments_of_every_kind
    becomes_root
    bytecode_through_load
    date_that_panics
    deep_recursion
    deep_source
    descriptors_run_out
    environments_of_others
    finalisers
    fork_bomb
    full_disk
    handles_are_made_up
    hostile_patterns
    load_of_ten_mebibytes
    long_work_in_one_call
    many_files
    memory_bomb
    memory_is_told
    memory_of_host_functions
    metatables_of_handles
    output_cut_inside_a_character
    output_flood
    paths
    random_of_others
    require_reads_the_host
    root_is_killed
    shadow_is_read
    signals_of_every_kind
    spawn_storm
    what_never_stops
}
