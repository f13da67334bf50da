//! Attacks, a file each in `escape`: whoever makes one loses its own machine at most.
//!
//! A script there is run by a user who is not root, on a machine on which a daemon of root runs; another machine is beside
//! it, in the same heap if machines share one. The script is to write what its first lines say behind `-- > `, and after
//! it the daemon and the other machine must have done what they would have done without it. A script that says
//! `-- The machine may be lost.` may take the daemon with it. One that says `-- With a network.` finds servers on both
//! machines, on the other one also such that lie; they must answer afterwards. One that says `-- As root.` is root's.
//! Every attack is made in both kinds of heap.

use std::path::PathBuf;
use std::sync::Arc;

use ironloom_blob::tree::Attributes;
use ironloom_core::{Duration, Instant, MachineId, Seed};
use ironloom_net::fabric::Place;
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

/// The files of all attacks.
fn attacks() -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "luau"))
}

/// The base image with all attacks in `/bin`.
fn image() -> Image {
    let mut tree = Image::base().tree().fork();
    let attributes = |mode| Attributes::new(mode, Instant::ZERO);
    tree.put("/bin/daemon", DAEMON, attributes(0o755)).unwrap();
    for entry in std::fs::read_dir(folder().join("servers")).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("/usr/bin/{}", path.file_stem().unwrap().to_str().unwrap());
        tree.put(name.as_str(), &std::fs::read(path).unwrap(), attributes(0o755)).unwrap();
    }
    tree.put("/root/secret", b"the secret", attributes(0o600)).unwrap();
    for path in attacks() {
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
fn attack(heap: Heap, name: &str, says: impl Fn(&str) -> bool) -> (String, [Option<Exit>; 2]) {
    let limits = Limits { safepoints_per_core: 20_000, grace_safepoints: 100_000, ..Limits::default() };
    let window = Duration::from_millis(16);
    let config = Config { window, limits: Arc::new(limits), ..Config::default() };
    let mut machines = Machines::new(config, Seed::new(1));
    let image = image();
    let has_network = says("-- With a network.");
    let switch = machines.fabric_mut().add_switch("lan", Place::Apart, <_>::default()).unwrap();
    let ids = [("attacked", "10.0.0.1/24"), ("other", "10.0.0.2/24")].map(|(name, address)| {
        let mut spec = MachineSpec::new(name, &image).heap(heap);
        if has_network {
            spec = spec.at(switch, address.parse().unwrap());
        }
        machines.create(&spec).unwrap()
    });
    if has_network {
        for (machine, server) in [(0, "server"), (1, "server"), (1, "liar"), (1, "names")] {
            machines.spawn(ids[machine], &Command::new(format!("/usr/bin/{server}"))).unwrap();
        }
        machines.run_for(Duration::from_secs(1));
    }
    let daemons = ids.map(|id| (id, machines.spawn(id, &Command::new("/bin/daemon")).unwrap()));
    let user = if says("-- As root.") { 0 } else { USER };
    let command = Command::new(format!("/bin/{name}")).user(user, user).directory("/tmp");
    let written = match machines.run(ids[0], &command, LIMIT) {
        Ok(finished) => [finished.output, finished.errors].concat(),
        Err(error) => error.to_string().into_bytes(),
    };
    machines.run_for(Duration::from_secs(10));
    if has_network {
        for address in ["10.0.0.1", "10.0.0.2"] {
            let command = Command::new("/usr/bin/client").argument(address);
            let said = machines.run(ids[1], &command, LIMIT).unwrap();
            assert_eq!(
                (said.text().as_str(), &*said.errors),
                ("server hello\tserver hello\n", &b""[..]),
                "{address}"
            );
        }
    }
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
        let (mut written, [daemon, other]) = attack(heap, name, |words| source.contains(words));
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
            for path in attacks() {
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
    connection_storm
    connections_of_others
    date_that_panics
    deep_recursion
    deep_source
    descriptors_run_out
    environments_of_others
    finalisers
    flood_of_a_neighbour
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
    memory_of_what_is_gathered
    metatables_of_handles
    names_that_lie
    output_cut_inside_a_character
    output_flood
    packets_of_others
    paths
    paths_of_httpd
    ports_of_the_dead
    random_of_others
    require_reads_the_host
    root_is_killed
    servers_that_lie
    shadow_by_hand
    shadow_is_read
    signals_of_every_kind
    sockets_leak
    spawn_storm
    what_never_stops
}
