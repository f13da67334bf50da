//! Benches of `ironloom-net`: `cargo bench --bench net`.
//!
//! Beside plain smoltcp on a cable in memory and the host's own TCP over its loopback. madsim, which has to be compiled
//! in a way of its own, is measured by `benches/net/madsim.sh`.

mod browse;
mod build;
mod capture;
mod connections;
mod http;
mod peers;
mod router;
mod simulation;
mod stream;
mod world;

use ironloom_benches::Suite;

fn main() {
    let mut suite = Suite::from_args();
    stream::benches(&mut suite);
    connections::benches(&mut suite);
    router::benches(&mut suite);
    simulation::benches(&mut suite);
    build::benches(&mut suite);
    http::benches(&mut suite);
    capture::benches(&mut suite);
    suite.finish();
}
