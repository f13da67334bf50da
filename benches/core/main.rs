//! Benches of `ironloom-core`: `cargo bench --bench core`.

mod encode;
mod measure;
mod queue;
mod time;

use ironloom_benches::Suite;

fn main() {
    let mut suite = Suite::from_args();
    time::benches(&mut suite);
    encode::benches(&mut suite);
    measure::benches(&mut suite);
    queue::benches(&mut suite);
    suite.finish();
}
