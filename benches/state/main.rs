//! Benches of `ironloom-state`: `cargo bench --bench state`.
//!
//! They write to the directory of temporary files, which should be on the disk of interest. What a transaction in
//! flight holds in memory is measured by `cargo bench --bench state_memory`.

mod bench;
mod idle;
mod latency;
mod pattern;
mod rollback;
mod rounds;
mod sleeper;
mod stores;
mod throughput;
mod work;

use ironloom_benches::Suite;

fn main() {
    let mut suite = Suite::from_args();
    throughput::benches(&mut suite);
    latency::benches(&mut suite);
    rollback::benches(&mut suite);
    idle::benches(&mut suite);
    stores::benches(&mut suite);
    suite.finish();
}
