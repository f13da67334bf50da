//! [`World`]: a computer and machines on one network.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Command;

use ironloom_node::core::{Duration, Instant, MachineId, Rng, Seed};
use ironloom_node::hyper::board::{Attachment, Input, Output, Slot};
use ironloom_node::hyper::computer::{Kernel, Pause};
use ironloom_node::hyper::{Computer, ComputerConfig};
use ironloom_node::net::dhcp::{RangePool, Server, ServerConfig, ServerService};
use ironloom_node::net::fabric::{self, Driven, MachineSpec, Place, StationId};
use ironloom_node::net::link::LinkProfile;
use ironloom_node::net::{Fabric, Mac};
use ironloom_node::vm::{self, Image, Machines};

/// What Linux says when it waits for a line.
const PROMPT: &str = "ironloom# ";

/// How much time goes by between two looks at who has something to say to whom.
const STEP: Duration = Duration::from_micros(200);

/// How many steps are done before doors to the host have their turn.
const STEPS_MAX: u32 = 50;

/// What the web server is that runs on a Luau machine.
const PAGES: &str = "http.serve(80, function(r)
    if r.path == '/long' then return ('a line\\n'):rep(50000) end
    return 'Luau answers ' .. r.method .. ' ' .. r.path .. '\\n'
end)";

/// A computer and machines on one network.
///
/// At 10.0.0.1 addresses are lent, at 10.0.0.2 a Luau machine has pages, through the sockets of 10.0.0.254 the host
/// comes in, and at 10.0.0.200 there may be the host itself. The computer is lent 10.0.0.100.
pub(super) struct World {
    computer: Computer,
    machines: Machines,
    luau: MachineId,
    gateway: MachineId,
    card: Slot,
    door: StationId,
    outdoors: StationId,
    outputs: VecDeque<fabric::Output>,
    text: String,
    read: usize,
}

impl World {
    /// A world in which the computer is about to boot Linux; `None` if that cannot be had.
    pub(super) fn new() -> Option<Self> {
        let (image, initramfs) = files()?;
        let mut world = Self::nowhere();
        let kernel = Kernel {
            image: &image,
            initramfs: Some(&initramfs),
            command_line: "console=ttyS0 panic=-1 quiet ip=dhcp",
            ..Kernel::default()
        };
        world.computer.boot_kernel(&kernel).unwrap();
        Some(world)
    }

    /// A world whose computer has nothing to do.
    pub(super) fn nowhere() -> Self {
        let mut computer = Computer::new(ComputerConfig::new(256 << 20)).unwrap();
        let card = computer.attach(Attachment::Net { mac: Mac::local(7), mtu: 1_500 }).unwrap();
        let mut machines = Machines::new(vm::Config { window: STEP, ..vm::Config::default() }, Seed::new(7));
        let fabric = machines.fabric_mut();
        let lan = fabric.add_switch("lan", Place::Apart, <_>::default()).unwrap();
        let mut add_door = |name: &str| {
            let door = fabric.add_door(name, Place::Beside(lan)).unwrap();
            fabric.connect(lan, door, LinkProfile::default(), LinkProfile::default()).unwrap();
            door
        };
        let (door, outdoors) = (add_door("computer"), add_door("outdoors"));
        let gateway = lend_addresses(fabric, lan);
        let spec = vm::MachineSpec::new("luau", &Image::base()).at(lan, "10.0.0.2/24".parse().unwrap());
        let luau = machines.create(&spec).unwrap();
        let serve = vm::Command::new("/bin/lua").argument("-e").argument(PAGES);
        machines.spawn(luau, &serve).unwrap();
        let outputs = VecDeque::new();
        Self {
            computer,
            machines,
            luau,
            gateway,
            card,
            door,
            outdoors,
            outputs,
            text: String::new(),
            read: 0,
        }
    }

    pub(super) const fn now(&self) -> Instant {
        self.machines.now()
    }

    /// The machine through whose sockets the host comes in.
    pub(super) const fn gateway(&self) -> MachineId {
        self.gateway
    }

    /// The door behind which the host may be.
    pub(super) const fn outdoors(&self) -> StationId {
        self.outdoors
    }

    /// All that Linux has said.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// How many frames the computer's card did not carry.
    pub(super) fn dropped(&self) -> u64 {
        let counters = self.computer.board().net_counters(self.card).unwrap();
        counters.dropped + counters.malformed
    }

    /// Lets a step of time go by everywhere.
    fn step(&mut self) -> Pause {
        let until = self.now().saturating_add(STEP);
        let pause = self.computer.run_until(until).unwrap();
        self.machines.run_until(until);
        while let Some(output) = self.computer.poll() {
            match output {
                Output::Serial(bytes) => self.text.push_str(&String::from_utf8_lossy(&bytes)),
                Output::Frame(_, frame) => {
                    let input = fabric::Input::Frame { port: self.door, frame };
                    self.machines.fabric_mut().handle(until, input).unwrap();
                }
                other => panic!("nobody says {other:?}"),
            }
        }
        self.hear_network();
        pause
    }

