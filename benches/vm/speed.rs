//! How long the everyday takes: boot, wake, call, fork, compute.

use std::time::Duration;

use ironloom_benches::{Goal, OURS, Suite, timed};
use ironloom_vm::{Command, Config, Heap, MachineSpec, Machines};
use mlua::{Lua, VmState};

use crate::crowd;

const PARKED: &str = "os.sleep(1e9)";

pub(crate) fn benches(suite: &mut Suite) {
    boot(suite, Heap::Cell, "cell", 20_000.0, 2_550);
    boot(suite, Heap::Own, "own", 120_000.0, 100);
    wake(suite);
    syscall(suite);
    compute(suite);
    fork(suite);
}

/// Machines that come and go: the memory of those that went is there for those that come.
fn boot(suite: &mut Suite, heap: Heap, name: &str, goal: f64, count: usize) {
    let image = crowd::image(&[PARKED]);
    suite
        .compare(&format!("vm::boot/{name}"), [Goal::Nanos(goal)])
        .parts(count as u64)
        .run_many(
            OURS,
            || crowd::world(Config::default()),
            |machines, iterations| {
                repeated(iterations, || {
                    let mut ids = Vec::new();
                    let took = timed(|| ids = crowd::boot(machines, &image, heap, count));
                    ids.into_iter().for_each(|id| machines.destroy(id).expect("it is there"));
                    took
                })
            },
        )
        .run_many(
            "mlua",
            || (),
            |(), iterations| {
                repeated(iterations, || {
                    let mut states = Vec::with_capacity(count);
                    timed(|| states.extend((0..count).map(|_| parked())))
                })
            },
        );
}

/// A Luau state with a thread that waits.
fn parked() -> (Lua, mlua::Thread) {
    let lua = Lua::new();
    lua.sandbox(true).expect("it does");
    let function = lua.load("coroutine.yield()").into_function().expect("it compiles");
    let thread = lua.create_thread(function).expect("there is memory");
    thread.resume::<()>(()).expect("it yields");
    (lua, thread)
}

/// Does something so often, and adds up what it says that it took.
fn repeated(iterations: u64, mut once: impl FnMut() -> Duration) -> Duration {
    (0..iterations).map(|_| once()).sum()
}

/// A thousand machines whose timers ring in one window, again and again.
fn wake(suite: &mut Suite) {
    const MACHINES: usize = 1_000;
    let ticking = "while true do os.sleep(0.001) end";
    for (name, heap) in [("cell", Heap::Cell), ("own", Heap::Own)] {
        let image = crowd::image(&[ticking]);
        suite.compare(&format!("vm::wake/{name}"), [Goal::Nanos(1_500.0)]).parts(MACHINES as u64).run(
            OURS,
            || {
                let mut machines = crowd::world(Config::default());
                crowd::boot(&mut machines, &image, heap, MACHINES);
                machines
            },
            |machines| {
                machines.step();
            },
        );
    }
}

/// Runs a script on a machine to its end.
fn run(machines: &mut Machines, id: ironloom_core::MachineId, path: &str) {
    let limit = ironloom_core::Duration::from_secs(3_600);
    let finished = machines.run(id, &Command::new(path), limit).expect("it ends");
    assert!(finished.errors.is_empty(), "{}", String::from_utf8_lossy(&finished.errors));
}

/// A machine whose budget never ends, with a script.
fn machine(script: &str) -> (Machines, ironloom_core::MachineId) {
    let image = crowd::image(&[script]);
    let limits = ironloom_vm::Limits { safepoints_per_core: u32::MAX, ..ironloom_vm::Limits::default() };
    let mut machines = crowd::world(Config { limits: limits.into(), ..Config::default() });
    let id = machines.create(&MachineSpec::new("bench", &image)).expect("there is room");
    (machines, id)
}

/// Calls that do next to nothing, a million times: nothing in, a text in and out, a number out.
fn syscall(suite: &mut Suite) {
    const CALLS: u64 = 1_000_000;
    for (name, script) in [
        ("pid", "local call = os.pid for i = 1, 1000000 do call() end"),
        ("getenv", "local call = os.getenv for i = 1, 1000000 do call('HOME') end"),
        ("uptime", "local call = os.uptime for i = 1, 1000000 do call() end"),
    ] {
        suite
            .compare(&format!("vm::syscall/{name}"), [Goal::Nanos(250.0)])
            .parts(CALLS)
            .run(OURS, || machine(script), |(machines, id)| run(machines, *id, "/bin/bench0"))
            .run(
                "mlua",
                || lua_with_calls(script),
                |(_, function)| function.call::<()>(()).expect("it runs"),
            );
    }
}

