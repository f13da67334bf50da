//! Scripts that are stopped wherever they are, and what they may have.

use std::sync::Arc;

use super::*;

/// Whom host functions work for here.
#[derive(Debug, Default)]
struct Host {
    said: Vec<String>,
    /// How often a call of `wait` waits.
    waits: u32,
}

fn say(call: &mut Call<'_>, host: &mut Host) -> Result<u32, Stop> {
    let text = call.text(1)?.into_owned();
    host.said.push(text);
    Ok(0)
}

fn wait(call: &mut Call<'_>, host: &mut Host) -> Result<u32, Stop> {
    if host.waits > 0 {
        host.waits -= 1;
        return Err(Stop::Wait);
    }
    let text = call.bytes(1)?;
    Ok(call.give(text))
}

fn fail(_: &mut Call<'_>, _: &mut Host) -> Result<u32, Stop> {
    Err(Stop::Fail(crate::Errno::NotFound))
}

fn end(_: &mut Call<'_>, _: &mut Host) -> Result<u32, Stop> {
    Err(Stop::End)
}

const GLOBALS: &[Function<Host>] = &[
    Function::new(c"say", say),
    Function::new(c"wait", wait),
    Function::new(c"fail", fail),
    Function::new(c"finish", end),
];

fn state() -> State<Host> {
    State::new(Arc::new(Libraries { globals: GLOBALS, ..Libraries::default() }), Furnished::OnDemand)
}

fn load(state: &mut State<Host>, source: &str) -> Prototype {
    let bytecode = Bytecode::compile(source.as_bytes(), 1 << 20).unwrap();
    state.load(bytecode.as_bytes(), c"=test").unwrap()
}

const FUEL: Fuel = Fuel { slice: 1_000, grace: 100_000 };

/// Runs a script to its end, however often it is stopped.
fn run(source: &str, waits: u32) -> (Outcome, Vec<String>, u32) {
    let mut state = state();
    let prototype = load(&mut state, source);
    let mut thread = state.spawn(prototype, &[b"one", b"two"], 1);
    let mut host = Host { waits, ..Host::default() };
    let mut stops = 0;
    loop {
        let (outcome, _) = state.resume(&mut thread, &mut host, FUEL, 4 << 20);
        match outcome {
            Outcome::Spent | Outcome::Stopped | Outcome::Yielded if stops < 10_000 => stops += 1,
            outcome => {
                state.release(thread);
                return (outcome, host.said, stops);
            }
        }
    }
}

#[track_caller]
fn check(source: &str, waits: u32, expected: &[&str]) -> u32 {
    let (outcome, said, stops) = run(source, waits);
    assert_eq!(outcome, Outcome::Finished, "{source}");
    assert_eq!(said, expected, "{source}");
    stops
}

#[test]
fn arguments_arrive() {
    check("local a, b = ... say(a .. b)", 0, &["onetwo"]);
}

#[test]
fn a_loop_is_stopped_and_goes_on() {
    let stops = check("local n = 0 for i = 1, 100000 do n += i end say(n)", 0, &["5000050000"]);
    assert!(stops >= 90, "{stops}");
}

#[test]
fn a_wait_gives_its_result_when_the_thread_goes_on() {
    assert_eq!(check("say(wait 'x' .. 'y')", 3, &["xy"]), 3);
}

#[test]
fn errors_are_values() {
    check("local v, m, c = fail() say(tostring(v) .. m .. c)", 0, &["nilno such file or directoryENOENT"]);
}

/// Coroutines of a script go on where they were, however deep, when their process is stopped, and yield to who resumed
/// them.
#[test]
fn coroutines_of_a_script_are_stopped_with_it() {
    let source = "
        local function spin() local n = 0 for i = 1, 5000 do n += 1 end return n end
        local outer = coroutine.wrap(function(first)
            local inner = coroutine.create(function(a)
                spin()
                local b = coroutine.yield(a + 1)
                spin()
                return wait('w') .. b
            end)
            local _, x = coroutine.resume(inner, first)
            spin()
            local y = coroutine.yield(x)
            local _, z = coroutine.resume(inner, y)
            return z
        end)
        say(outer(1))
        say(outer('second'))";
    assert!(check(source, 2, &["2", "wsecond"]) > 15);
}

#[test]
fn errors_in_stopped_coroutines_reach_who_resumed_them() {
    let source = "
        local co = coroutine.create(function() for i = 1, 5000 do end wait('x') error('boom', 0) end)
        local ok, message = coroutine.resume(co)
        say(tostring(ok) .. message .. coroutine.status(co))
        say(select(2, pcall(coroutine.wrap(function() for i = 1, 5000 do end error('bang', 0) end))))";
    check(source, 1, &["falseboomdead", "bang"]);
}

