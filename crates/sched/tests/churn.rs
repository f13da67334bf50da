//! Processes that come and go leave no memory behind. Alone in its program, because it looks at all of its memory.
#![cfg(target_os = "linux")]

use std::{alloc::System, fs};

use ironloom_sched::{Config, Context, Kernel};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ROUNDS: usize = 20;
const PROCESSES: usize = 50_000;

/// How much is allocated, and how many pages of memory this program has.
fn memory() -> (usize, usize) {
    let stats = ALLOCATOR.stats();
    let status = fs::read_to_string("/proc/self/statm").expect("Linux says how much memory it uses");
    let pages = status.split(' ').nth(1).expect("the second number is what is resident");
    (stats.bytes_allocated - stats.bytes_deallocated, pages.parse().expect("it is a number"))
}

/// Spawns processes, sends each a message, and waits until all have ended.
fn storm(kernel: &Kernel) {
    let monitors: Vec<_> = (0..PROCESSES)
        .map(|number| {
            let process = kernel.spawn(async |ctx: Context<usize>| {
                ctx.receive().await;
            });
            let process = process.unwrap();
            process.try_send(number).unwrap();
            process.monitor()
        })
        .collect();
    for monitor in monitors {
        assert!(kernel.block_on(monitor).is_clean());
    }
    assert!(kernel.is_empty());
}

#[test]
fn a_million_processes_leave_nothing() {
    let kernel = Kernel::start(Config::with_workers(2)).unwrap();
    let rounds: Vec<(usize, usize)> = (0..ROUNDS)
        .map(|_| {
            storm(&kernel);
            memory()
        })
        .collect();
    // Nothing is kept for a process that has ended; what little differs are queues that have grown to their size.
    let (bytes, pages): (Vec<usize>, Vec<usize>) = rounds.into_iter().unzip();
    assert!(bytes[ROUNDS - 1] <= bytes[0] + (256 << 10), "{bytes:?} bytes are allocated");
    // And memory does not fall to pieces: a storm finds room where another was. How much room one takes varies with how
    // far the workers keep up, so the last is compared with the largest of the first half.
    let largest = pages[..ROUNDS / 2].iter().max().copied().unwrap_or_default();
    assert!(pages[ROUNDS - 1] <= largest * 3 / 2, "{pages:?} pages are resident");
}
