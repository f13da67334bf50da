//! Debian's kernel on harts and pages of several hosts does what it does on one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ironloom_core::{Duration, Instant};
use ironloom_hyper::board::{Ending, Output};
use ironloom_hyper::cluster::link::Incarnation;
use ironloom_hyper::cluster::members::MembersConfig;
use ironloom_hyper::computer::Pause;
use ironloom_hyper::computer::{ComputerError, Host, HostEvent, Share};
use parking_lot::Mutex;

use crate::guest::Guest;
use crate::hosts::Hosts;

/// Processes on all harts, whose results are known.
pub(crate) const JOB: &str = "for n in 1 2 3 4; do (seq $n 20000 | sha256sum) & done; wait; nproc";

/// The most of its own time that the guest takes.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(60);

/// What the job prints, wherever it runs.
const RESULTS: [&str; 4] = [
    "ec3a96d901aa6613171e608f6720374144c26b47513e98314b74092ae36ec958",
    "14a4c26e79397224df24aac009ab87d975629c048c1d44194ca01d32ba9fe9d8",
    "f6351f5ead9a700e34275480b3856ea738122a7c57bdeb744a631251c069587a",
    "748a6b866d84dd14452af0fc272c485708ce97b8bbd0a824ed9463a17c4ddd90",
];

/// How long a host may say nothing: tests wait for each other's processor.
const LEASE: Duration = Duration::from_secs(20);

/// Lets hosts watch over each other.
pub(crate) fn members(share: &mut Share) {
    share.members = Some(MembersConfig { lease: LEASE, ..MembersConfig::new(Incarnation::new(1)) });
}

/// Boots the guest with so many harts on so many hosts and lets it run its job, while something goes on around it.
fn run(hosts: usize, harts: u16, beside: impl FnOnce(&[Arc<Host>], &dyn Fn() -> bool) + Send) {
    let Some(guest) = Guest::get() else { return };
    let mut hosts = Hosts::join((0..hosts).map(|_| guest.computer(harts, JOB)).collect(), members);
    let said = run_on(&mut hosts, beside);
    check(&said, harts);
}

/// Lets the guest run on these hosts to its end; what it says.
pub(crate) fn run_on(
    hosts: &mut Hosts,
    beside: impl FnOnce(&[Arc<Host>], &dyn Fn() -> bool) + Send,
) -> String {
    let parts = hosts.hosts.clone();
    let over = AtomicBool::new(false);
    let pauses = std::thread::scope(|scope| {
        scope.spawn(|| beside(&parts, &|| over.load(Ordering::SeqCst)));
        scope.spawn(|| tell_if_late(&parts, &over));
        let pauses = hosts.run_until(Instant::ZERO.saturating_add(TIME_MAX));
        over.store(true, Ordering::SeqCst);
        pauses
    });
    let mut said = String::new();
    while let Some(output) = hosts.computers[0].poll() {
        if let Output::Serial(bytes) = output {
            said.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
    for host in &hosts.hosts {
        println!("{}: {:?}", host.id(), host.counters());
    }
    let is_end = |pause: &Pause| matches!(pause, Pause::Ended(Ending::PowerOff { code: 0 }) | Pause::Left);
    assert!(pauses.iter().all(is_end), "{pauses:?}\n{said}");
    said
}

/// Tells what hosts wait for, if the guest does not come to its end.
fn tell_if_late(hosts: &[Arc<Host>], over: &AtomicBool) {
    const LATE: u32 = 60_000;
    for _ in 0..LATE {
        if over.load(Ordering::SeqCst) {
            return;
        }
        sleep(Duration::from_millis(1));
    }
    println!("late: {hosts:#?}");
}

/// Whether the guest said what it says wherever it runs.
pub(crate) fn check(said: &str, harts: u16) {
    for result in RESULTS {
        assert!(said.contains(result), "without {result}:\n{said}");
    }
    assert!(said.contains(&format!("\n{harts}\r\n")), "not on {harts} harts:\n{said}");
}

#[test]
fn linux_runs_on_two_hosts_as_on_one() {
    run(2, 2, |_, _| {});
}

#[test]
fn harts_go_back_and_forth_while_linux_runs() {
    let downtimes = Mutex::new(Vec::new());
    run(2, 4, |hosts, ended| {
        let mut turn = 0;
        while !ended() {
            let hart = (turn % 4) as u8;
            for (here, there) in [(0, 1), (1, 0)] {
                if hosts[here].host_of(hart) == Some(hosts[here].id()) {
                    let _ = hosts[here].move_hart(hart, hosts[there].id());
                    break;
                }
            }
            turn += 1;
            sleep(Duration::from_millis(5));
            for host in hosts {
                while let Some(event) = host.poll() {
                    if let HostEvent::Moved { downtime, .. } = event {
                        downtimes.lock().push(downtime);
                    } else {
                        println!("{event:?}");
                    }
                }
            }
        }
    });
    let mut downtimes = downtimes.into_inner();
    downtimes.sort();
    println!("{} moves, half of them within {}", downtimes.len(), downtimes[downtimes.len() / 2]);
}

#[test]
fn a_host_leaves_while_linux_runs() {
    run(3, 4, |hosts, over| {
        sleep(Duration::from_secs(2));
        hosts[2].leave().unwrap();
        while !over() && !hosts[2].has_left() {
            sleep(Duration::from_millis(1));
        }
        print_events(hosts);
        for hart in 0..4 {
            assert_ne!(hosts[0].host_of(hart), Some(hosts[2].id()), "hart {hart} is where nobody is");
        }
    });
}

#[expect(
    clippy::disallowed_methods,
    reason = "the guest works meanwhile, and nothing tells when it has worked for long"
)]
pub(crate) fn sleep(duration: Duration) {
    std::thread::sleep(std::time::Duration::from_nanos(duration.as_nanos()));
}

pub(crate) fn print_events(hosts: &[Arc<Host>]) {
    for host in hosts {
        while let Some(event) = host.poll() {
            println!("{}: {event:?}", host.id());
        }
    }
}

#[test]
fn a_host_joins_while_linux_runs() {
    let Some(guest) = Guest::get() else { return };
    let mut hosts = Hosts::join((0..2).map(|_| guest.computer(4, JOB)).collect(), members);
    let newcomer = hosts.add(Guest::empty(4), members);
    let said = run_on(&mut hosts, |hosts, over| {
        while !over() && !hosts[0].hosts().contains(hosts[newcomer].id()) {
            sleep(Duration::from_millis(1));
        }
        sleep(Duration::from_millis(500));
        for (hart, from) in [(1, 1), (2, 0)] {
            hosts[from].move_hart(hart, hosts[newcomer].id()).unwrap();
        }
    });
    check(&said, 4);
    assert!(hosts.hosts[newcomer].counters().read_misses > 100, "the host that came was used");
}

#[test]
fn when_a_host_dies_all_others_stop() {
    let Some(guest) = Guest::get() else { return };
    let mut hosts = Hosts::join((0..3).map(|_| guest.computer(4, JOB)).collect(), |share| {
        share.members = Some(MembersConfig::new(Incarnation::new(1)));
    });
    let silent = hosts.silence(2);
    let parts = hosts.hosts.clone();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| hosts.try_run_until(Instant::ZERO.saturating_add(TIME_MAX)));
        sleep(Duration::from_secs(2));
        silent.store(true, Ordering::SeqCst);
        let results = run.join().unwrap();
        for (host, result) in parts.iter().zip(&results) {
            println!("{}: {result:?}", host.id());
            assert!(matches!(result, Err(ComputerError::HostLost { .. })), "{result:?}");
        }
    });
}
