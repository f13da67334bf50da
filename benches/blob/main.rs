//! Benches of `ironloom-blob`: `cargo bench --bench blob`.

mod tree;

use ironloom_benches::Suite;

fn main() {
    let mut suite = Suite::from_args();
    tree::benches(&mut suite);
    suite.finish();
}
