//! What machines hold in memory: `cargo bench --bench vm_memory`.
//!
//! What is counted is what the host has given to this process: Luau asks for its memory in pieces of 16 KiB, most of which
//! it never touches.

mod crowd;

use ironloom_benches::{Goal, OURS, Suite, Unit};
use ironloom_vm::{Config, Heap};

/// What most machines do most of the time.
const PARKED: &str = "os.sleep(1e9)";

fn main() {
    let mut suite = Suite::from_args();
    let mut show = |name: &str, goal: f64, heap, scripts: &[&str], count| {
        let name = format!("vm::memory/{name}");
        if suite.selects(&name) {
            let bytes = measure(heap, scripts, count);
            suite.compare_values(&name, Unit::Bytes, [Goal::Bytes(goal)]).found(OURS, bytes);
        }
    };
    show("machine without a heap", 1_536.0, Heap::Own, &[], 20_000);
    show("machine without a heap, in a cell", 1_536.0, Heap::Cell, &[], 20_000);
    show("idle machine in a cell", 6_144.0, Heap::Cell, &[PARKED], 25_500);
    show("idle machine with its own heap", 112_640.0, Heap::Own, &[PARKED], 1_000);
    show("two processes in a cell", 16_106.0, Heap::Cell, &[PARKED, PARKED], 25_500);
    show("two processes in its own heap", 150_323.0, Heap::Own, &[PARKED, PARKED], 1_000);
    suite.finish();
}

/// What a machine adds that runs these scripts, in bytes.
fn measure(heap: Heap, scripts: &[&str], count: usize) -> f64 {
    let image = crowd::image(scripts);
    let mut machines = crowd::world(Config::default());
    // What is made once is there then.
    let first = crowd::boot(&mut machines, &image, heap, 1);
    let before = held();
    let ids = crowd::boot(&mut machines, &image, heap, count);
    let held = held() - before - (ids.capacity() * 16) as f64;
    drop((first, ids));
    held / count as f64
}

/// How many bytes of this process are in memory.
fn held() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("this is Linux");
    let resident = pages.split_whitespace().nth(1).and_then(|pages| pages.parse::<f64>().ok());
    resident.expect("there are numbers in it") * 4_096.0
}