#[test]
fn pcall_inside_of_pcall_is_stopped() {
    check("pcall(pcall, function() for i = 1, 10000 do end say(wait 'a') end) say 'b'", 2, &["a", "b"]);
}

/// What cannot be stopped is ended, whatever it catches.
#[test]
fn what_cannot_be_stopped_is_ended() {
    for source in [
        "table.sort({1, 2, 3}, function() while true do end end)",
        "string.gsub('x', 'x', function() while true do end end)",
        "local t = setmetatable({}, { __index = function() while true do end end }) return t.x",
        "local t = setmetatable({}, { __index = function() while true do pcall(function() while true do end end) end end }) return t.x",
        "string.find(('a'):rep(3000), '.-.-.-.-.-b')",
        "pcall(string.find, ('a'):rep(3000), '.-.-.-.-.-b') while true do pcall(string.find, ('a'):rep(3000), '.-.-.-.-.-b') end",
        "table.sort({1, 2, 3}, function() local co = coroutine.wrap(function() while true do end end) co() end)",
        "local t = setmetatable({}, { __index = function() xpcall(function() while true do end end, function() while true do end end) end }) while true do local _ = t.x end",
        "local t = setmetatable({}, { __lt = function() while true do end end }) local _ = t < t",
        "local t = setmetatable({}, { __tostring = function() while true do end end }) while true do pcall(tostring, t) end",
        "local t = setmetatable({}, { __index = function() finish() end }) while true do pcall(function() local _ = t.x end) end",
    ] {
        let (outcome, _, stops) = run(source, 0);
        assert_eq!(outcome, Outcome::Doomed, "{source}");
        assert!(stops < 10_000, "{source}");
    }
}

/// A comparison may use coroutines, and a short one is not disturbed by the end of the fuel.
#[test]
fn short_work_where_nothing_can_be_stopped_is_left_alone() {
    let source = "
        local t = {}
        for i = 1, 300 do t[i] = (i * 7919) % 300 end
        table.sort(t, function(a, b)
            return coroutine.wrap(function() for i = 1, 5 do end return a < b end)()
        end)
        for i = 1, 300 do assert(t[i] == i - 1) end
        say 'sorted'";
    check(source, 0, &["sorted"]);
}

#[test]
fn waiting_where_it_is_impossible_is_an_error() {
    let source = "
        local t = setmetatable({}, { __index = function() return wait('x') end })
        local ok, message = pcall(function() return t.x end)
        say(tostring(ok) .. ' ' .. message)";
    check(source, 1, &["false cannot wait inside of a metamethod or a comparison"]);
}

#[test]
fn memory_is_limited() {
    for source in [
        "local t = {} for i = 1, 1e9 do t[i] = i end",
        "local s = 'x' while true do s = s .. s end",
        "string.rep('x', 1e9)",
        "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end",
        "local b = {} while true do b[#b + 1] = buffer.create(100000) end",
    ] {
        assert_eq!(run(source, 0).0, Outcome::OutOfMemory, "{source}");
    }
}

/// Calls that work long cost as much: `table.sort` of a long list once was one safepoint, and so was a string of a mebibyte.
#[test]
fn long_work_costs_much() {
    let make = "local t = table.create(2000, 1) local s = ('x'):rep(10000) local b = buffer.create(10000) ";
    let spent = |work: &str| {
        let mut state = state();
        let prototype = load(&mut state, &format!("{make} {work}"));
        let mut thread = state.spawn(prototype, &[], 1);
        let fuel = Fuel { slice: 1_000_000, grace: 0 };
        let (outcome, spent) = state.resume(&mut thread, &mut Host::default(), fuel, 4 << 20);
        assert_eq!(outcome, Outcome::Finished, "{work}");
        spent
    };
    let nothing = spent("");
    for (work, least) in [
        ("table.sort(t)", 20_000),
        ("table.sort(t, function(a, b) return a < b end)", 20_000),
        ("table.insert(t, 1, 1)", 500),
        ("table.remove(t, 1)", 500),
        ("table.move(t, 1, 2000, 2)", 500),
        ("table.find(t, 2)", 250),
        ("table.concat(t)", 500),
        ("local _ = ('y'):rep(100000)", 700),
        ("local _ = s .. 'z'", 70),
        ("local _ = s:find('y', 1, true)", 70),
        ("local _ = s:upper()", 150),
        ("local _ = utf8.len(s)", 500),
        ("buffer.fill(b, 0, 1)", 70),
        ("local _ = buffer.create(100000)", 700),
        ("say(s)", 70),
    ] {
        let more = spent(work) - nothing;
        assert!(more >= least && more < 100 * least, "{work}: {more}");
    }
    assert!(spent("table.insert(t, 1)") - nothing < 50, "what is short costs little");
}

