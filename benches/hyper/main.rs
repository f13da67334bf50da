//! Benches of `ironloom-hyper`: `cargo bench --bench hyper`.

mod memory;

use ironloom_benches::Suite;

fn main() {
    let mut suite = Suite::from_args();
    memory::benches(&mut suite);
    suite.finish();
}
