//! Machines by the hundred thousand, and two that talk: `cargo bench --bench vm_scale`.
//!
//! With `-- --quick` there are a twentieth as many, and the goals are for a twentieth.

mod alone;
mod crowd;
mod ticking;

use ironloom_benches::{Goal, OURS, Suite, Unit, timed};
use ironloom_core::Duration;
use ironloom_net::fabric::Place;
use ironloom_vm::{Command, Config, Heap, MachineSpec, Machines};
use mlua::Lua;

use ticking::{TICKING, WINDOW};

const GIB: f64 = (1_u64 << 30) as f64;

/// What most machines do most of the time.
const PARKED: &str = "os.sleep(1e9)";

/// How many are in a cell each, and with a heap of their own.
const IN_CELLS: usize = 400_000;
const ON_THEIR_OWN: usize = 100_000;

/// A question and an answer over one connection, again and again.
const ANSWERING: &str = "
    local listener = net.tcp_listen(7)
    while true do
        local stream = listener:accept()
        task.spawn(function()
            for line in stream:lines() do stream:write(line, '\\n') end
            stream:close()
        end)
    end";
const ASKING: &str = "
    local stream = net.tcp_connect('10.0.0.1', 7)
    for i = 1, ... do
        stream:write('question ', i, '\\n')
        assert(stream:read() == 'question ' .. i)
    end
    stream:close()";

fn main() {
    if let Some(case) = alone::case() {
        let (name, count) = case.rsplit_once(' ').expect("a case has a count");
        let count = count.parse().expect("it is a number");
        return alone::say(&match name {
            "cells" => parked(Heap::Cell, count),
            "own" => parked(Heap::Own, count),
            "everybody" => vec![resuming_everybody(2 * count)],
            "windows" => vec![windows(count)],
            _ => unreachable!("no case has another name"),
        });
    }
    let mut suite = Suite::from_args();
    crowds(&mut suite);
    active(&mut suite);
    talk(&mut suite, Heap::Cell, "cell");
    talk(&mut suite, Heap::Own, "own");
    suite.finish();
}

/// How much smaller everything is in a quick run.
fn part(suite: &Suite) -> usize {
    if suite.is_quick() { 20 } else { 1 }
}

/// Machines that all wait: what they hold, and what a window costs because of them.
fn crowds(suite: &mut Suite) {
    for (name, case, count, gib) in [("cell", "cells", IN_CELLS, 6.0), ("own", "own", ON_THEIR_OWN, 14.0)] {
        let (held, step) = (format!("vm::crowd/{name}"), format!("vm::crowd/{name}, a window"));
        if !suite.selects(&held) {
            continue;
        }
        let count = count / part(suite);
        let goal = gib * GIB / part(suite) as f64;
        let found = alone::measure(&format!("{case} {count}"));
        suite.compare_values(&held, Unit::Bytes, [Goal::Bytes(goal)]).found(OURS, found[0]);
        let everybody = alone::measure(&format!("everybody {count}"));
        let mut windows = suite.compare_values(&step, Unit::Nanos, []);
        windows.found(OURS, found[2]).found("one machine alone", found[1]);
        windows.found("mlua, resuming everybody", everybody[0]);
    }
}

/// What two processes on each of so many machines hold, and what a window costs: with one machine, and with all.
fn parked(heap: Heap, count: usize) -> Vec<f64> {
    let image = crowd::image(&[PARKED, PARKED]);
    let mut machines = crowd::world(Config::default());
    crowd::boot(&mut machines, &image, heap, 1);
    let (before, one) = (alone::held(), idle_window(&mut machines));
    crowd::boot(&mut machines, &image, heap, count - 1);
    vec![alone::held() - before, one, idle_window(&mut machines)]
}

/// What a window takes in which nothing happens, in nanoseconds.
fn idle_window(machines: &mut Machines) -> f64 {
    const WINDOWS: u32 = 10_000;
    let took = timed(|| (0..WINDOWS).for_each(|_| machines.run_for(Duration::from_millis(1))));
    took.as_nanos() as f64 / f64::from(WINDOWS)
}

/// What it takes to let every process run in every window to see whether it has anything to do, in nanoseconds.
fn resuming_everybody(count: usize) -> f64 {
    const WINDOWS: u32 = 3;
    let lua = Lua::new();
    lua.sandbox(true).expect("it does");
    let waiting = lua.load("while true do coroutine.yield() end").into_function().expect("it compiles");
    let threads: Vec<mlua::Thread> =
        (0..count).map(|_| lua.create_thread(waiting.clone()).expect("there is memory")).collect();
    let turn = || threads.iter().for_each(|thread| thread.resume::<()>(()).expect("it yields"));
    turn();
    let took = timed(|| (0..WINDOWS).for_each(|_| turn()));
    took.as_nanos() as f64 / f64::from(WINDOWS)
}

/// Sixty windows a second, in each of which one machine in a hundred does something.
fn active(suite: &mut Suite) {
    let name = "vm::windows/1 % active, p99";
    if suite.selects(name) {
        let count = IN_CELLS / part(suite);
        let goal = Goal::Nanos(16e6 / part(suite) as f64);
        let found = alone::measure(&format!("windows {count}"));
        suite.compare_values(name, Unit::Nanos, [goal]).found(OURS, found[0]);
    }
}

/// What the slowest of a hundred windows takes, in nanoseconds.
fn windows(count: usize) -> f64 {
    const WINDOWS: usize = 1_000;
    let image = crowd::image(&[TICKING]);
    let mut machines = crowd::world(Config { window: WINDOW, workers: 2, ..Config::default() });
    crowd::boot(&mut machines, &image, Heap::Cell, count);
    for _ in 0..200 {
        machines.run_for(WINDOW);
    }
    let mut took: Vec<u128> = (0..WINDOWS).map(|_| timed(|| machines.run_for(WINDOW)).as_nanos()).collect();
    took.sort_unstable();
    took[WINDOWS * 99 / 100] as f64
}

/// A question and its answer between two machines.
fn talk(suite: &mut Suite, heap: Heap, name: &str) {
    const QUESTIONS: u64 = 2_000;
    suite.compare(&format!("vm::talk/{name}"), [Goal::Nanos(15_000.0)]).parts(QUESTIONS).run(
        OURS,
        || {
            let image = crowd::image(&[ANSWERING, ASKING]);
            let mut machines = crowd::world(Config::default());
            let lan =
                machines.fabric_mut().add_switch("lan", Place::Apart, <_>::default()).expect("it is new");
            let ids = ["10.0.0.1/24", "10.0.0.2/24"].map(|address| {
                let address = address.parse().expect("it is one");
                let spec = MachineSpec::new("talker", &image).heap(heap).at(lan, address);
                machines.create(&spec).expect("there is room")
            });
            machines.spawn(ids[0], &Command::new("/bin/bench0")).expect("it is there");
            machines.step();
            (machines, ids[1])
        },
        |(machines, asking)| {
            let command = Command::new("/bin/bench1").argument(QUESTIONS.to_string());
            let finished = machines.run(*asking, &command, Duration::from_secs(3_600)).expect("it ends");
            assert!(finished.errors.is_empty(), "{}", finished.text());
        },
    );
}
