//! Benches of `ironloom-blob`: `cargo bench --bench blob`.

mod tree;
mod volume;

use ironloom_benches::Suite;

fn main() {
    let mut suite = Suite::from_args();
    tree::benches(&mut suite);
    volume::benches(&mut suite);
    suite.finish();
}
