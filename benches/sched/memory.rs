//! What a process of each peer holds while it waits for a message: `cargo bench --bench sched_memory`.
//!
//! Allocations are counted, which would disturb the times of the other benches; and every peer runs in a program of
//! its own, so that none finds memory which another has left.

mod crowd;
mod runtimes;

use std::alloc::System;
use std::process::{Command, Stdio};

use ironloom_benches::{Goal, OURS, Suite, Unit};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use crowd::{FEW, Kameo, Mailbox, May, OneShot, Peer, Ractor};
use runtimes::{Smol, WORKERS, kernel, tokio_current, tokio_workers};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The first argument of a program that measures one peer, named by the second.
const CHILD: &str = "measure";

/// A peer, and how its memory is measured with so many processes.
type Row = (&'static str, usize, fn(usize) -> Memory);

const PEERS: [Row; 9] = [
    (OURS, 0, |processes| held(&kernel(WORKERS), processes)),
    ("tokio, 2 workers, oneshot", 0, |processes| held(&OneShot(tokio_workers(WORKERS)), processes)),
    ("tokio, current thread, oneshot", 0, |processes| held(&OneShot(tokio_current()), processes)),
    ("tokio, 2 workers, mailbox", 0, |processes| held(&Mailbox(tokio_workers(WORKERS)), processes)),
    ("tokio, current thread, mailbox", 0, |processes| held(&Mailbox(tokio_current()), processes)),
    ("smol, 2 workers", 0, |processes| held(&Smol::new(), processes)),
    ("kameo, 2 workers (20000)", FEW, |processes| held(&Kameo(tokio_workers(WORKERS)), processes)),
    ("ractor, 2 workers (20000)", FEW, |processes| held(&Ractor(tokio_workers(WORKERS)), processes)),
    ("may, 2 workers (20000)", FEW, |processes| held(&May::new(), processes)),
];

/// What all processes together hold.
struct Memory {
    /// As the program asked for it.
    allocated: f64,
    /// As the system gave it, stacks too.
    resident: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [first, name, processes] if first == CHILD => child(name, processes.parse().expect("a number")),
        _ => compare(&mut Suite::from_args()),
    }
}

fn compare(suite: &mut Suite) {
    let many = if suite.is_quick() { 100_000 } else { 1_000_000 };
    let mut found = Vec::new();
    for (name, processes, _) in PEERS {
        let processes = if processes == 0 { many } else { processes };
        if suite.selects(&format!("sched::memory/processes={many}/{name}")) {
            found.push((name, ask_child(name, processes)));
        }
    }
    let [allocated, resident] =
        ["allocated", "resident"].map(|what| format!("sched::memory/processes={many}/{what}"));
    let mut compare = suite.compare_values(&allocated, Unit::Bytes, [Goal::Bytes(390.0), Goal::Ahead]);
    found.iter().for_each(|(name, memory)| _ = compare.found(name, memory.allocated));
    let mut compare = suite.compare_values(&resident, Unit::Bytes, [Goal::Bytes(390.0), Goal::Ahead]);
    found.iter().for_each(|(name, memory)| _ = compare.found(name, memory.resident));
    suite.finish();
}

fn ask_child(name: &str, processes: usize) -> Memory {
    let program = std::env::current_exe().expect("the program knows where it is");
    let mut command = Command::new(program);
    command.args([CHILD, name, &processes.to_string()]).stderr(Stdio::inherit());
    let output = command.output().expect("the program starts again");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split_whitespace().map(|number| number.parse().expect("a number"));
    let mut next = || numbers.next().expect("the child prints two numbers");
    Memory { allocated: next(), resident: next() }
}

fn child(name: &str, processes: usize) {
    let (_, _, measure) = PEERS.into_iter().find(|row| row.0 == name).expect("the parent knows the peers");
    let memory = measure(processes);
    let each = |total: f64| total / processes as f64;
    println!("{} {}", each(memory.allocated), each(memory.resident));
}

fn held<P: Peer>(peer: &P, processes: usize) -> Memory {
    // What is made once only is there afterwards.
    peer.release(peer.spawn(1));
    let region = Region::new(ALLOCATOR);
    let before = resident();
    let waiting = peer.spawn(processes);
    let change = region.change();
    let memory = Memory {
        allocated: change.bytes_allocated as f64 - change.bytes_deallocated as f64,
        resident: resident() - before,
    };
    peer.release(waiting);
    memory
}

/// How many bytes of this program are in memory.
fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("the system tells");
    let pages = statm.split_whitespace().nth(1).expect("the second number is the resident set");
    4_096.0 * pages.parse::<f64>().expect("a number")
}
