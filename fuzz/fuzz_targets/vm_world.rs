//! [`World`]: a machine that is attacked, beside another, both with little of everything.

#![allow(dead_code, reason = "each target uses a part of it")]

use std::sync::{Arc, OnceLock};

use ironloom_blob::{MemoryStore, tree::Attributes};
use ironloom_core::{Duration, Instant, MachineId, Seed};
use ironloom_net::fabric::Place;
use ironloom_vm::os::{Caller, Credentials};
use ironloom_vm::{
    Command, Config, Finished, Heap, Image, Limits, MachineError, MachineSpec, MachineState, Machines,
};

/// Who attacks, if it is not root.
pub const USER: u32 = 1000;

/// For how long an attack may go on, in virtual time.
pub const LIMIT: Duration = Duration::from_millis(150);

/// Two machines on one switch, in one heap if that is shared.
pub struct World {
    pub machines: Machines,
    pub attacked: MachineId,
    pub other: MachineId,
}

/// The base image, with a program of the attack's.
fn base() -> &'static (Arc<MemoryStore>, Image) {
    static BASE: OnceLock<(Arc<MemoryStore>, Image)> = OnceLock::new();
    BASE.get_or_init(|| {
        let store = Arc::new(MemoryStore::new());
        let image = Image::base_in(store.clone()).expect("a store in memory takes a small tree");
        (store, image)
    })
}

/// Where the files of all machines are.
pub fn store() -> Arc<MemoryStore> {
    base().0.clone()
}

impl World {
    /// Two machines, with files that are everybody's to read and run.
    pub fn new(heap: Heap, files: &[(&str, &[u8])]) -> Self {
        let limits = Limits {
            processes_max: 16,
            tasks_max: 64,
            descriptors_max: 24,
            descriptions_max: 64,
            read_bytes_max: 1 << 20,
            safepoints_per_core: 20_000,
            grace_safepoints: 20_000,
            ..Limits::default()
        };
        let config =
            Config { window: Duration::from_millis(10), limits: Arc::new(limits), ..Config::default() };
        let mut machines = Machines::new(config, Seed::new(1));
        let switch =
            machines.fabric_mut().add_switch("lan", Place::Apart, <_>::default()).expect("it is the first");
        let mut tree = base().1.tree().fork();
        for (path, bytes) in files {
            tree.put(*path, bytes, Attributes::new(0o755, Instant::ZERO))
                .expect("a store in memory takes it");
        }
        let image = Image::new(tree);
        let ids = [1, 2].map(|number| {
            let address = format!("10.0.0.{number}/24").parse().expect("it is an address");
            let mut spec = MachineSpec::new(format!("m{number}"), &image).heap(heap).at(switch, address);
            (spec.memory_bytes, spec.disk_bytes, spec.files_max) = (3 << 20, 4 << 20, 500);
            machines.create(&spec).expect("there is room")
        });
        Self { machines, attacked: ids[0], other: ids[1] }
    }

    /// Runs something on the machine that is attacked.
    pub fn attack(&mut self, command: &Command) -> Option<Finished> {
        match self.machines.run(self.attacked, command, LIMIT) {
            Ok(finished) => Some(finished),
            Err(MachineError::TimedOut { .. } | MachineError::System { .. }) => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Both machines still do what they are told.
    pub fn check(&mut self) {
        self.check_one(self.other);
        self.machines.stop(self.attacked).expect("it is there");
        self.machines.run_for(Duration::from_millis(50));
        self.check_one(self.attacked);
        for id in [self.attacked, self.other] {
            let left = self.machines.visit(id, |machine| machine.processes().count()).expect("it is there");
            assert_eq!(left, 0, "processes of {id}");
            self.machines.destroy(id).expect("it is there");
        }
    }

    /// The machine beside the one that was attacked does what it is told, and the attacked one was not lost by the host.
    pub fn check_other(&mut self) {
        assert_ne!(self.machines.state(self.attacked).expect("it is there"), MachineState::Crashed);
        self.check_one(self.other);
    }

    fn check_one(&mut self, id: MachineId) {
        assert_ne!(self.machines.state(id).expect("it is there"), MachineState::Crashed);
        let command = Command::new("/bin/echo").argument("alive");
        let finished = self.machines.run(id, &command, Duration::from_secs(20)).expect("it lives");
        assert_eq!(finished.output, b"alive\n");
    }

    /// Writes a file as root.
    pub fn put(&mut self, path: &[u8], bytes: &[u8]) {
        let root = Credentials::root();
        let write = |machine: &mut ironloom_vm::Machine| {
            machine.files_mut().write_all(&Caller::system(&root, Instant::ZERO), path, bytes, None)
        };
        // It may be too much for the disk.
        let _ = self.machines.visit(self.attacked, write).expect("it is there");
    }
}

/// The heap that a byte says.
pub const fn heap(byte: u8) -> Heap {
    if byte & 1 == 0 { Heap::Own } else { Heap::Cell }
}
