//! Linux on a computer that several processes share, which speak TCP.
//!
//! The kernel and its initial file system come from `tests/guest/linux.sh`; where they cannot be had, a line says so.

#[path = "../spread/guest.rs"]
mod guest;
mod lively;
mod process;

use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration as HostDuration;

use ironloom_core::{Instant, WallClock};
use ironloom_hyper::Computer;
use ironloom_hyper::board::{Ending, Output};
use ironloom_hyper::cluster::HostSet;
use ironloom_hyper::cluster::tcp::Links;
use ironloom_hyper::computer::{Host, Inbox, Pause, Share};

use guest::Guest;
use process::{Process, gather, hear, listen, meet, say};

const HARTS: u16 = 4;
/// Processes on all harts, whose results the host can compute as well.
const JOB: &str = "for n in 1 2 3 4; do (seq $n 20000 | sha256sum) & done; wait; nproc";
/// The most of its own time, and of the host's, that the guest takes.
const DEADLINE: Instant = Instant::from_nanos(60_000_000_000);
const PATIENCE: HostDuration = HostDuration::from_secs(150);
/// What tells this program that it is a host, before its number.
const HOST: &str = "host=";

/// The other hosts' half of the tests below. Started by anybody else, it has nothing to do.
#[test]
fn host_that_was_started() {
    let Some(number) = std::env::args().find_map(|text| text.strip_prefix(HOST)?.parse().ok()) else {
        return;
    };
    let inbox = Inbox::default();
    let links = listen(number, inbox.handler());
    say(&links.address().to_string());
    let Some(addresses) = hear() else { return };
    let hosts = meet(&links, &addresses);
    let guest = Guest::get().expect("the first host has it");
    let (mut computer, _) = join(&links, inbox, hosts, guest.computer(HARTS, JOB));
    let pause = computer.run_freely_until(DEADLINE).unwrap();
    assert_eq!(pause, Pause::Ended(Ending::PowerOff { code: 0 }));
    say("powered off");
    while hear().is_some() {} // nobody loses a link before all are through
}

fn join(links: &Links, inbox: Inbox, hosts: HostSet, mut computer: Computer) -> (Computer, Arc<Host>) {
    let share = Share::new(links.here(), hosts, &computer);
    let post = Arc::new(links.peers().clone());
    let host = computer.join(share, post, Arc::new(WallClock::start())).unwrap();
    inbox.open(&host);
    (computer, host)
}

/// The sum of the numbers in between, computed here.
fn expected(first: u32, last: u32) -> String {
    let script = format!("seq {first} {last} | sha256sum");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Runs the job, and tells how it ended and what was said.
fn run(mut computer: Computer) -> (Pause, String) {
    let pause = computer.run_freely_until(DEADLINE).unwrap();
    (pause, said_by(&mut computer))
}

/// What the guest has said.
fn said_by(computer: &mut Computer) -> String {
    let mut said = String::new();
    while let Some(output) = computer.poll() {
        if let Output::Serial(bytes) = output {
            said.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
    said
}

#[expect(clippy::disallowed_methods, reason = "a computer that hangs must not hang the test")]
fn check(hosts: u8) {
    let Some(guest) = Guest::get() else { return };
    let start = |number| {
        Process::start(&["--exact", "host_that_was_started", "--nocapture", &format!("{HOST}{number}")])
    };
    let mut others: Vec<Process> = (1..hosts).map(start).collect();
    let inbox = Inbox::default();
    let links = listen(0, inbox.handler());
    let all = gather(&links, &mut others);
    let (computer, host) = join(&links, inbox, all, guest.computer(HARTS, JOB));
    let (sender, result) = channel();
    std::thread::spawn(move || sender.send(run(computer)));
    let (pause, said) = result.recv_timeout(PATIENCE).expect("the computer comes to its end");

    println!("{said}{:?}", host.counters());
    assert_eq!(pause, Pause::Ended(Ending::PowerOff { code: 0 }));
    let lines: Vec<&str> = said.lines().map(str::trim_end).collect();
    for first in 1..=4 {
        assert!(lines.contains(&&*expected(first, 20_000)), "the sum of the numbers from {first} is right");
    }
    assert!(lines.contains(&"4"), "all harts are there");
    assert!(host.counters().with_data > 1_000, "pages moved");
    for other in &mut others {
        assert_eq!(other.hear(), "powered off");
    }
}

#[test]
fn linux_runs_on_two_processes_and_on_three_as_on_one() {
    check(2);
    check(3);
}
