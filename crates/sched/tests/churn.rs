//! Processes that come and go leave no memory behind. Alone in its program, because it looks at all of its memory.
#![cfg(target_os = "linux")]

use std::fs;

use ironloom_sched::{Config, Context, Kernel};

const ROUNDS: usize = 10;
const PROCESSES: usize = 20_000;

/// How many pages of memory this program has.
fn resident_pages() -> usize {
    let status = fs::read_to_string("/proc/self/statm").expect("Linux says how much memory it uses");
    let pages = status.split(' ').nth(1).expect("the second number is what is resident");
    pages.parse().expect("it is a number")
}

#[test]
fn two_hundred_thousand_processes_leave_nothing() {
    let kernel = Kernel::start(Config::with_workers(2)).unwrap();
    let mut pages = Vec::new();
    for _ in 0..ROUNDS {
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
        pages.push(resident_pages());
    }
    // The first rounds find out how much room a storm takes; later ones must live in it. A tenth is the allocator's.
    let (early, last) = (pages[ROUNDS / 2], pages[ROUNDS - 1]);
    assert!(last <= early + early / 10, "{pages:?} pages");
}
