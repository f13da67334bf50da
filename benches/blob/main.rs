//! Benches of `ironloom-blob`: `cargo bench --bench blob`.
//!
//! They write several gigabytes to the directory of temporary files, which should be on the disk of interest.

mod store;
mod tree;
mod volume;

use ironloom_benches::Suite;

fn main() {
    let mut suite = Suite::from_args();
    store::benches(&mut suite);
    tree::benches(&mut suite);
    volume::benches(&mut suite);
    suite.finish();
}
