//! One computer over two processes that speak TCP: `cargo bench --bench hyper_spread`.
//!
//! What a page costs that another process has, beside the same bytes over a bare connection between the same processes; what
//! programs cost whose harts are moved to what they share, beside harts that stay; and what Linux costs on two hosts
//! beside one. The other process is this program again.
//! Where Debian's kernel cannot be had, a line says so.

#[path = "spread/ball.rs"]
mod ball;
#[path = "spread/boot.rs"]
mod boot;
#[path = "spread/drain.rs"]
mod drain;
#[path = "spread/fault.rs"]
mod fault;
mod guest;
#[path = "spread/lines.rs"]
mod lines;
#[path = "spread/placing.rs"]
mod placing;
#[path = "../../crates/hyper/tests/processes/process.rs"]
mod process;
#[path = "../../crates/hyper/tests/spread/programs.rs"]
mod programs;
#[path = "spread/raw.rs"]
mod raw;
#[path = "spread/stream.rs"]
mod stream;

use ironloom_benches::Suite;

/// What tells this program that it is the other process, and of which bench.
const HOST: &str = "host=";

fn main() {
    let part = std::env::args().find_map(|text| text.strip_prefix(HOST).map(str::to_owned));
    match part.as_deref() {
        Some("fault") => fault::serve(),
        Some("stream") => stream::serve(),
        Some("ball") => ball::serve(),
        Some("drain") => drain::serve(),
        Some("placing") => placing::serve(),
        Some(lines::PART) => lines::serve(false),
        Some(lines::REMOTE_PART) => lines::serve(true),
        Some(boot) => boot::serve(boot),
        None => {
            let mut suite = Suite::from_args();
            fault::benches(&mut suite);
            stream::benches(&mut suite);
            ball::benches(&mut suite);
            drain::benches(&mut suite);
            placing::benches(&mut suite);
            lines::benches(&mut suite);
            boot::benches(&mut suite);
            suite.finish();
        }
    }
}

/// The value in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
