//! Worlds of machines that are built and driven from a plan, and the traces that they leave.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;
use ironloom_blob::BlobId;
use ironloom_blob::tree::Attributes;
use ironloom_core::{Duration, Instant, MachineId, Seed};
use ironloom_net::fabric::{Place, RouterLink, StationId};
use ironloom_net::link::{LinkProfile, Loss};
use ironloom_vm::os::{Pid, Signal, console};
use ironloom_vm::{Command, Config, ConsoleId, Event, Heap, Image, Job, Limits, MachineSpec, Machines};
use proptest::prelude::*;

use super::script::{self, Statement};

/// A world, and what the host does to it.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) machines: Vec<Resident>,
    pub(crate) acts: Vec<Act>,
}

/// A machine.
#[derive(Debug, Clone)]
pub(crate) struct Resident {
    has_own_heap: bool,
    is_in_office: bool,
    latency_micros: u64,
    loss_ppm: u32,
    script: Vec<Statement>,
}

/// Something that the host does. Machines are counted round.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Wait { millis: u64 },
    Start { machine: usize, script: Vec<Statement> },
    Type { machine: usize, line: usize },
    Snapshot { machine: usize },
    Rollback { machine: usize },
    Fork { machine: usize },
    Suspend { machine: usize },
    Resume { machine: usize },
    Stop { machine: usize },
    Boot { machine: usize },
    Kill { machine: usize, pid: u32 },
    Destroy { machine: usize },
}

/// What is typed.
const TYPED: [&[u8]; 5] = [
    b"echo $$; ls /tmp\n",
    b"\x03",
    b"seq 20 | sort -n | tail -n 1\n",
    b"cat > /tmp/typed\nabc\n\x04",
    b"sle\x7f\x7f\x7fps\n",
];

/// What was seen: which machine, and what of it. What is of no machine has none.
pub(crate) type Trace = Vec<(Option<usize>, String)>;

/// How a plan is carried out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) workers: usize,
    pub(crate) cell_machines_max: usize,
    /// Whether machines may do so little in a window that all they do takes several.
    pub(crate) is_slow: bool,
}

struct World {
    machines: Machines,
    switches: [StationId; 2],
    image: Image,
    ids: Vec<MachineId>,
    specs: Vec<MachineSpec>,
    jobs: Vec<(usize, Job)>,
    consoles: Vec<(usize, ConsoleId)>,
    snapshots: Vec<Option<BlobId>>,
    trace: Trace,
}

/// Where a machine is.
fn address(number: usize, is_in_office: bool) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, u8::from(is_in_office), 2 + u8::try_from(number).unwrap())
}

fn image() -> Image {
    let mut tree = Image::base().tree().fork();
    for (path, text) in [
        ("/bin/echod", script::ECHO),
        ("/bin/bomb", script::BOMB),
        ("/bin/stuck", script::STUCK),
        ("/etc/bootstrap", b"echod\nplay\nnothing here\n"),
    ] {
        tree.put(path, text, Attributes::new(0o755, Instant::ZERO)).unwrap();
    }
    Image::new(tree)
}

impl Plan {
    /// Any plan.
    pub(crate) fn any(shows_time: bool) -> impl Strategy<Value = Self> {
        let script = || prop::collection::vec(Statement::any(shows_time), 1..5);
        let resident = (any::<bool>(), any::<bool>(), 0..3_000_u64, 0..60_000_u32, script()).prop_map(
            move |(has_own_heap, is_in_office, latency_micros, loss_ppm, script)| Resident {
                has_own_heap: has_own_heap && shows_time,
                is_in_office,
                latency_micros: latency_micros.saturating_sub(500),
                loss_ppm: loss_ppm.saturating_sub(20_000),
                script,
            },
        );
        let machine = || 0..8_usize;
        let act = prop_oneof![
            8 => (0..400_u64).prop_map(|millis| Act::Wait { millis }),
            6 => (machine(), script()).prop_map(|(machine, script)| Act::Start { machine, script }),
            4 => (machine(), 0..TYPED.len()).prop_map(|(machine, line)| Act::Type { machine, line }),
            2 => machine().prop_map(|machine| Act::Snapshot { machine }),
            2 => machine().prop_map(|machine| Act::Rollback { machine }),
            1 => machine().prop_map(|machine| Act::Fork { machine }),
            1 => machine().prop_map(|machine| Act::Suspend { machine }),
            2 => machine().prop_map(|machine| Act::Resume { machine }),
            1 => machine().prop_map(|machine| Act::Stop { machine }),
            1 => machine().prop_map(|machine| Act::Boot { machine }),
            1 => (machine(), 2..6_u32).prop_map(|(machine, pid)| Act::Kill { machine, pid }),
            1 => machine().prop_map(|machine| Act::Destroy { machine }),
        ];
        (any::<u64>(), prop::collection::vec(resident, 2..7), prop::collection::vec(act, 1..12))
            .prop_map(|(seed, machines, acts)| Self { seed, machines, acts })
    }

