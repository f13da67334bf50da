//! Scripts on a machine, without a world around it.

mod fs;
mod httpd;
mod replace;
mod require;
mod users;

use std::sync::Arc;

use ironloom_blob::MemoryStore;
use ironloom_blob::tree::{Attributes, Config, Tree};
use ironloom_core::{Duration, Instant, MachineId, Rng, Seed};

use crate::machine::{Heap, Invoked, Limits, Machine, Made, Object, Streams};
use crate::os::{Files, Pid, Tail};
use crate::unit::Unit;

/// Runs a script on a machine of either kind until nothing happens any more, and says what it has written.
pub(crate) fn run_in(kind: Heap, source: &str) -> String {
    run_on(kind, source, |_| {})
}

/// A machine with a script, on which nothing has run.
fn machine(source: &str) -> Machine {
    let mut tree = Tree::new(Arc::new(MemoryStore::new()), Config::default());
    for directory in ["/bin", "/tmp", "/etc", "/dev", "/proc", "/lib", "/lib/luau"] {
        tree.mkdir(directory, Attributes::new(0o755, Instant::ZERO)).unwrap();
    }
    tree.put("/bin/script", source.as_bytes(), Attributes::new(0o755, Instant::ZERO)).unwrap();
    let mut rng = Rng::new(Seed::new(1));
    let made = Made {
        hostname: "test".into(),
        cores: 1,
        memory_bytes: 8 << 20,
        limits: Arc::new(Limits::default()),
        programs: Arc::default(),
        files: Files::new(tree),
        network_config: Arc::default(),
        has_network: false,
        address: None,
    };
    Machine::new(MachineId::random(&mut rng), made, rng)
}

/// As [`run_in`], on a machine that something is done to before.
fn run_on(kind: Heap, source: &str, prepare: impl FnOnce(&mut Machine)) -> String {
    let mut machine = machine(source);
    machine.category = 1;
    prepare(&mut machine);
    let output = machine
        .describe(Object::Tail {
            tail: Tail::default(),
            forward: None,
            bytes_max: 1 << 20,
            parent: Pid::INIT,
        })
        .unwrap();
    machine.refer(output);
    let invoked = Invoked {
        path: b"/bin/script".to_vec(),
        streams: Streams::Given([None, Some(output), Some(output)]),
        ..Invoked::default()
    };
    machine.start(Pid::INIT, invoked).unwrap();
    let mut unit = Unit::new(kind);
    unit.machines.push(Some(Box::new(machine)));
    for _ in 0..10_000 {
        unit.window += 1;
        unit.woken.push_back(0);
        unit.run();
        let machine = unit.machines[0].as_ref().unwrap();
        if machine.wants_window() {
            unit.now = unit.now.saturating_add(Duration::from_millis(100));
            continue;
        }
        match machine.next_deadline() {
            Some(deadline) => unit.now = deadline,
            None => break,
        }
    }
    let machine = unit.machines[0].as_mut().unwrap();
    match &machine.open.get(output).unwrap().object {
        Object::Tail { tail, .. } => tail.text(),
        _ => unreachable!(),
    }
}

/// Runs a script in both kinds of heap, and compares what it writes.
#[track_caller]
fn check(source: &str, expected: &str) {
    for kind in [Heap::Own, Heap::Cell] {
        assert_eq!(run_in(kind, source), expected, "{kind:?}: {source}");
    }
}

#[test]
fn a_script_says_hello() {
    check("print('hello', 1, nil, true) io.write('a', 2, '\\n')", "hello\t1\tnil\ttrue\na2\n");
}

#[test]
fn errors_are_written_and_end_the_process() {
    check("print(1) error('boom')", "1\nscript: /bin/script:1: boom\n");
    check("print(1", "/bin/script:1: Expected ')' (to close '(' at column 6), got <eof>\n");
}

#[test]
fn children_are_waited_for() {
    let source = "
        local role = ...
        if role == 'child' then os.sleep(2) print('child', os.pid(), os.ppid()) os.exit(7) end
        local pid = os.spawn('script', {'child'}, { stdout = 'inherit' })
        print('parent', pid, os.process_status(pid))
        print(os.wait(pid))
        print(os.uptime(), os.process_status(pid))
        print(os.wait())";
    check(
        source,
        "parent\t3\trunning\nchild\t3\t2\n3\t7\tnil\n2\tnot_found\nnil\tno child processes\tECHILD\n",
    );
}