/// The text of a table does not tell where the host's memory is. A key of zeros, which was to see to that, is the one key
/// with which Luau shows addresses as they are.
#[test]
fn addresses_are_not_shown() {
    let source = "
        local nowhere = '0x0000000000000000'
        for _, value in {{}, print, coroutine.create(print), buffer.create(1), newproxy()} do
            local text = tostring(value)
            assert(text:sub(-18) == nowhere and `{value}` == text and ('%*'):format(value) == text, text)
        end
        local named = setmetatable({}, {__tostring = function() return 'me' end})
        say(`{named} {tostring(named)} {1} {true} {nil}`)
        say(string.format('%d %s %5.1f %q', 7, 'x', 1.25, 'y'))
        say(tostring(pcall(tostring)) .. tostring(pcall(string.format)))";
    check(source, 0, &["me me 1 true nil", "7 x   1.2 \"y\"", "falsefalse"]);
}

#[test]
fn recursion_is_limited() {
    let (outcome, _, _) = run("local function f() return 1 + f() end f()", 0);
    assert!(matches!(outcome, Outcome::Failed(text) if text.contains("stack overflow")));
}

#[test]
fn processes_do_not_see_each_other() {
    let mut state = state();
    let mut host = Host::default();
    let sources = [
        "x = 1 print = 5 say(tostring(x))",
        "say(tostring(x) .. type(print))",
        "local ok = pcall(function() string.rep = nil end) say(tostring(ok))",
        "local ok = pcall(function() getmetatable(getfenv(0)).__index.x = 1 end) say(tostring(ok))",
        "local ok = pcall(function() getmetatable('').__index = nil end) say(tostring(ok))",
        "say(tostring(getmetatable(getfenv(0))))",
    ];
    for source in sources {
        let prototype = load(&mut state, source);
        let mut thread = state.spawn(prototype, &[], 1);
        assert_eq!(state.resume(&mut thread, &mut host, FUEL, 4 << 20).0, Outcome::Finished, "{source}");
        state.release(thread);
    }
    assert_eq!(host.said, ["1", "nilfunction", "false", "false", "false", "false"]);
}

#[test]
fn a_prototype_is_shared_and_its_globals_are_not() {
    let mut state = state();
    let mut host = Host::default();
    let prototype = load(&mut state, "n = (n or 0) + 1 wait 'x' n = n + 1 say(n)");
    let mut threads: Vec<Thread> = (0..3).map(|_| state.spawn(prototype, &[], 1)).collect();
    for thread in &mut threads {
        host.waits = 1;
        assert_eq!(state.resume(thread, &mut host, FUEL, 4 << 20).0, Outcome::Stopped);
    }
    for thread in &mut threads {
        assert_eq!(state.resume(thread, &mut host, FUEL, 4 << 20).0, Outcome::Finished);
    }
    assert_eq!(host.said, ["2", "2", "2"]);
}

#[test]
fn memory_is_counted_by_category() {
    let mut state = state();
    let prototype = load(&mut state, "t = {} for i = 1, 10000 do t[i] = i end wait 'x'");
    let mut thread = state.spawn(prototype, &[], 7);
    let mut host = Host { waits: 1, ..Host::default() };
    let fuel = Fuel { slice: 100_000, grace: 0 };
    assert_eq!(state.resume(&mut thread, &mut host, fuel, 4 << 20).0, Outcome::Stopped);
    assert!(state.category_bytes(7) > 160_000, "{}", state.category_bytes(7));
    state.release(thread);
    state.collect();
    assert_eq!(state.category_bytes(7), 0);
}

#[test]
fn a_panic_of_the_host_comes_out() {
    fn panics(_: &mut Call<'_>, _: &mut ()) -> Result<u32, Stop> {
        panic!("on purpose")
    }
    let globals = const { &[Function::new(c"panics", panics)] };
    let libraries = Libraries { globals, ..Libraries::default() };
    let mut state = State::new(Arc::new(libraries), Furnished::OnDemand);
    let bytecode = Bytecode::compile(b"pcall(coroutine.wrap(function() pcall(panics) end))", 100).unwrap();
    let prototype = state.load(bytecode.as_bytes(), c"=test").unwrap();
    let mut thread = state.spawn(prototype, &[], 0);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        state.resume(&mut thread, &mut (), FUEL, 1 << 20)
    }));
    assert!(caught.is_err());
}

/// By itself the collector lets a heap become twice what is alive in it before it begins.
#[test]
fn garbage_does_not_fill_the_memory() {
    let source = "
        local alive = {}
        for i = 1, 20 do alive[i] = ('x'):rep(100000) .. i end
        for i = 1, 300 do local garbage = ('y'):rep(100000) .. i end
        say(#alive)";
    check(source, 0, &["20"]);
}
