//! Benches of machines, beside raw `mlua` doing the same without an operating system: `cargo bench --bench vm`.

mod crowd;
mod speed;

use ironloom_benches::Suite;

fn main() {
    let mut suite = Suite::from_args();
    speed::benches(&mut suite);
    suite.finish();
}