#[test]
fn pipes_carry_lines_and_hold_up_writers() {
    let source = "
        local role = ...
        if role == 'child' then
            for line in io.lines() do print(#line) end
            print 'end'
            return
        end
        local pid, input, output = os.spawn('script', {'child'}, { stdin = 'pipe', stdout = 'pipe' })
        input:write(('x'):rep(200000), '\\n', 'abc\\n')
        input:close()
        print(output:read('a'))
        print(os.wait())";
    check(source, "200000\n3\nend\n\n3\t0\tnil\n");
}

#[test]
fn signals_are_handled_ignored_and_deadly() {
    let source = "
        local role = ...
        if role == 'handle' then
            os.signal('TERM', function(name) print('got', name) os.exit(3) end)
            print(os.sleep(100))
        elseif role == 'ignore' then
            os.signal('TERM', 'ignore') os.sleep(1) os.exit(4)
        elseif role == 'interrupt' then
            os.signal('USR1', function() print 'handled' end)
            print(os.sleep(100))
            print(os.sleep(1))
            os.exit(5)
        elseif role then
            while true do end
        end
        for _, role in {'handle', 'ignore', 'interrupt', 'die'} do
            local pid = os.spawn('script', {role}, { stdout = 'inherit' })
            os.sleep(0.5)
            os.kill(pid, role == 'interrupt' and 'USR1' or 'TERM')
            print(role, select(2, os.wait(pid)))
        end";
    let expected = "got\tTERM\nhandle\t3\tnil\nignore\t4\tnil\nhandled\nnil\tinterrupted\tEINTR\ntrue\ninterrupt\t5\tnil\ndie\t143\tTERM\n";
    check(source, expected);
}

#[test]
fn tasks_run_beside_each_other() {
    let source = "
        local t = task.spawn(function(a, b) os.sleep(1) return a + b, 'x' end, 1, 2)
        local u = task.spawn(function() while true do task.yield() end end)
        print(task.join(t))
        print(task.cancel(u), os.uptime())
        print(pcall(task.join, t))
        task.spawn(function() os.sleep(1) print 'last' end)";
    check(source, "3\tx\ntrue\t1\nfalse\tthe task was joined or canceled already\nlast\n");
}

#[test]
fn a_process_has_so_much_memory() {
    check("local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end", "script: not enough memory\n");
}

#[test]
fn what_cannot_be_stopped_is_ended() {
    check(
        "table.sort({1,2}, function() while true do end end)",
        "killed: it spent too much time where it cannot be stopped\n",
    );
}

#[test]
fn there_are_so_many_processes() {
    let source = "
        if ... then os.sleep(1) return end
        local n = 0
        while true do
            local pid, message, code = os.spawn('script', {'child'}, { stdout = 'null' })
            if not pid then print(n, message, code) break end
            n += 1
        end";
    check(source, "255\ttry again\tEAGAIN\n");
}

#[test]
fn handles_close_themselves() {
    check(
        "for i = 1, 10000 do local r, w = os.pipe() if not r then collectgarbage() error(select(2, os.pipe())) end end print 'ok'",
        "ok\n",
    );
}

#[test]
fn time_is_virtual() {
    check(
        "print(os.date('%F %T', 0), os.time{year=2000,month=1,day=1,hour=0}) os.sleep(86400) print(os.date('%F'))",
        "1970-01-01 00:00:00\t946684800\n1970-01-02\n",
    );
}

#[test]
fn sources_are_loaded_and_bytecode_is_not() {
    check(
        "print(load('return 1 + 1')()) print(load('return 1 +'))",
        "2\nnil\tload:1: Expected identifier when parsing expression, got <eof>\n",
    );
    check("local ok, f = pcall(load, '\\6\\3\\0\\0\\0') print(ok, type(f))", "true\tnil\n");
}

/// What a fault of ours leaves behind: no processes, no heap, and the files.
#[test]
fn a_machine_that_went_down_can_run_again() {
    let mut unit = Unit::new(Heap::Cell);
    let slot = unit.insert(machine("os.sleep(1)"));
    let start = |unit: &mut Unit| {
        let machine = unit.machines[usize::from(slot)].as_mut().unwrap();
        let invoked = Invoked { path: b"/bin/script".to_vec(), ..Invoked::default() };
        machine.start(Pid::INIT, invoked).unwrap();
        unit.window += 1;
        unit.woken.push_back(slot);
        unit.run();
        unit.machines[usize::from(slot)].as_ref().unwrap().processes().count()
    };
    assert_eq!(start(&mut unit), 1);
    unit.crash();
    let machine = unit.machines[usize::from(slot)].as_ref().unwrap();
    assert_eq!((machine.state, machine.processes().count()), (crate::MachineState::Crashed, 0));
    assert_eq!(start(&mut unit), 1);
}

#[test]
fn a_first_line_may_say_what_runs_a_script() {
    check("#!/bin/lua\nprint(debug.info(1, 'l'))", "2\n");
}

/// What a process that found no memory has left is not in the way of the next.
#[test]
fn the_dead_do_not_hold_memory() {
    let source = "
        if ... then local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end end
        for i = 1, 5 do
            local pid = os.spawn('script', {'child'}, { stdout = 'null', stderr = 'null' })
            print(select(2, os.wait(pid)))
        end
        print(#('y'):rep(1000000))";
    check(source, "1\tnil\n1\tnil\n1\tnil\n1\tnil\n1\tnil\n1000000\n");
}
