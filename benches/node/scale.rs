//! A world of a hundred thousand machines that keeps up with a clock, and a machine whose script answers HTTP:
//! `cargo bench --bench node_scale`.
//!
//! With `-- --quick` there are a twentieth as many machines, and the goals are for a twentieth.

#[path = "../vm/alone.rs"]
mod alone;
#[path = "scale/crowd.rs"]
mod crowd;
#[path = "scale/questions.rs"]
mod questions;
#[path = "scale/script.rs"]
mod script;
#[path = "../vm/ticking.rs"]
mod ticking;

use ironloom_benches::Suite;

fn main() {
    if let Some(case) = alone::case() {
        let (name, count) = case.rsplit_once(' ').expect("a case has a count");
        let count = count.parse().expect("it is a number");
        return alone::say(&match name {
            "crowd" => crowd::measure(count),
            "script" => vec![script::measure(count)],
            _ => unreachable!("no case has another name"),
        });
    }
    let mut suite = Suite::from_args();
    crowd::benches(&mut suite);
    script::benches(&mut suite);
    suite.finish();
}
