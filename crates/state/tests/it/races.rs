//! Submissions and rollbacks from several threads at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ironloom_state::{Config, MemoryStore, Roots};

use crate::patience::{spawn, within};
use crate::support::{append, held, id, open_with, submit};

/// One thread submits while another rolls back to a batch that executes, and submits too. The batch that was rolled
/// back before it was connected to that one must not take the place of the one that counts, which would wait for ever.
#[test]
fn a_submission_that_is_rolled_back_at_once_takes_nobodys_place() {
    let config = Config { workers: 1, roots: Roots::Off, ..Config::default() };
    let state = Arc::new(open_with(&MemoryStore::new(), config));
    // Connecting so many takes long enough for the others to come in between, at the last of them.
    let many: Vec<u64> = (0..1_000).collect();
    let last_resource = many.iter().copied().max_by_key(|number| id(*number)).unwrap();
    for _ in 0..400 {
        let (batch, gate) = held(1, &many);
        let target = submit(&state, batch);
        gate.reached.wait();
        let start = Arc::new(AtomicUsize::new(0));
        let meet = |start: &AtomicUsize| {
            start.fetch_add(1, Ordering::SeqCst);
            while start.load(Ordering::SeqCst) < 2 {
                std::thread::yield_now();
            }
        };
        let other = spawn({
            let (state, start) = (Arc::clone(&state), Arc::clone(&start));
            let batch = append(2, &many);
            move || {
                meet(&start);
                submit(&state, batch);
            }
        });
        let last = append(3, &[last_resource]);
        meet(&start);
        while state.tip() == target.id() {
            std::hint::spin_loop(); // until the other one has its place
        }
        state.rollback(target.id()).unwrap();
        let last = submit(&state, last);
        gate.open.open();
        other.join("the other submission");
        within("the batch that counts", move || last.wait_committed()).unwrap();
    }
}
