//! The part of each process: it lets the others connect, connects to them, and runs the harts that live with it.

use std::io::{Write as _, stdout};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use ironloom_node::core::{Duration, Instant, MachineId, Rng, Seed, WallClock};
use ironloom_node::hyper::board::Output;
use ironloom_node::hyper::cluster::link::{Identity, Incarnation, Secret};
use ironloom_node::hyper::cluster::members::MembersConfig;
use ironloom_node::hyper::cluster::tcp::{Links, LinksConfig};
use ironloom_node::hyper::cluster::{HostId, HostSet};
use ironloom_node::hyper::computer::{Host, Inbox, Kernel, Pause, Share};
use ironloom_node::hyper::{Computer, ComputerConfig};

use crate::{AT_WORK, Result};

/// How long processes wait for each other before anything runs.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a host may say nothing until the others stop: processes wait for each other's processor here.
const LEASE: Duration = Duration::from_secs(10);
/// How much of the guest's time goes by between looks at its console.
const STEP: Duration = Duration::from_millis(20);

/// How many pages a host may write and may read, how many came to it from others so far, and in how many bytes.
pub(crate) type Row = [u64; 4];

/// What a process hears while its harts run.
pub(crate) enum News {
    /// How the host of this number is.
    Row(usize, Row),
    /// Linux has begun to work.
    AtWork,
    /// The host of this number has left the computer, which goes on.
    Left(usize),
    /// The computer has powered itself off, at this time, and said so much.
    Ended(Instant, String),
    /// Nothing more can come of it.
    Failed(String),
}

/// Lets hosts that know the secret connect. What they say arrives in the inbox.
pub(crate) fn listen(number: u8, secret: &str, inbox: &Inbox) -> Result<Links> {
    let here = HostId::new(number).ok_or("there are 64 hosts at most")?;
    let machine = MachineId::random(&mut Rng::new(Seed::new(1)));
    let (run, secret) = (Incarnation::new(1), Secret::new(secret.as_bytes()));
    let identity = Identity { machine, here, run, secret };
    Ok(Links::listen(LinksConfig::new(identity), "127.0.0.1:0", inbox.handler())?)
}

/// Makes one computer with the hosts at these addresses. Each connects to those before it and waits for the others.
pub(crate) fn join(
    links: &Links,
    inbox: Inbox,
    addresses: &str,
    mut computer: Computer,
) -> Result<(Computer, Arc<Host>)> {
    let hosts = (0..).map_while(HostId::new).zip(addresses.split_whitespace());
    let all: HostSet = hosts.clone().map(|(host, _)| host).collect();
    for (host, address) in hosts.take_while(|(host, _)| *host < links.here()) {
        links.connect(host, address.parse::<SocketAddr>()?)?;
    }
    links.wait_for(all, PATIENCE)?;
    let mut share = Share::new(links.here(), all, &computer);
    share.members = Some(MembersConfig { lease: LEASE, ..MembersConfig::new(Incarnation::new(1)) });
    let host = computer.join(share, Arc::new(links.peers().clone()), Arc::new(WallClock::start()))?;
    inbox.open(&host);
    Ok((computer, host))
}

/// The computer as it is on every host before anything runs.
pub(crate) fn boot([image, initramfs]: &[String; 2], harts: u16, job: &str) -> Result<Computer> {
    let mut computer = Computer::new(ComputerConfig::new(256 << 20).harts(harts))?;
    computer.boot_kernel(&Kernel {
        image: &std::fs::read(image)?,
        initramfs: Some(&std::fs::read(initramfs)?),
        command_line: &format!("console=ttyS0 panic=-1 quiet run={}", job.replace(' ', "_")),
        ..Kernel::default()
    })?;
    Ok(computer)
}

/// Runs the harts that live here until the computer ends, and shows what it writes if its devices are here.
pub(crate) fn run(mut computer: Computer, news: &Sender<News>) -> Result<News> {
    let mut said = Vec::new();
    loop {
        let pause = computer.run_freely_until(computer.now().saturating_add(STEP))?;
        while let Some(output) = computer.poll() {
            if let Output::Serial(bytes) = output {
                stdout().write_all(&bytes)?;
                said.extend(bytes);
                if said.ends_with(AT_WORK) {
                    let _ = news.send(News::AtWork); // perhaps nobody listens any more
                }
            }
        }
        match pause {
            Pause::Ended(_) => return Ok(News::Ended(computer.now(), String::from_utf8(said)?)),
            Pause::Left => return Ok(News::Left(0)), // whoever hears this knows who we are
            _ => {}
        }
    }
}

/// How a host is.
pub(crate) fn row(host: &Host) -> Row {
    let (pages, counters) = (host.held_pages(), host.counters());
    [pages.writing.into(), pages.reading.into(), counters.with_data, counters.bytes_received]
}

/// Does something on a thread that the end of the process ends, and tells what came of it.
#[expect(clippy::disallowed_methods, reason = "a process waits for several things and ends with the first")]
pub(crate) fn start(news: &Sender<News>, work: impl FnOnce(&Sender<News>) -> Result<News> + Send + 'static) {
    let news = news.clone();
    std::thread::spawn(move || {
        let last = work(&news).unwrap_or_else(|error| News::Failed(error.to_string()));
        let _ = news.send(last); // perhaps nobody listens any more
    });
}