    /// Carries it out.
    pub(crate) fn run(&self, run: Run) -> Trace {
        let mut world = World::new(self, run);
        for act in &self.acts {
            world.act(act);
            world.look();
        }
        world.act(&Act::Wait { millis: 2_000 });
        world.finish();
        world.trace
    }
}

impl World {
    fn new(plan: &Plan, run: Run) -> Self {
        let slow = Limits {
            safepoints_per_core: 20_000,
            slice_safepoints: 1_000,
            grace_safepoints: 20_000,
            ..Limits::default()
        };
        let limits = if run.is_slow { slow } else { Limits::default() };
        let mut config = Config {
            workers: run.workers,
            cell_machines_max: run.cell_machines_max,
            limits: Arc::new(limits),
            ..Config::default()
        };
        config.network.shards = run.workers.min(2) as u16;
        let mut machines = Machines::new(config, Seed::new(plan.seed));
        let fabric = machines.fabric_mut();
        let switches =
            ["home", "office"].map(|name| fabric.add_switch(name, Place::Apart, <_>::default()).unwrap());
        let router = fabric.add_router("router", Place::Beside(switches[0]), <_>::default()).unwrap();
        let slow = LinkProfile { latency: Duration::from_micros(700), ..LinkProfile::default() };
        for (switch, inside) in switches.iter().zip(["10.0.0.1/24", "10.0.1.1/24"]) {
            let link = RouterLink::new(router, *switch, inside.parse().unwrap());
            fabric.connect_router(&RouterLink { forth: slow, back: slow, ..link }).unwrap();
        }
        let mut world = Self {
            machines,
            switches,
            image: image(),
            ids: Vec::new(),
            specs: Vec::new(),
            jobs: Vec::new(),
            consoles: Vec::new(),
            snapshots: Vec::new(),
            trace: Trace::new(),
        };
        plan.machines.iter().for_each(|resident| world.add(resident, &plan.machines));
        world
    }

    fn add(&mut self, resident: &Resident, all: &[Resident]) {
        let number = self.ids.len();
        let mut spec = self.spec(resident, number);
        let mut tree = self.image.tree().fork();
        let source = script::source(&resident.script, &|to| address_of(all, to));
        tree.put("/bin/play", source.as_bytes(), Attributes::new(0o755, Instant::ZERO)).unwrap();
        spec.image = Image::new(tree);
        let id = self.machines.create(&spec).unwrap();
        self.ids.push(id);
        self.specs.push(spec);
        self.snapshots.push(None);
        self.machines.boot(id).unwrap();
        let opened = self.machines.open_console(id, console::Size::default(), &Command::new("/bin/sh"));
        self.consoles.push((number, opened.unwrap()));
    }

    fn spec(&self, resident: &Resident, number: usize) -> MachineSpec {
        let office = resident.is_in_office;
        let network = Ipv4Net::new(address(number, office), 24).unwrap();
        let heap = if resident.has_own_heap { Heap::Own } else { Heap::Cell };
        let mut spec = MachineSpec::new(format!("m{number}"), &self.image)
            .heap(heap)
            .at(self.switches[usize::from(office)], network);
        let profile = LinkProfile {
            latency: Duration::from_micros(resident.latency_micros),
            loss: Loss::Even { ppm: resident.loss_ppm },
            ..LinkProfile::default()
        };
        spec.gateway = Some(Ipv4Addr::new(10, 0, u8::from(office), 1));
        spec.memory_bytes = 3 << 20;
        (spec.up, spec.down) = (profile, LinkProfile { loss: Loss::None, ..profile });
        spec
    }

    fn note(&mut self, machine: Option<usize>, what: String) {
        self.trace.push((machine, what));
    }

