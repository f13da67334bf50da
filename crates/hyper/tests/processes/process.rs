//! Processes that are hosts of one computer: started by another, ended with it, and how they meet.

use std::io::{BufRead as _, BufReader, Lines, Write as _, stdin};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use ironloom_core::{Duration, MachineId, Rng, Seed};
use ironloom_hyper::cluster::link::{Identity, Incarnation, Secret};
use ironloom_hyper::cluster::tcp::{Event, Links, LinksConfig, Peers};
use ironloom_hyper::cluster::{HostId, HostSet};

/// What stands before a line that the other process is to read; other lines are for people.
const MARK: &str = "> ";
/// How long processes wait for each other before anything runs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that was started here, and is ended with its handle.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts this program once more, with other arguments.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let program = std::env::current_exe().expect("a program knows where it is");
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program starts again");
        let input = child.stdin.take().expect("it is piped");
        let output = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Self { child, input, output }
    }

    /// Tells it something, if it still is there.
    pub(crate) fn tell(&mut self, line: &str) {
        let _ = writeln!(self.input, "{line}");
    }

    /// What it says next.
    pub(crate) fn hear(&mut self) -> String {
        loop {
            let line = self.output.next().expect("it has not ended").expect("it says text");
            if let Some((_, said)) = line.split_once(MARK) {
                return said.to_owned();
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says something to the process that started this one.
pub(crate) fn say(line: &str) {
    println!("{MARK}{line}");
}

/// What the process that started this one says next: nothing once it has ended.
pub(crate) fn hear() -> Option<String> {
    let mut line = String::new();
    let bytes = stdin().read_line(&mut line).ok()?;
    (bytes > 0).then(|| line.trim_end().to_owned())
}

/// Lets hosts connect.
pub(crate) fn listen(
    number: u8,
    handler: impl Fn(&Peers, HostId, Event<'_>) + Send + Sync + 'static,
) -> Links {
    let identity = Identity {
        machine: MachineId::random(&mut Rng::new(Seed::new(9))),
        here: HostId::new(number).expect("there are few hosts"),
        run: Incarnation::new(1),
        secret: Secret::new(b"known to all processes that a test starts"),
    };
    Links::listen(LinksConfig::new(identity), "127.0.0.1:0", handler).expect("a port is free")
}

/// Connects to the hosts before this one, and waits for the others. All addresses are told, in order.
pub(crate) fn meet(links: &Links, addresses: &str) -> HostSet {
    let hosts = (0..).map_while(HostId::new).zip(addresses.split(' '));
    for (host, address) in hosts.clone().take_while(|(host, _)| *host < links.here()) {
        let address: SocketAddr = address.parse().expect("addresses were told");
        links.connect(host, address).expect("it listens");
    }
    let all = hosts.map(|(host, _)| host).collect();
    links.wait_for(all, PATIENCE).expect("all come");
    all
}

/// Tells processes where all hosts are, and meets them: this one is the first.
pub(crate) fn gather(links: &Links, others: &mut [Process]) -> HostSet {
    let addresses = introduce(links, others);
    meet(links, &addresses)
}

/// Tells processes where all hosts are; where that is.
pub(crate) fn introduce(links: &Links, others: &mut [Process]) -> String {
    let mut addresses = links.address().to_string();
    for other in &mut *others {
        addresses = format!("{addresses} {}", other.hear());
    }
    others.iter_mut().for_each(|other| other.tell(&addresses));
    addresses
}
