//! What it takes to keep a large world: `cargo bench --bench node_keep`.
//!
//! With `-- --quick` it is a tenth as large, and the goal for opening is for a tenth.

use std::path::Path;

use ironloom_benches::{Goal, OURS, Suite, Unit, timed};
use ironloom_node::prelude::*;
use ironloom_node::{Archive, NodeConfig};

const MACHINES: u32 = 100_000;
/// How many of them change between two commits.
const ACTIVE: u32 = 1_000;
const COMMITS: usize = 9;

/// Writes a line into its log every second, and keeps how many there are.
const SCRIBE: &str = "#!/bin/lua
local kept = os.restored() or { lines = 0 }
while true do
    os.sleep(1)
    kept.lines += 1
    fs.append('/var/log/lines', kept.lines .. '\\n')
    os.checkpoint(kept)
end
";

fn main() {
    let mut suite = Suite::from_args();
    let part = if suite.is_quick() { 10 } else { 1 };
    let (commit, stall, open) =
        ("node::keep/commit", "node::keep/commit, longest wait of others", "node::keep/reopen");
    if [commit, stall, open].iter().any(|name| suite.selects(name)) {
        let found = measure(MACHINES / part, ACTIVE / part);
        let part = f64::from(part);
        // Most of it is the disk, which does not know how large the world is.
        let goal = Goal::Nanos(20e6);
        suite
            .compare_values(commit, Unit::Nanos, [goal])
            .found(OURS, found.commit)
            .found("one fsync", found.fsync);
        suite.compare_values(stall, Unit::Nanos, []).found(OURS, found.stall);
        suite.compare_values("node::keep/first commit", Unit::Nanos, []).found(OURS, found.create);
        suite.compare_values(open, Unit::Nanos, [Goal::Nanos(5e9 / part)]).found(OURS, found.open);
    }
    suite.finish();
}

/// Nanoseconds.
struct Found {
    create: f64,
    /// From the order to the answer, in the middle of several.
    commit: f64,
    /// For how long an order waits meanwhile at most.
    stall: f64,
    /// What the disk takes to promise anything at all.
    fsync: f64,
    open: f64,
}

fn measure(machines: u32, active: u32) -> Found {
    let directory = tempfile::tempdir().expect("there is a place for it");
    let path = directory.path().join("world");
    let mut world = None;
    let create =
        timed(|| world = Some(World::create(&path, &describe(machines, active)).expect("it makes sense")));
    let world = world.expect("it was made");
    let node = {
        let config = NodeConfig { commit_every: Duration::from_secs(3_600), ..NodeConfig::default() };
        Node::start_with(world.clone(), config, ironloom_core::WallClock::start()).expect("there is a thread")
    };
    let mut commits = Vec::new();
    let mut stalls = Vec::new();
    for round in 0..2 * COMMITS {
        // Each scribe writes its line meanwhile.
        #[expect(clippy::disallowed_methods, reason = "it is time that is to go by")]
        std::thread::sleep(std::time::Duration::from_millis(1_100));
        if round % 2 == 0 {
            commits.push(timed(|| _ = node.commit().wait().expect("there is room")).as_nanos() as f64);
            continue;
        }
        let (commit, mut longest) = (node.commit(), 0.0_f64);
        while !commit.is_ready() {
            // It is answered between two windows: who waits long for it saw windows stand still.
            let asked = timed(|| _ = node.read_file("desk-1", "/etc/passwd").wait().expect("it is there"));
            longest = longest.max(asked.as_nanos() as f64);
        }
        commit.wait().expect("there is room");
        stalls.push(longest);
    }
    node.stop();
    drop((node, world));
    let changed = Archive::open(&path).expect("it is there").commits().expect("they can be read");
    // The first is the world as it was described, and the last what the node found when it stopped.
    let changed = &changed[1..=2 * COMMITS];
    assert!(changed.iter().all(|commit| commit.changed >= u64::from(active / 2)), "{changed:?}");
    let open = timed(|| drop(World::open(&path).expect("it is there")));
    let (commit, stall) = (middle(commits), middle(stalls));
    Found {
        create: create.as_nanos() as f64,
        commit,
        stall,
        fsync: fsync(directory.path()),
        open: open.as_nanos() as f64,
    }
}

fn describe(machines: u32, active: u32) -> Description {
    World::builder(7)
        .machine("scribe", |scribe| scribe.file("/bin/scribe", SCRIBE).runs("scribe").in_cell().count(active))
        .machine("desk", |desk| desk.in_cell().count(machines - active))
        .describe()
        .expect("it makes sense")
}

fn middle(mut found: Vec<f64>) -> f64 {
    found.sort_by(f64::total_cmp);
    found[found.len() / 2]
}

/// What it takes to write a block to the same disk for good.
fn fsync(directory: &Path) -> f64 {
    let mut file = std::fs::File::create(directory.join("block")).expect("there is room");
    let once = |file: &mut std::fs::File| {
        timed(|| {
            std::io::Write::write_all(file, &[7; 4096]).expect("there is room");
            file.sync_data().expect("the disk takes it");
        })
    };
    middle((0..COMMITS).map(|_| once(&mut file).as_nanos() as f64).collect())
}
