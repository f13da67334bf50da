//! Benches of `ironloom-blob`: `cargo bench --bench blob`.

mod volume;

use ironloom_benches::Suite;

fn main() {
    let mut suite = Suite::from_args();
    volume::benches(&mut suite);
    suite.finish();
}
