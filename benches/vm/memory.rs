//! What machines hold in memory: `cargo bench --bench vm_memory`.
//!
//! What is counted is what the host has given to this process: Luau asks for its memory in pieces of 16 KiB, most of which
//! it never touches.

mod alone;
mod crowd;

use ironloom_benches::{Goal, OURS, Suite, Unit};
use ironloom_vm::{Config, Heap};

/// What most machines do most of the time.
const PARKED: &str = "os.sleep(1e9)";

/// What is measured: a name, the goal in bytes, where scripts live, the scripts, and how many machines.
type Case = (&'static str, f64, Heap, &'static [&'static str], usize);

const CASES: [Case; 6] = [
    ("machine without a heap", 1_536.0, Heap::Own, &[], 20_000),
    ("machine without a heap, in a cell", 1_536.0, Heap::Cell, &[], 20_000),
    ("idle machine in a cell", 6_144.0, Heap::Cell, &[PARKED], 25_500),
    ("idle machine with its own heap", 112_640.0, Heap::Own, &[PARKED], 1_000),
    // 400,000 of these are to fit into 6 GiB, and 100,000 of the next into 14 GiB.
    ("two processes in a cell", 16_106.0, Heap::Cell, &[PARKED, PARKED], 25_500),
    ("two processes in its own heap", 150_323.0, Heap::Own, &[PARKED, PARKED], 1_000),
];

fn main() {
    if let Some(case) = alone::case() {
        let case = CASES.iter().find(|(name, ..)| *name == case).expect("a case has this name");
        return alone::say(&[measure(case.2, case.3, case.4)]);
    }
    let mut suite = Suite::from_args();
    for (case, goal, ..) in CASES {
        let name = format!("vm::memory/{case}");
        if suite.selects(&name) {
            suite
                .compare_values(&name, Unit::Bytes, [Goal::Bytes(goal)])
                .found(OURS, alone::measure(case)[0]);
        }
    }
    suite.finish();
}

/// What a machine adds that runs these scripts, in bytes.
fn measure(heap: Heap, scripts: &[&str], count: usize) -> f64 {
    let image = crowd::image(scripts);
    let mut machines = crowd::world(Config::default());
    // What is made once is there then.
    let first = crowd::boot(&mut machines, &image, heap, 1);
    let before = alone::held();
    let ids = crowd::boot(&mut machines, &image, heap, count);
    let held = alone::held() - before - (ids.capacity() * 16) as f64;
    drop((first, ids));
    held / count as f64
}
