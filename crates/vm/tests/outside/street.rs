//! [`Street`]: machines at a switch, and the host at their doors.

use std::net::{Ipv4Addr, SocketAddr};

use ironloom_core::{Duration, MachineId, Rng, Seed, WallClock};
use ironloom_net::door::{Driver, Publish, TcpDoor, UdpDoor};
use ironloom_net::fabric::{self, Place, StationId};
use ironloom_net::link::LinkProfile;
use ironloom_vm::os::{Caller, Credentials, Exit};
use ironloom_vm::{Command, Config, Event, Image, MachineSpec, Machines};
use tempfile::TempDir;

use crate::namespace::shell;

/// The machine through whose sockets the host comes.
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 93, 0, 254);

/// How long a command of a machine may take, in virtual seconds.
const LIMIT: Duration = Duration::from_secs(100);

/// Machines at a switch, and the host at their doors.
pub(crate) struct Street {
    /// Away while the host runs something.
    driver: Option<Driver<Machines>>,
    switch: StationId,
    image: Image,
    gateway: MachineId,
    pub(crate) door: StationId,
    pub(crate) folder: TempDir,
}

impl Street {
    pub(crate) fn new() -> Self {
        let mut machines = Machines::new(Config::default(), Seed::new(7));
        let network = machines.fabric_mut();
        let switch = network.add_switch("street", Place::Apart, <_>::default()).unwrap();
        let door = network.add_door("door", Place::Beside(switch)).unwrap();
        network.connect(switch, door, LinkProfile::default(), LinkProfile::default()).unwrap();
        let gateway = MachineId::random(&mut Rng::new(Seed::new(8)));
        let mut street = Self {
            driver: Some(Driver::new(machines, WallClock::start()).unwrap()),
            switch,
            image: Image::base(),
            gateway,
            door,
            folder: tempfile::tempdir().unwrap(),
        };
        street.add_plain(gateway, "gateway", GATEWAY);
        street
    }

    pub(crate) const fn driver(&mut self) -> &mut Driver<Machines> {
        self.driver.as_mut().unwrap()
    }

    pub(crate) fn machines(&mut self) -> &mut Machines {
        self.driver().driven()
    }

    /// A machine of the network on which no scripts run.
    pub(crate) fn add_plain(&mut self, id: MachineId, name: &str, address: Ipv4Addr) {
        let address = Some(ipnet::Ipv4Net::new(address, 24).unwrap());
        let spec = fabric::MachineSpec { address, ..fabric::MachineSpec::new(id, name, self.switch) };
        self.machines().fabric_mut().add_machine(&spec).unwrap();
    }

    /// A machine with 10.93.0.`number`.
    pub(crate) fn add(&mut self, number: u8, memory_bytes: usize) -> MachineId {
        let address = format!("10.93.0.{number}/24").parse().unwrap();
        let spec = MachineSpec {
            memory_bytes,
            disk_bytes: 128 << 20,
            ..MachineSpec::new(format!("m{number}"), &self.image).at(self.switch, address)
        };
        self.machines().create(&spec).unwrap()
    }

    /// Puts a file on a machine.
    pub(crate) fn put(&mut self, machine: MachineId, path: &str, bytes: &[u8]) {
        let root = Credentials::root();
        let put = self.machines().visit(machine, |machine| {
            let caller = Caller::system(&root, ironloom_core::Instant::ZERO);
            machine.files_mut().write_all(&caller, path.as_bytes(), bytes, None)
        });
        put.unwrap().unwrap();
    }

    /// A file of a machine.
    pub(crate) fn file(&mut self, machine: MachineId, path: &str) -> Vec<u8> {
        let root = Credentials::root();
        let read = self.machines().visit(machine, |machine| {
            machine.files().read_all(
                &Caller::system(&root, ironloom_core::Instant::ZERO),
                path.as_bytes(),
                1 << 30,
            )
        });
        read.unwrap().unwrap()
    }

    /// Starts a line of a machine's shell, and waits until somebody listens on a port of the machine.
    pub(crate) fn serve(&mut self, machine: MachineId, line: &str, port: u16) {
        self.machines().spawn(machine, &Command::shell(line)).unwrap();
        let script = format!(
            "for _ = 1, 5000 do for _, s in net.sockets() do if string.match(s[\"local\"], \":(%d+)$\") == \"{port}\" then return end end os.sleep(0.01) end error('nobody listens')"
        );
        let said = self.run_command(machine, &Command::new("/bin/lua").argument("-e").argument(script));
        assert_eq!(said, (Exit::Code(0), String::new()));
    }

    /// Runs a line of a machine's shell, which succeeds; what it wrote.
    #[track_caller]
    pub(crate) fn run(&mut self, machine: MachineId, line: &str) -> String {
        let (exit, said) = self.run_command(machine, &Command::shell(line));
        assert_eq!(exit, Exit::Code(0), "`{line}`: {said}");
        said
    }

    /// Runs a command of a machine while the clock goes on; how it ended, and what it wrote.
    #[track_caller]
    pub(crate) fn run_command(&mut self, machine: MachineId, command: &Command) -> (Exit, String) {
        let driver = self.driver();
        let job = driver.driven().start(machine, command).unwrap();
        let until = driver.driven().now().saturating_add(LIMIT);
        let exit = loop {
            driver.turn(Duration::from_millis(5)).unwrap();
            let events = std::iter::from_fn(|| driver.driven().poll());
            let ends = events.filter_map(|event| match event {
                Event::Ended { machine: place, pid, exit, .. } if (place, pid) == (machine, job.pid()) => {
                    Some(exit)
                }
                _ => None,
            });
            if let Some(exit) = ends.last() {
                break exit;
            }
            let now = driver.driven().now();
            assert!(now < until, "{command:?} does not end");
        };
        let written = self.machines().collect(job).unwrap();
        let said = [written.output, written.errors].concat();
        (exit, String::from_utf8_lossy(&said).into_owned())
    }

    /// An address of the host that leads to a TCP port of the street.
    pub(crate) fn publish(&mut self, target: (Ipv4Addr, u16)) -> SocketAddr {
        let door = TcpDoor::bind(self.published(target)).unwrap();
        let address = door.address().unwrap();
        self.driver().open(door).unwrap();
        address
    }

    /// An address of the host that leads to a UDP port of the street.
    pub(crate) fn publish_datagrams(&mut self, target: (Ipv4Addr, u16)) -> SocketAddr {
        let door = UdpDoor::bind(self.published(target)).unwrap();
        let address = door.address().unwrap();
        self.driver().open(door).unwrap();
        address
    }

    fn published(&self, target: (Ipv4Addr, u16)) -> Publish {
        Publish::new((Ipv4Addr::LOCALHOST, 0).into(), self.gateway, target.into())
    }

    /// Does something on the host while the machines live.
    pub(crate) fn meanwhile<R>(&mut self, act: impl FnOnce() -> R) -> R {
        let running = self.driver.take().unwrap().start().unwrap();
        let done = act();
        self.driver = Some(running.stop().unwrap());
        done
    }

    /// Runs a line of the host's shell while the machines live; whether it succeeded, and what it said.
    pub(crate) fn try_host(&mut self, line: &str) -> (bool, String) {
        self.meanwhile(|| shell(line))
    }

    /// The same for a line that succeeds; what it said.
    #[track_caller]
    pub(crate) fn host(&mut self, line: &str) -> String {
        let (is_done, said) = self.try_host(line);
        assert!(is_done, "`{line}` failed: {said}");
        said
    }
}

/// Bytes that do not repeat soon.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    Rng::new(Seed::new(length as u64)).fill(&mut bytes);
    bytes
}
