//! Linux with a hart on each of two hosts beside the same two harts on one, and what one host pays for being able to share.

use std::sync::Arc;
use std::time::Duration;

use ironloom_benches::{Goal, OURS, Suite, Unit, now};
use ironloom_core::WallClock;
use ironloom_hyper::board::Output;
use ironloom_hyper::cluster::HostSet;
use ironloom_hyper::cluster::tcp::Links;
use ironloom_hyper::computer::{Host, Inbox, Pause, Share};
use ironloom_hyper::{Computer, ComputerConfig};

use crate::HOST;
use crate::guest::Guest;
use crate::process::{Process, gather, hear, listen, meet, say};

const ALONE: &str = "hyper::spread::alone";
const APART: &str = "hyper::spread::linux";
const MEMORY_BYTES: u64 = 256 << 20;
/// How much of the machine's time goes by between looks at its console.
const STEP: ironloom_core::Duration = ironloom_core::Duration::from_millis(5);
/// A process for each hart, each with data of its own; an underscore stands for a space.
const COMMAND_LINE: &str = "console=ttyS0 panic=-1 quiet run=\
    echo_begin;for_n_in_1_2;do_awk_'BEGIN{for(i=0;i<300000;i++)s+=i%7;print_s}'&_done;wait;echo_end";
const SUM: &str = "899997";
/// The name of what two harts on one host take.
const TOGETHER: &str = "ironloom, one host";

/// What was seen at the console, and when.
struct Report {
    /// From the start to the job's begin.
    boot: Duration,
    /// From there to its end.
    job: Duration,
}

/// A machine with the kernel in its memory.
fn loaded(guest: &Guest, harts: u16) -> Computer {
    let mut computer =
        Computer::new(ComputerConfig::new(MEMORY_BYTES).harts(harts)).expect("the machine is made");
    guest.boot(&mut computer);
    computer
}

fn join(links: &Links, inbox: Inbox, hosts: HostSet, computer: &mut Computer) -> Arc<Host> {
    let share = Share::new(links.here(), hosts, computer);
    let post = Arc::new(links.peers().clone());
    let host = computer.join(share, post, Arc::new(WallClock::start())).expect("it is joined once");
    inbox.open(&host);
    host
}

/// Lets it run to its end.
fn run(computer: &mut Computer) -> Report {
    let (start, mut said) = (now(), String::new());
    let (mut begun, mut over) = (None, None);
    loop {
        let pause = computer.run_freely_until(computer.now().saturating_add(STEP)).expect("the machine runs");
        while let Some(output) = computer.poll() {
            if let Output::Serial(bytes) = output {
                said.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
        let has_said = |word: &str| said.lines().any(|line| line.trim_end() == word);
        begun = begun.or_else(|| has_said("begin").then(now));
        over = over.or_else(|| has_said("end").then(now));
        if let Pause::Ended(_) = pause {
            break;
        }
    }
    assert_eq!(said.lines().filter(|line| line.trim_end() == SUM).count(), 2, "both sums are right: {said}");
    let (begun, over) = begun.zip(over).expect("it begins and ends");
    Report { boot: begun - start, job: over - begun }
}

/// The other host.
pub(crate) fn serve(_: &str) {
    let guest = Guest::new(COMMAND_LINE, None).expect("the first host has it");
    let inbox = Inbox::default();
    let links = listen(1, inbox.handler());
    say(&links.address().to_string());
    let hosts = meet(&links, &hear().unwrap_or_default());
    let mut computer = loaded(&guest, 2);
    let host = join(&links, inbox, hosts, &mut computer);
    while let Pause::Deadline =
        computer.run_freely_until(computer.now().saturating_add(STEP)).expect("the machine runs")
    {}
    let (counters, bytes) = (host.counters(), host.directory_bytes());
    say(&format!("{} {bytes}", counters.with_data));
    while hear().is_some() {}
}

pub(crate) fn benches(suite: &mut Suite) {
    let (is_alone, is_apart) = (suite.selects(ALONE), suite.selects(APART));
    if !is_alone && !is_apart {
        return;
    }
    let guest = match Guest::new(COMMAND_LINE, None) {
        Ok(guest) => guest,
        Err(reason) => return println!("skipped: {reason}"),
    };
    if is_alone {
        alone(suite, &guest);
    }
    if is_apart {
        apart(suite, &guest);
    }
}

/// One host that could share beside one that cannot; the best of several runs, because others use the machine too.
fn alone(suite: &mut Suite, guest: &Guest) {
    const WITHOUT: &str = "limit: not shared";
    let runs = if suite.is_quick() { 1 } else { 3 };
    let (mut with, mut without) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..runs {
        let mut computer = loaded(guest, 1);
        let report = run(&mut computer);
        without = without.min((report.boot + report.job).as_nanos() as f64);
        let inbox = Inbox::default();
        let links = listen(0, inbox.handler());
        let mut computer = loaded(guest, 1);
        let hosts = HostSet::EMPTY.with(links.here());
        let _host = join(&links, inbox, hosts, &mut computer);
        let report = run(&mut computer);
        with = with.min((report.boot + report.job).as_nanos() as f64);
    }
    suite
        .compare_values(ALONE, Unit::Nanos, [Goal::Times(1.03, WITHOUT)])
        .found(OURS, with)
        .found(WITHOUT, without);
}

/// Two harts on two hosts beside two harts on one.
fn apart(suite: &mut Suite, guest: &Guest) {
    /// At most so often may bytes of a page move.
    const MOVES_MAX: u64 = 45_000;
    let together = run(&mut loaded(guest, 2));
    let mut others = [Process::start(&[&format!("{HOST}boot")])];
    let inbox = Inbox::default();
    let links = listen(0, inbox.handler());
    let hosts = gather(&links, &mut others);
    let mut computer = loaded(guest, 2);
    let host = join(&links, inbox, hosts, &mut computer);
    let apart = run(&mut computer);
    let theirs = others[0].hear();
    let (moves, bytes) = theirs.split_once(' ').expect("two numbers");
    let moves = host.counters().with_data + moves.parse::<u64>().expect("a number");
    let bytes = bytes.parse::<usize>().expect("a number").max(host.directory_bytes());
    let verdict = if moves <= MOVES_MAX { "reached" } else { "MISSED" };
    println!("{APART}: {moves} transactions moved data, in the boot and the job; ≤ {MOVES_MAX} {verdict}");
    println!("{APART}: this host {:?}", host.counters());
    suite
        .compare_values(&format!("{APART}/boot"), Unit::Nanos, [Goal::Times(4.0, TOGETHER)])
        .found(OURS, apart.boot.as_nanos() as f64)
        .found(TOGETHER, together.boot.as_nanos() as f64);
    suite
        .compare_values(&format!("{APART}/private"), Unit::Nanos, [Goal::Better(0.95, TOGETHER)])
        .found(OURS, apart.job.as_nanos() as f64)
        .found(TOGETHER, together.job.as_nanos() as f64);
    suite
        .compare_values(&format!("{APART}/directory_a_page"), Unit::Bytes, [Goal::Bytes(24.0)])
        .found(OURS, bytes as f64 / f64::from(host.share().coherence.pages));
}
