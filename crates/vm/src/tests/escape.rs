//! Attacks, a file each in `tests/escape`: whoever makes one loses its own machine at most.
//!
//! A script there is run as a user who is not root, on a machine on which a daemon of root runs, beside another machine in
//! the same unit. It is to write what its first lines say behind `-- > `; and after it the daemon and the other machine
//! must have done what they would have done without it. Every attack is made in both kinds of heap.

use std::path::PathBuf;
use std::sync::Arc;

use ironloom_blob::MemoryStore;
use ironloom_blob::tree::{Attributes, Config, Tree};
use ironloom_core::{Duration, Instant, MachineId, Rng, Seed};

use crate::machine::{Heap, Invoked, Limits, Machine, Made, Object, Programs, Streams};
use crate::os::{Credentials, Files, Pid, Tail};
use crate::unit::Unit;

/// Works once a second, and says so.
const WORKER: &str = "for i = 1, 5 do local n = 0 for j = 1, 1000 do n += j end print(i, n) os.sleep(1) end";
const WORKED: &str = "1\t500500\n2\t500500\n3\t500500\n4\t500500\n5\t500500\n";
const WINDOWS_MAX: u32 = 3_000;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/escape")
}

fn attributes(mode: u16, uid: u32) -> Attributes {
    Attributes { uid, gid: uid, ..Attributes::new(mode, Instant::ZERO) }
}

/// The files of a machine, with all attacks in `/bin`.
fn tree() -> Tree {
    let mut tree = Tree::new(Arc::new(MemoryStore::new()), Config::default());
    for (path, mode, uid) in [
        ("/bin", 0o755, 0),
        ("/etc", 0o755, 0),
        ("/root", 0o700, 0),
        ("/tmp", 0o1777, 0),
        ("/home", 0o755, 0),
        ("/home/user", 0o755, 1000),
    ] {
        tree.mkdir(path, attributes(mode, uid)).unwrap();
    }
    let files: [(&str, &[u8], u16); 5] = [
        ("/bin/daemon", WORKER.as_bytes(), 0o755),
        ("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n", 0o644),
        ("/etc/shadow", b"root:!:19000:0:99999:7:::\nuser:!:19000:0:99999:7:::\n", 0o600),
        ("/etc/group", b"root:x:0:\nuser:x:1000:\n", 0o644),
        ("/root/secret", b"the secret", 0o600),
    ];
    for (path, content, mode) in files {
        tree.put(path, content, attributes(mode, 0)).unwrap();
    }
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        tree.put(format!("/bin/{name}").as_str(), &std::fs::read(path).unwrap(), attributes(0o755, 0))
            .unwrap();
    }
    tree
}

fn machine(rng: &mut Rng, category: u8) -> Machine {
    let made = Made {
        hostname: "victim".into(),
        cores: 1,
        memory_bytes: 16 << 20,
        limits: Arc::new(Limits::default()),
        programs: Arc::<Programs>::default(),
        files: Files::new(tree()),
        has_network: false,
    };
    let mut machine = Machine::new(MachineId::random(rng), made, rng.split("machine", category.into()));
    machine.category = category;
    machine
}

/// Starts a program, and says where its output is.
fn start(machine: &mut Machine, name: &str, uid: u32) -> u32 {
    let output = machine.describe(Object::Tail { tail: Tail::default(), forward: None, bytes_max: 64 << 10 }).unwrap();
    machine.refer(output);
    let invoked = Invoked {
        path: format!("/bin/{name}").into_bytes(),
        streams: Streams::Given([None, Some(output), Some(output)]),
        group: Some(None),
        who: Some(Credentials::of(uid, uid, Arc::new([]))),
        ..Invoked::default()
    };
    machine.start(Pid::INIT, invoked).unwrap();
    output
}

fn output(machine: &Machine, output: u32) -> String {
    match &machine.open.get(output).unwrap().object {
        Object::Tail { tail, .. } => tail.text(),
        _ => unreachable!("it was made so"),
    }
}

fn unit(kind: Heap, machines: impl IntoIterator<Item = Option<Box<Machine>>>) -> Unit {
    let mut unit = Unit::new(kind);
    unit.machines.extend(machines);
    unit
}

/// Lets everybody run for a window; whether something may still happen.
fn step(units: &mut [Unit]) -> bool {
    for unit in &mut *units {
        unit.window += 1;
        unit.woken.extend(0..unit.machines.len() as u8);
        unit.run();
    }
    let machines = || units.iter().flat_map(|unit| unit.machines.iter().flatten());
    let now = units[0].now;
    let next = match machines().filter_map(|machine| machine.next_deadline()).min() {
        _ if machines().any(|machine| machine.has_work()) => now.saturating_add(Duration::from_millis(16)),
        Some(deadline) => deadline,
        None => return false,
    };
    units.iter_mut().for_each(|unit| unit.now = next);
    true
}

/// Makes an attack, and says what it wrote, and what the daemon and the other machine did.
fn attack(kind: Heap, name: &str) -> (String, String, String) {
    let mut rng = Rng::new(Seed::new(1));
    let mut attacked = machine(&mut rng, 1);
    let daemon = start(&mut attacked, "daemon", 0);
    let written = start(&mut attacked, name, 1000);
    let mut other = machine(&mut rng, 2);
    let worker = start(&mut other, "daemon", 0);
    let machines = [Some(Box::new(attacked)), Some(Box::new(other))];
    let mut units: Vec<Unit> = match kind {
        Heap::Own => machines.map(|machine| unit(kind, [machine])).into(),
        Heap::Cell => vec![unit(kind, machines)],
    };
    for _ in 0..WINDOWS_MAX {
        if !step(&mut units) {
            break;
        }
    }
    let mut machines = units.iter().flat_map(|unit| unit.machines.iter().flatten());
    let (attacked, other) = (machines.next().unwrap(), machines.next().unwrap());
    (output(attacked, written), output(attacked, daemon), output(other, worker))
}

#[track_caller]
fn check(name: &str) {
    let source = std::fs::read_to_string(folder().join(format!("{name}.luau"))).unwrap();
    let lines = source.lines().filter_map(|line| line.strip_prefix("-- > "));
    let expected: String = lines.flat_map(|line| [line, "\n"]).collect();
    assert!(!expected.is_empty(), "{name} says what it is to write");
    for kind in [Heap::Own, Heap::Cell] {
        let (written, daemon, other) = attack(kind, name);
        assert_eq!(written, expected, "{kind:?}");
        assert_eq!(daemon, WORKED, "the daemon, {kind:?}");
        assert_eq!(other, WORKED, "the other machine, {kind:?}");
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
    load_of_ten_mebibytes
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
    type_of_fs_read
    what_never_stops
}
