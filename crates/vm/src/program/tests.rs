//! Programs as transactions: what they may, what they may not, and that every run is the same.

use ironloom_blob::{BlobId, Durability, MemoryStore};
use ironloom_core::Seed;
use ironloom_state::{Access, AccessError, Batch, Receipt, ResourceId, Roots, State};

use super::*;

mod ledger;

const BUDGET: u64 = 100_000;

fn resource(number: u64) -> ResourceId {
    ResourceId::numbered(number)
}

/// A state with no workers, and programs from a store.
fn state(config: Config) -> (State<Programs>, Arc<MemoryStore>) {
    let blobs = Arc::new(MemoryStore::new());
    let programs = Programs::new(blobs.clone(), config);
    let settings =
        ironloom_state::Config { workers: 0, roots: Roots::Off, ..ironloom_state::Config::default() };
    (State::open(ironloom_state::MemoryStore::default(), programs, settings).unwrap(), blobs)
}

/// Runs a program once with resources 1 (to be written) and 2 (to be read), and says what became of it.
fn run_with(config: Config, source: &str, arguments: &[&[u8]], budget: u64) -> (Receipt, Option<Vec<u8>>) {
    let (state, blobs) = state(config);
    let program = blobs.put(source.as_bytes(), Durability::Buffered).unwrap();
    let mut batch = Batch::new("test");
    let accesses = [Access::write(resource(1)), Access::read(resource(2))];
    let invocation = Invocation::of(program, &[resource(1), resource(2)], arguments);
    batch.push_with_budget(&accesses, invocation, budget).unwrap();
    let submission = state.submit(batch).unwrap();
    submission.wait_committed().unwrap();
    let value = state.snapshot().get(resource(1)).unwrap().map(|value| value.as_ref().to_vec());
    (submission.receipts().unwrap()[0].clone(), value)
}

fn run(source: &str, arguments: &[&[u8]]) -> (Receipt, Option<Vec<u8>>) {
    run_with(Config::default(), source, arguments, BUDGET)
}

/// A program that succeeds, and its events as text.
#[track_caller]
fn check(source: &str, arguments: &[&[u8]], events: &[&str]) {
    let (receipt, _) = run(source, arguments);
    assert_eq!(receipt.outcome, Ok(()), "{source}");
    let found: Vec<_> = receipt.events.iter().map(|event| String::from_utf8_lossy(event)).collect();
    assert_eq!(found, events, "{source}");
}

/// A program that fails, and what its receipt says.
#[track_caller]
fn check_failure(source: &str, expected: &str) {
    let (receipt, value) = run(&format!("resource.write(1, 'changed') emit('said') {source}"), &[]);
    let failure = receipt.outcome.expect_err(source).to_string();
    assert!(failure.contains(expected), "{source}: {failure}");
    assert!(receipt.events.is_empty() && value.is_none(), "{source}");
}

#[test]
fn a_program_reads_writes_and_tells() {
    let (receipt, value) = run("resource.write(1, (...) .. '\\0\\255') emit(resource.read(1))", &[b"x"]);
    assert_eq!(receipt.outcome, Ok(()));
    assert_eq!(value.as_deref(), Some(&b"x\0\xff"[..]));
    assert_eq!(receipt.events, [b"x\0\xff"]);
    check(
        "emit(tostring(resource.read(2)) .. select('#', ...) .. resource.count())",
        &[b"a", b"b"],
        &["nil22"],
    );
    check("resource.write(1, 'x') resource.remove(1) emit(tostring(resource.read(1)))", &[], &["nil"]);
    check("emit(tostring(resource.read(resource.id(2)) == nil and #resource.id(1) == 32))", &[], &["true"]);
    let hash = BlobId::of(b"abc");
    let expected: String = hash.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let source =
        "emit((resource.hash('abc'):gsub('.', function(c) return string.format('%02x', c:byte()) end)))";
    check(source, &[], &[&expected]);
}

#[test]
fn what_fails_changes_nothing() {
    check_failure("error('no money')", "refused: program:1: no money");
    check_failure("error({})", "(error object is a table)");
    check_failure("local x = nil + 1", "attempt to perform arithmetic");
    check_failure("this is no program", "refused");
    check_failure("resource.read(3)", "names no resource 3");
    check_failure("resource.read('short')", "32 bytes");
    check_failure("coroutine.yield()", "yield");
    check_failure("while true do end", "out of budget: 100000 units");
    check_failure("table.sort({1, 2, 3}, function() while true do end end)", "out of budget");
    check_failure("local s = 'x' while true do s ..= s end", "out of memory");
    check_failure("for i = 1, 1e9 do emit(('x'):rep(1e6)) end", "out of");
    check_failure("for i = 1, 300 do emit('x') end", "events_max");
    check_failure("resource.write(1, ('x'):rep(1e7)) resource.write(1, ('x'):rep(1e7))", "out of");
}

