//! A hundred thousand machines, of which one in a hundred does something in each window, sixty windows a second.

use ironloom_benches::{Goal, OURS, Suite, Unit, timed};
use ironloom_node::{Node, NodeConfig, Pacing, World};

use crate::alone;
use crate::ticking::{TICKING, WINDOW};

const GIB: f64 = (1_u64 << 30) as f64;
const MACHINES: usize = 100_000;

/// How many windows are timed, and for how long the clock is kept up with after that.
const WINDOWS: usize = 1_000;
const KEPT_UP: std::time::Duration = std::time::Duration::from_secs(20);

pub(crate) fn benches(suite: &mut Suite) {
    let name = "node::world/1 % active";
    if !suite.selects(name) {
        return;
    }
    let part = if suite.is_quick() { 20 } else { 1 };
    let found = alone::measure(&format!("crowd {}", MACHINES / part));
    let [half, most, longest, held, in_time] = found[..] else { unreachable!("it says five numbers") };
    let goal = Goal::Nanos(1e9 / 60.0 / part as f64);
    suite.compare_values(&format!("{name}, a window, p50"), Unit::Nanos, []).found(OURS, half);
    suite.compare_values(&format!("{name}, a window, p99"), Unit::Nanos, [goal]).found(OURS, most);
    suite.compare_values(&format!("{name}, a window, longest"), Unit::Nanos, []).found(OURS, longest);
    let goal = Goal::Bytes(12.0 * GIB / part as f64);
    suite.compare_values(&format!("{name}, memory"), Unit::Bytes, [goal]).found(OURS, held);
    // A host that is asked for something else now and then is late for a few windows.
    let goal = Goal::Percent(99.0);
    suite.compare_values(&format!("{name}, windows in time"), Unit::Percent, [goal]).found(OURS, in_time);
}

/// What a window takes at half of the times, at 99 % and at worst, in nanoseconds; what all of it holds, in bytes; and how
/// many windows in a hundred were over before the next was due, with a node that keeps up with the clock.
pub(crate) fn measure(count: usize) -> Vec<f64> {
    let count = u32::try_from(count).expect("they have addresses");
    let before = alone::held();
    let world = World::builder(7)
        .window(WINDOW)
        .pacing(Pacing::WindowsPerSecond(60))
        .workers(2)
        // One switch has 65,535 ports.
        .network("east", "10.0.0.0/15")
        .network("west", "10.2.0.0/15")
        .image("ticking", |image| image.file("/bin/tick", TICKING).runs("tick"))
        .machine("east", |machine| machine.at("east").image("ticking").in_cell().count(count / 2))
        .machine("west", |machine| machine.at("west").image("ticking").in_cell().count(count - count / 2))
        .build()
        .expect("the description makes sense");
    for _ in 0..200 {
        world.run_for(WINDOW);
    }
    let mut took: Vec<f64> =
        (0..WINDOWS).map(|_| timed(|| world.run_for(WINDOW)).as_nanos() as f64).collect();
    took.sort_unstable_by(f64::total_cmp);
    let at = |share: usize| took[(WINDOWS * share / 100).min(WINDOWS - 1)];
    let held = alone::held() - before;
    vec![at(50), at(99), at(100), held, windows_in_time(world)]
}

/// How many windows in a hundred are over before the next is due. One that is left out because the node is too far behind
/// counts as late.
#[expect(clippy::disallowed_methods, reason = "here it is measured how a node keeps up while time passes")]
fn windows_in_time(world: World) -> f64 {
    let config = NodeConfig { late_after: WINDOW, ..NodeConfig::default() };
    let clock = ironloom_core::WallClock::start();
    let node = Node::start_with(world, config, clock).expect("the host has a thread");
    std::thread::sleep(KEPT_UP);
    let report = node.late_report();
    let due = report.windows + report.skipped;
    100.0 * (report.windows - report.late) as f64 / due as f64
}
