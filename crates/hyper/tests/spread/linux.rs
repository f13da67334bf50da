//! Debian's kernel on harts and pages of several hosts does what it does on one.

use ironloom_core::{Duration, Instant};
use ironloom_hyper::board::{Ending, Output};
use ironloom_hyper::computer::Pause;

use crate::guest::Guest;
use crate::hosts::Hosts;

/// Processes on all harts, whose results are known.
const JOB: &str = "for n in 1 2 3 4; do (seq $n 20000 | sha256sum) & done; wait; nproc";

/// The most of its own time that the guest takes.
const TIME_MAX: Duration = Duration::from_secs(60);

#[test]
fn linux_runs_on_two_hosts_as_on_one() {
    let Some(guest) = Guest::get() else { return };
    let mut hosts = Hosts::join(vec![guest.computer(2, JOB), guest.computer(2, JOB)], |_| {});
    let pauses = hosts.run_until(Instant::ZERO.saturating_add(TIME_MAX));
    let mut said = String::new();
    while let Some(output) = hosts.computers[0].poll() {
        if let Output::Serial(bytes) = output {
            said.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
    println!("{said}");
    for host in &hosts.hosts {
        println!("{:?}", host.counters());
    }
    assert_eq!(pauses, [Pause::Ended(Ending::PowerOff { code: 0 }); 2]);
}