#[test]
fn what_was_not_declared_ends_the_program_whatever_it_catches() {
    for (source, access) in [
        ("pcall(resource.write, 2, 'x') emit('went on')", AccessError::ReadOnly { resource: resource(2) }),
        ("pcall(resource.remove, 2)", AccessError::ReadOnly { resource: resource(2) }),
        (
            "pcall(resource.read, ('\\0'):rep(32)) while true do pcall(error) end",
            AccessError::Undeclared { resource: ResourceId::from_bytes([0; 32]) },
        ),
        (
            "table.sort({1, 2}, function() pcall(resource.read, ('\\0'):rep(32)) return false end)",
            AccessError::Undeclared { resource: ResourceId::from_bytes([0; 32]) },
        ),
    ] {
        assert_eq!(run(source, &[]).0.outcome, Err(Failure::Access(access)), "{source}");
    }
}

#[test]
fn the_budget_is_exact() {
    let source = "for i = 1, 100 do end resource.write(1, 'done')";
    let (receipt, _) = run(source, &[]);
    assert_eq!(receipt.outcome, Ok(()));
    let needed = receipt.spent;
    assert!((100..120).contains(&needed), "{needed}");
    let (enough, _) = run_with(Config::default(), source, &[], needed);
    assert_eq!((enough.outcome, enough.spent), (Ok(()), needed));
    let (short, value) = run_with(Config::default(), source, &[], needed - 1);
    assert_eq!(short.outcome, Err(Failure::OutOfBudget { granted: needed - 1 }));
    assert_eq!(value, None);
}

#[test]
fn bytes_cost_as_well() {
    let spent = |source: &str| run(source, &[]).0.spent;
    let (little, much) = (spent("resource.write(1, 'x')"), spent("resource.write(1, ('x'):rep(64000))"));
    assert!(much >= little + 1000, "{little} {much}");
}

#[test]
fn a_program_has_nothing_that_differs_from_run_to_run() {
    for name in [
        "print",
        "os",
        "io",
        "require",
        "loadstring",
        "load",
        "collectgarbage",
        "gcinfo",
        "getfenv",
        "vector",
        "math.sin",
        "math.pow",
        "math.noise",
        "shared",
        "_G.os",
    ] {
        check(&format!("emit(tostring({name}))"), &[], &["nil"]);
    }
    // Short cuts of the compiler do not reach what is not there.
    check("emit(tostring(pcall(function() return math.sin(1) end)))", &[], &["false"]);
    check(
        "emit(tostring({}) .. tostring(print) .. tostring(emit))",
        &[],
        &["table: 0x0000000000000000nilfunction: 0x0000000000000000"],
    );
}