/// The same calls as functions of `mlua` that know the answer.
fn lua_with_calls(script: &str) -> (Lua, mlua::Function) {
    let lua = Lua::new();
    let os: mlua::Table = lua.globals().get("os").expect("it is there");
    let pid = lua.create_function(|_, ()| Ok(7)).expect("there is memory");
    let getenv =
        lua.create_function(|lua, _: mlua::LuaString| lua.create_string("/root")).expect("there is memory");
    let uptime = lua.create_function(|_, ()| Ok(1.5)).expect("there is memory");
    os.set("pid", pid)
        .and_then(|()| os.set("getenv", getenv))
        .and_then(|()| os.set("uptime", uptime))
        .expect("it is a table");
    lua.sandbox(true).expect("it does");
    let function = lua.load(script).into_function().expect("it compiles");
    (lua, function)
}

const PROGRAMS: [(&str, &str); 4] = [
    ("loop", "local x = 0 for i = 1, 10000000 do x += i end"),
    ("fib", "local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end fib(25)"),
    (
        "sieve",
        "local n = 500000 local t = table.create(n, true) for i = 2, n do if t[i] then for j = i * i, n, i do t[j] = false end end end",
    ),
    ("text", "local t = {} for i = 1, 100000 do t[i] = tostring(i) .. 'x' end local s = table.concat(t)"),
];

/// The same programs here, in mlua, and in mlua with a handler that could stop them.
fn compute(suite: &mut Suite) {
    for (name, source) in PROGRAMS {
        suite
            .compare(&format!("vm::compute/{name}"), [Goal::Times(1.05, "mlua, with an interrupt")])
            .run(OURS, || machine(source), |(machines, id)| run(machines, *id, "/bin/bench0"))
            .run(
                "mlua, never stopped",
                || lua_with(source, false),
                |(_, function)| {
                    function.call::<()>(()).expect("it runs");
                },
            )
            .run(
                "mlua, with an interrupt",
                || lua_with(source, true),
                |(_, function)| {
                    function.call::<()>(()).expect("it runs");
                },
            );
    }
}

fn lua_with(source: &str, is_interrupted: bool) -> (Lua, mlua::Function) {
    let lua = Lua::new();
    lua.sandbox(true).expect("it does");
    if is_interrupted {
        lua.set_interrupt(|_| Ok(VmState::Continue));
    }
    let function = lua.load(source).into_function().expect("it compiles");
    (lua, function)
}

/// A machine with a tree of 100 MiB, of which another is made.
fn fork(suite: &mut Suite) {
    let image = crowd::image(&[]);
    let spec = MachineSpec { disk_bytes: 1 << 30, ..MachineSpec::new("bench", &image) };
    let mut machines = crowd::world(Config::default());
    let origin = machines.create(&spec).expect("there is room");
    let filled = machines.visit(origin, |machine| {
        let root = ironloom_vm::Credentials::root();
        let system = ironloom_vm::os::Caller::system(&root, ironloom_core::Instant::ZERO);
        for number in 0..1_000_u32 {
            let mut bytes = vec![0; 100 << 10];
            bytes[..4].copy_from_slice(&number.to_le_bytes());
            let path = format!("/tmp/file{number}");
            machine.files_mut().write_all(&system, path.as_bytes(), &bytes, None).expect("there is room");
        }
        machine.files_mut().commit(ironloom_blob::Durability::Buffered).expect("memory takes it");
    });
    filled.expect("it is there");
    let name = "vm::fork/100 MiB";
    if suite.selects(name) {
        const FORKS: u32 = 1_000;
        let took: Duration = timed(|| {
            for _ in 0..FORKS {
                machines.fork(origin, &spec).expect("there is room");
            }
        });
        let nanos = took.as_nanos() as f64 / f64::from(FORKS);
        suite.compare_values(name, ironloom_benches::Unit::Nanos, [Goal::Nanos(20_000.0)]).found(OURS, nanos);
    }
}