    /// Takes what came out of the network: frames for the computer, and what doors to the host wait for.
    fn hear_network(&mut self) {
        while let Some(output) = Driven::poll_network(&mut self.machines) {
            match output {
                fabric::Output::Frame { port, frame, .. } if port == self.door => {
                    self.computer.handle(Input::Frame(self.card, &frame));
                }
                other => self.outputs.push_back(other),
            }
        }
    }

    /// Lets time go by until Linux waits for a line; what it said before that.
    pub(super) fn until_prompt(&mut self, limit: Duration) -> String {
        let deadline = self.now().saturating_add(limit);
        loop {
            if let Some(said) = self.finished() {
                return said;
            }
            let pause = self.step();
            assert!(pause == Pause::Deadline && self.now() < deadline, "{pause:?} after:\n{}", self.text);
        }
    }

    /// Lets time go by until the computer stops.
    pub(super) fn until_ended(&mut self, limit: Duration) -> Pause {
        let deadline = self.now().saturating_add(limit);
        loop {
            let pause = self.step();
            if pause != Pause::Deadline || self.now() >= deadline {
                return pause;
            }
        }
    }

    pub(super) fn type_in(&mut self, line: &str) {
        assert_eq!(self.computer.type_in(line.as_bytes()), line.len());
    }

    /// Has Linux begin with a line.
    pub(super) fn begin(&mut self, line: &str) {
        self.type_in(line);
        self.type_in("\n");
    }

    /// What Linux said up to its prompt, without the line that was typed, if it waits for the next one.
    pub(super) fn finished(&mut self) -> Option<String> {
        let new = &self.text[self.read..];
        let at = new.find(PROMPT)?;
        let said = new[..at].replace('\r', "");
        self.read += at + PROMPT.len();
        Some(said.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or_default())
    }

    /// Has Linux run a line; what it says.
    pub(super) fn run(&mut self, line: &str) -> String {
        self.begin(line);
        self.until_prompt(Duration::from_secs(60))
    }

    /// Has the Luau machine run a command to its end; what it says.
    pub(super) fn run_luau(&mut self, command: &vm::Command) -> String {
        let job = self.machines.start(self.luau, command).unwrap();
        let (pid, deadline) = (job.pid(), self.now().saturating_add(Duration::from_secs(60)));
        while !self.has_ended(pid) {
            self.step();
            assert!(self.now() < deadline, "{command:?} does not end");
        }
        let written = self.machines.collect(job).unwrap();
        String::from_utf8_lossy(&[written.output, written.errors].concat()).into_owned()
    }

    fn has_ended(&mut self, wanted: vm::os::Pid) -> bool {
        let mut has_ended = false;
        while let Some(event) = self.machines.poll() {
            has_ended |= matches!(event, vm::Event::Ended { pid, .. } if pid == wanted);
        }
        has_ended
    }
}

/// Machines without programs: one that lends addresses, and one through which the host comes in, which is returned.
fn lend_addresses(fabric: &mut Fabric, lan: StationId) -> MachineId {
    let mut rng = Rng::new(Seed::new(8));
    let mut add = |fabric: &mut Fabric, name: &str, address: &str| {
        let id = MachineId::random(&mut rng);
        let address = Some(address.parse().unwrap());
        fabric.add_machine(&MachineSpec { address, ..MachineSpec::new(id, name, lan) }).unwrap();
        id
    };
    let pool = RangePool::new([10, 0, 0, 100].into(), [10, 0, 0, 199].into());
    let config = ServerConfig::new([10, 0, 0, 1].into(), "10.0.0.0/24".parse().unwrap());
    let dhcp = add(fabric, "dhcp", "10.0.0.1/24");
    fabric.serve(dhcp, Box::new(ServerService::new(Server::new(config, pool)))).unwrap();
    add(fabric, "gateway", "10.0.0.254/24")
}

/// The world keeps step with a clock, so that the host can take part.
impl Driven for World {
    fn fabric(&mut self) -> &mut Fabric {
        self.machines.fabric_mut()
    }

    fn catch_up(&mut self, now: Instant) {
        for _ in 0..STEPS_MAX {
            if self.now().saturating_add(STEP) > now {
                break;
            }
            assert_eq!(self.step(), Pause::Deadline, "{}", self.text);
        }
    }

    fn poll_network(&mut self) -> Option<fabric::Output> {
        // What doors did may have come out at once.
        self.hear_network();
        self.outputs.pop_front()
    }

    fn next_event(&self) -> Option<Instant> {
        Some(self.now().saturating_add(STEP))
    }
}

/// The kernel and its initial file system, if they can be had.
fn files() -> Option<(Vec<u8>, Vec<u8>)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guest/linux.sh");
    let output = Command::new(script).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut paths = text.lines().map(PathBuf::from);
    let read = |path: Option<PathBuf>| std::fs::read(path?).ok();
    let files = read(paths.next()).zip(read(paths.next()));
    if files.is_none() {
        println!("skipped: no kernel for the guest: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    files
}