#[test]
fn nothing_stays_from_one_transaction_to_the_next() {
    let (state, blobs) = state(Config::default());
    let source = b"assert(leak == nil and string.leak == nil) leak = 1
        pcall(function() string.leak = 1 end) pcall(function() getmetatable('').__index = nil end)
        resource.write(1, tostring(math.random(1e6)) .. tostring(#(resource.read(1) or '')))";
    let program = blobs.put(source, Durability::Buffered).unwrap();
    let mut batch = Batch::new("test");
    for _ in 0..10 {
        batch.push(&[Access::write(resource(1))], Invocation::of(program, &[resource(1)], &[])).unwrap();
    }
    let submission = state.submit(batch).unwrap();
    submission.wait_committed().unwrap();
    let receipts = submission.receipts().unwrap();
    assert!(receipts.iter().all(Receipt::is_applied), "{receipts:?}");
}

#[test]
fn chance_is_the_transactions() {
    let source = "for i = 1, 5 do emit(math.random(1000) .. ' ' .. math.random()) end
        math.randomseed(7) local a = math.random(-3, 3) math.randomseed(7) assert(a == math.random(-3, 3))";
    let events = |seed: u64| {
        let (state, blobs) = state(Config::default());
        let program = blobs.put(source.as_bytes(), Durability::Buffered).unwrap();
        let mut batch = Batch::new("test");
        let invocation = Invocation { seed: Seed::new(seed), ..Invocation::of(program, &[], &[]) };
        batch.push(&[], invocation).unwrap();
        let submission = state.submit(batch).unwrap();
        submission.wait_committed().unwrap();
        let receipt = submission.receipts().unwrap()[0].clone();
        assert_eq!(receipt.outcome, Ok(()));
        receipt.events
    };
    assert_eq!(events(1), events(1));
    assert_ne!(events(1), events(2));
    check_failure("math.random(0)", "interval");
    check_failure("math.random(-2^60, 2^60)", "interval");
}

/// Tables as keys are visited in the same order, weak tables hold the same, and memory ends at the same place: on every
/// stage, and whatever ran there before.
#[test]
fn every_run_is_the_same() {
    let probe = "
        local t, weak = {}, setmetatable({}, {__mode = 'k'})
        for i = 1, 300 do t[{}] = i weak[{}] = i t[function() return i end] = -i end
        t[coroutine.create(error)] = 'co' t[buffer.create(8)] = 'b'
        local order, alive = {}, 0
        for _, v in t do order[#order + 1] = tostring(v) end
        for _ in pairs(weak) do alive += 1 end
        emit(table.concat(order, ' ')) emit(alive)
        local n = 0
        local co = coroutine.wrap(function() local t = {} while true do n += 1 t[n] = {n} end end)
        resource.write(1, 'x')";
    let noise = [
        "local t = {} for i = 1, 1000 do t[i] = {} end error('x')",
        "local s = 'x' while true do s ..= s end",
        "while true do local x = {} end",
        "table.sort({1, 2, 3}, function() while true do end end)",
        "local t = setmetatable({}, {__index = function() error('y') end}) return t.x",
        "resource.write(1, ('x'):rep(1e6))",
    ];
    let (state, blobs) = state(Config::default());
    let mut batch = Batch::new("test");
    let put = |source: &str| blobs.put(source.as_bytes(), Durability::Buffered).unwrap();
    for round in 0..12 {
        for program in [put(probe), put(noise[round % noise.len()])] {
            let invocation = Invocation::of(program, &[resource(1)], &[]);
            batch.push_with_budget(&[Access::write(resource(1))], invocation, BUDGET).unwrap();
        }
    }
    let submission = state.submit(batch).unwrap();
    submission.wait_committed().unwrap();
    let expected = run(probe, &[]).0;
    assert_eq!(expected.outcome, Ok(()));
    for (index, receipt) in submission.receipts().unwrap().iter().enumerate() {
        if index % 2 == 0 {
            assert_eq!(*receipt, expected, "transaction {index}");
        } else {
            assert_eq!(receipt.is_applied(), index % 12 == 11, "transaction {index}: {receipt:?}");
        }
    }
}

/// The largest table that a program can have is the same in every run, to the last item.
#[test]
fn memory_ends_at_the_same_place() {
    let source = "
        local n, ok = 0, nil
        local t = {}
        pcall(function() while true do t[n + 1] = {n} n += 1 end end)
        t = nil
        resource.write(1, tostring(n))";
    let config = Config { memory_bytes_max: 1 << 20, ..Config::default() };
    let (first, length) = run_with(config, source, &[], 10_000_000);
    assert_eq!(first.outcome, Ok(()));
    for _ in 0..3 {
        assert_eq!(run_with(config, source, &[], 10_000_000), (first.clone(), length.clone()));
    }
}

#[test]
fn a_program_that_is_not_there_or_too_long_is_refused() {
    let (state, blobs) = state(Config { source_bytes_max: 10, ..Config::default() });
    let long = blobs.put(b"local x = 'too long'", Durability::Buffered).unwrap();
    let mut batch = Batch::new("test");
    batch.push(&[], Invocation::of(long, &[], &[])).unwrap();
    batch.push(&[], Invocation::of(BlobId::of(b"?"), &[], &[])).unwrap();
    let submission = state.submit(batch).unwrap();
    submission.wait_committed().unwrap();
    let said: Vec<_> =
        submission.receipts().unwrap().iter().map(|r| r.outcome.clone().unwrap_err().to_string()).collect();
    assert!(
        said[0].contains("10 are compiled at most") && said[1].contains("is not in the store"),
        "{said:?}"
    );
}

#[test]
fn arguments_that_have_no_room_are_refused() {
    let (receipt, _) = run_with(Config::default(), "", &[&vec![0; 60 << 20]], u64::MAX / 2);
    assert_eq!(receipt.outcome, Err(Failure::refused("out of memory")));
}
