//! Benches of `ironloom-state`: `cargo bench --bench state`.
//!
//! They write to the directory of temporary files, which should be on the disk of interest.

mod stores;

use ironloom_benches::Suite;

fn main() {
    let mut suite = Suite::from_args();
    stores::benches(&mut suite);
    suite.finish();
}
