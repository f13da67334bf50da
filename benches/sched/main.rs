//! Benches of `ironloom-sched`: `cargo bench --bench sched`.
//!
//! What a process of each peer holds in memory is measured by `cargo bench --bench sched_memory`, Erlang and Go by
//! `peers.sh`, and servers by `http.sh`, both in this folder.

mod crowd;
mod ping_pong;
mod relay;
mod ring;
mod runtimes;
mod skew;
mod sleepers;
mod spawn;
mod wake;

use ironloom_benches::Suite;

fn main() {
    let mut suite = Suite::from_args();
    spawn::benches(&mut suite);
    ring::benches(&mut suite);
    ping_pong::benches(&mut suite);
    sleepers::benches(&mut suite);
    wake::benches(&mut suite);
    skew::benches(&mut suite);
    suite.finish();
}