    /// Does what the plan says, and notes what came of it.
    fn act(&mut self, act: &Act) {
        let of = |machine: &usize| machine % self.ids.len();
        match act {
            Act::Wait { millis } => self.machines.run_for(Duration::from_millis(*millis)),
            Act::Start { machine, script } => self.start(of(machine), script),
            Act::Type { machine, line } => {
                let number = of(machine);
                let console = self.consoles.iter().find(|(at, _)| *at == number).map(|(_, console)| *console);
                let typed = console.map(|console| self.machines.type_in(console, TYPED[*line]));
                self.note(Some(number), format!("typed {typed:?}"));
            }
            Act::Snapshot { machine } => {
                let number = of(machine);
                let snapshot = self.machines.snapshot(self.ids[number]);
                self.note(Some(number), format!("snapshot {snapshot:?}"));
                self.snapshots[number] = snapshot.ok();
            }
            Act::Rollback { machine } => {
                let number = of(machine);
                let Some(snapshot) = self.snapshots[number] else { return };
                let rolled = self.machines.rollback(self.ids[number], snapshot);
                self.note(Some(number), format!("rollback {rolled:?}"));
            }
            Act::Fork { machine } => self.fork(of(machine)),
            other => self.change(other),
        }
    }

    /// What has no result but whether it could be done.
    fn change(&mut self, act: &Act) {
        let (Act::Suspend { machine }
        | Act::Resume { machine }
        | Act::Stop { machine }
        | Act::Boot { machine }
        | Act::Destroy { machine }
        | Act::Kill { machine, .. }) = act
        else {
            return;
        };
        let number = machine % self.ids.len();
        let id = self.ids[number];
        let done = match act {
            Act::Suspend { .. } => self.machines.suspend(id),
            Act::Resume { .. } => self.machines.resume(id),
            Act::Stop { .. } => self.machines.stop(id),
            Act::Boot { .. } => self.machines.boot(id),
            Act::Kill { pid, .. } => self.machines.signal(id, Pid(*pid), Signal::Terminate),
            _ => self.machines.destroy(id),
        };
        self.note(Some(number), format!("{act:?} {done:?}"));
    }

    fn start(&mut self, number: usize, statements: &[Statement]) {
        let addresses: Vec<String> =
            self.specs.iter().map(|spec| spec.address.unwrap().addr().to_string()).collect();
        let source = script::source(statements, &|to| addresses[to % addresses.len()].clone());
        let command = Command::new("/bin/lua").argument("-e").argument(source);
        match self.machines.start(self.ids[number], &command) {
            Ok(job) => self.jobs.push((number, job)),
            Err(error) => self.note(Some(number), format!("start {error}")),
        }
    }

    fn fork(&mut self, number: usize) {
        let index = self.ids.len();
        let mut spec = self.specs[number].clone();
        let office = spec.at == Some(self.switches[1]);
        spec.address = Ipv4Net::new(address(index, office), 24).ok();
        spec.hostname = format!("m{index}");
        match self.machines.fork(self.ids[number], &spec) {
            Ok(id) => {
                self.ids.push(id);
                self.specs.push(spec);
                self.snapshots.push(None);
            }
            Err(error) => self.note(Some(number), format!("fork {error}")),
        }
    }

    /// Notes what time it is, what happened, what consoles show, and how much processes have done.
    fn look(&mut self) {
        let now = self.machines.now();
        self.note(None, format!("it is {now:?}"));
        while let Some(event) = self.machines.poll() {
            let (Event::State { machine, .. } | Event::Ended { machine, .. }) = &event;
            let number = self.ids.iter().position(|id| id == machine);
            self.note(number, format!("{event:?}"));
        }
        for (number, console) in self.consoles.clone() {
            if let Ok(Some(seen)) = self.machines.see(console, usize::MAX) {
                self.note(Some(number), format!("console {}", seen.bytes.escape_ascii()));
            }
        }
        for number in 0..self.ids.len() {
            let spent = self.machines.visit(self.ids[number], |machine| {
                machine.processes().map(|process| (process.pid(), process.spent())).collect::<Vec<_>>()
            });
            self.note(Some(number), format!("spent {spent:?}"));
        }
    }

    /// Notes what is left in the end.
    fn finish(&mut self) {
        self.look();
        for (number, job) in std::mem::take(&mut self.jobs) {
            if let Ok(written) = self.machines.collect(job) {
                let (output, errors) = (written.output.escape_ascii(), written.errors.escape_ascii());
                self.note(Some(number), format!("wrote {output} {errors}"));
            }
        }
        for number in 0..self.ids.len() {
            let snapshot = self.machines.snapshot(self.ids[number]).ok();
            self.note(Some(number), format!("is {snapshot:?}"));
        }
    }
}

/// Where a machine is, of those that were there first.
fn address_of(all: &[Resident], to: usize) -> String {
    let number = to % all.len();
    address(number, all[number].is_in_office).to_string()
}
