//! The same programs on two hosts whose harts stay where they are, and on two whose cost model moves them.

use std::sync::Arc;

use ironloom_benches::{OURS, Suite, Unit, timed};
use ironloom_core::{Instant, WallClock};
use ironloom_hyper::Computer;
use ironloom_hyper::board::Ending;
use ironloom_hyper::cluster::HostSet;
use ironloom_hyper::cluster::placement::{CostModel, Fixed, Placement};
use ironloom_hyper::cluster::tcp::Links;
use ironloom_hyper::computer::{Host, HostEvent, Inbox, Pause, Share};

use crate::HOST;
use crate::process::{Process, gather, hear, listen, meet, say};
use crate::programs::Program;

const NAME: &str = "hyper::spread::placing";
const FIXED: &str = "harts stay";
/// What it takes where nobody is anywhere else.
const TOGETHER: &str = "limit: one host";
/// Longer than any takes.
const DEADLINE: Instant = Instant::from_nanos(100_000_000_000);

/// What they are called, and what they do.
const PROGRAMS: [(&str, Program); 4] = [
    ("walk_far", Program::Walk { rounds: 1 }),
    ("private", Program::Private { rounds: 200_000 }),
    ("ball", Program::Ball { turns: 4_000 }),
    ("crowd", Program::Crowd { rounds: 2_000_000 }),
];

/// Joins a computer that is about to run a program, with the cost model or with harts that stay.
fn join(links: &Links, inbox: Inbox, hosts: HostSet, program: Program, moves: bool) -> (Computer, Arc<Host>) {
    let mut computer = program.computer();
    let share = Share::new(links.here(), hosts, &computer);
    let post = Arc::new(links.peers().clone());
    let host = computer.join(share, post, Arc::new(WallClock::start())).expect("it is joined once");
    let policy: Box<dyn Placement + Send> =
        if moves { Box::new(CostModel::default()) } else { Box::new(Fixed) };
    host.place_by(policy);
    inbox.open(&host);
    (computer, host)
}

fn run_to_end(computer: &mut Computer) {
    let pause = computer.run_freely_until(DEADLINE).expect("the machine runs");
    assert_eq!(pause, Pause::Ended(Ending::PowerOff { code: 0 }), "results are as they should be");
}

/// How many harts went elsewhere, and how many faults the policy saw.
fn outcome(host: &Host) -> String {
    let is_move = |event: &HostEvent| matches!(event, HostEvent::Moved { .. });
    let moves = std::iter::from_fn(|| host.poll()).filter(is_move).count();
    format!("{moves} harts went, {} faults", host.placements().faults)
}

/// The other host.
pub(crate) fn serve() {
    let inbox = Inbox::default();
    let links = listen(1, inbox.handler());
    say(&links.address().to_string());
    let hosts = meet(&links, &hear().unwrap_or_default());
    let wish = hear().unwrap_or_default();
    let (name, policy) = wish.split_once(' ').expect("a program and a policy");
    let (_, program) =
        PROGRAMS.into_iter().find(|(known, _)| *known == name).expect("there is such a program");
    let (mut computer, host) = join(&links, inbox, hosts, program, policy == OURS);
    say("ready");
    run_to_end(&mut computer);
    say(&outcome(&host));
    while hear().is_some() {}
}

/// How long a program takes, in nanoseconds.
fn run(name: &str, program: Program, policy: &str) -> f64 {
    let mut others = [Process::start(&[&format!("{HOST}placing")])];
    let inbox = Inbox::default();
    let links = listen(0, inbox.handler());
    let hosts = gather(&links, &mut others);
    others[0].tell(&format!("{name} {policy}"));
    let (mut computer, host) = join(&links, inbox, hosts, program, policy == OURS);
    others[0].hear();
    let took = timed(|| run_to_end(&mut computer));
    println!("{NAME}/{name}, {policy}: {took:.1?}; host-0 {}; host-1 {}", outcome(&host), others[0].hear());
    took.as_nanos() as f64
}

/// The best of several runs of each, because others use the machine too.
pub(crate) fn benches(suite: &mut Suite) {
    let runs = if suite.is_quick() { 1 } else { 3 };
    for (name, program) in PROGRAMS {
        let id = format!("{NAME}/{name}");
        if !suite.selects(&id) {
            continue;
        }
        let (mut moving, mut fixed, mut together) = (f64::INFINITY, f64::INFINITY, f64::INFINITY);
        for _ in 0..runs {
            fixed = fixed.min(run(name, program, FIXED));
            moving = moving.min(run(name, program, OURS));
            let mut computer = program.computer();
            together = together.min(timed(|| run_to_end(&mut computer)).as_nanos() as f64);
        }
        suite
            .compare_values(&id, Unit::Nanos, [])
            .found(OURS, moving)
            .found(FIXED, fixed)
            .found(TOGETHER, together);
    }
}
