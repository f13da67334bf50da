//! What a machine may have: each limit, and what whoever exceeds it meets.

use std::sync::Arc;

use ironloom_core::{Duration, MachineId, Seed};
use ironloom_net::fabric::Place;
use ironloom_vm::os::console::Size;
use ironloom_vm::{Command, Config, Finished, Heap, Image, Limits, MachineError, MachineSpec, Machines};

const HEAPS: [Heap; 2] = [Heap::Own, Heap::Cell];
const LIMIT: Duration = Duration::from_secs(100);

/// One machine.
struct World {
    machines: Machines,
    id: MachineId,
}

impl World {
    fn new(limits: Limits, spec: MachineSpec) -> Self {
        Self::on(Config { limits: Arc::new(limits), ..Config::default() }, spec)
    }

    fn on(config: Config, mut spec: MachineSpec) -> Self {
        let mut machines = Machines::new(config, Seed::new(3));
        let switch = machines.fabric_mut().add_switch("lan", Place::Apart, <_>::default()).unwrap();
        spec = spec.at(switch, "10.0.0.1/24".parse().unwrap());
        let id = machines.create(&spec).unwrap();
        Self { machines, id }
    }

    fn try_run(&mut self, command: &Command) -> Result<Finished, MachineError> {
        self.machines.run(self.id, command, LIMIT)
    }

    /// Runs a script; what it writes, and what is complained of.
    fn run(&mut self, source: &str) -> String {
        let finished = self.try_run(&Command::new("/bin/lua").argument("-e").argument(source)).unwrap();
        finished.text() + &String::from_utf8_lossy(&finished.errors)
    }
}

fn spec(heap: Heap) -> MachineSpec {
    MachineSpec::new("limited", &Image::base()).heap(heap)
}

/// Runs a script under limits, in both kinds of heap.
#[track_caller]
fn check(limits: &Limits, source: &str, expected: &str) {
    for heap in HEAPS {
        let said = World::new(limits.clone(), spec(heap)).run(source);
        assert_eq!(said, expected, "{heap:?}: {source}");
    }
}

#[test]
fn processes() {
    let limits = Limits { processes_max: 4, ..Limits::default() };
    let source = "local n = 0 while true do
        local pid, _, code = os.spawn('sleep', {'1'}, {stdout = 'null'}) if not pid then print(n, code) break end n += 1 end
        print((os.wait()) ~= nil, os.spawn('true') ~= nil)";
    check(&limits, source, "3\tEAGAIN\ntrue\ttrue\n");
}

#[test]
fn tasks() {
    let limits = Limits { tasks_max: 8, ..Limits::default() };
    let source = "local n, kept = 0, {} while true do local t, _, code = task.spawn(os.sleep, 1)
        if not t then print(n, code) break end n += 1 kept[n] = t end
        task.cancel(kept[1]) print(task.spawn(os.sleep, 1) ~= nil)";
    check(&limits, source, "7\tEAGAIN\ntrue\n");
}

#[test]
fn open_files_of_a_process_and_of_all() {
    let open = "local kept = {} while true do local h, _, code = fs.open('/etc/passwd')
        if not h then print(#kept, code) break end kept[#kept + 1] = h end
        kept[1]:close() print(fs.open('/etc/passwd') ~= nil)";
    check(&Limits { descriptors_max: 10, ..Limits::default() }, open, "7\tEMFILE\ntrue\n");
    // Two outputs and an input are open already.
    check(&Limits { descriptions_max: 12, ..Limits::default() }, open, "9\tENFILE\ntrue\n");
}

#[test]
fn sockets() {
    for heap in HEAPS {
        let mut config = Config::default();
        Arc::make_mut(&mut config.network.stack).sockets_max = 5;
        let said = World::on(config, spec(heap)).run(
            "local kept = {} while true do local s, _, code = net.udp()
            if not s then print(#kept, code) break end kept[#kept + 1] = s end
            kept[1]:close() print(net.tcp_listen(80) ~= nil)",
        );
        assert_eq!(said, "5\tENFILE\ntrue\n", "{heap:?}");
    }
}

#[test]
fn memory() {
    for heap in HEAPS {
        let spec = MachineSpec { memory_bytes: 2 << 20, ..spec(heap) };
        let mut world = World::new(Limits::default(), spec);
        let said = world.run("local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end");
        assert!(said.starts_with("lua: not enough memory\n"), "{heap:?}: {said}");
        assert_eq!(world.run("print(#('x'):rep(1000000))"), "1000000\n", "{heap:?}");
    }
}

/// What was read for a line that does not end is memory as well, though not of a script.
#[test]
fn lines_that_do_not_end() {
    for heap in HEAPS {
        let spec = MachineSpec { memory_bytes: 2 << 20, ..spec(heap) };
        let source = "local codes = {} for i = 1, 8 do task.spawn(function()
                local r, w = os.pipe()
                task.spawn(function() local piece = ('x'):rep(1000) while w:write(piece) do end end)
                local _, _, code = r:read('l') print(code) os.sleep(1) os.exit()
            end) end";
        let said = World::new(Limits::default(), spec).run(source);
        assert!(!said.is_empty() && said.lines().all(|line| line == "ENOMEM"), "{heap:?}: {said}");
    }
}

#[test]
fn disk_and_files() {
    let usage = Image::base().tree().usage();
    for heap in HEAPS {
        let limited =
            MachineSpec { disk_bytes: usage.bytes + 100_000, files_max: usage.entries + 3, ..spec(heap) };
        let said = World::new(Limits::default(), limited).run(
            "print(fs.write('/tmp/a', ('x'):rep(60000)), select(3, fs.write('/tmp/b', ('x'):rep(60000))))
            print(fs.rm('/tmp/a'), (fs.write('/tmp/b', ('x'):rep(60000)))) fs.rm('/tmp/b')
            for i = 1, 4 do print(i, select(3, fs.write('/tmp/' .. i, ''))) end print(select(3, fs.mkdir('/tmp/d')))
            local u = fs.usage() print(u.entries == u.entries_max)",
        );
        assert_eq!(said, "true\tENOSPC\ntrue\ttrue\n1\n2\n3\n4\tENOSPC\nENOSPC\ntrue\n", "{heap:?}");
    }
}

/// How long the same work takes in virtual time.
#[test]
fn cores() {
    let took = |cores: u16, safepoints_per_core: u32| {
        let spec = MachineSpec { cores, ..spec(Heap::Own) };
        let mut world = World::new(Limits { safepoints_per_core, ..Limits::default() }, spec);
        let said = world.run("for i = 1, 1000000 do end print(os.uptime() * 1000)");
        said.trim().parse::<f64>().unwrap()
    };
    let [one, two, slow] = [took(1, 20_000), took(2, 20_000), took(1, 5_000)];
    assert!((50.0..80.0).contains(&one), "{one} ms");
    assert!((25.0..40.0).contains(&two), "{two} ms");
    assert!((200.0..300.0).contains(&slow), "{slow} ms");
}

#[test]
fn what_is_long() {
    let limits = Limits {
        source_bytes_max: 60_000,
        read_bytes_max: 9_000,
        arguments_bytes_max: 2_000,
        ..Limits::default()
    };
    check(
        &limits,
        "fs.write('/tmp/long', ('x'):rep(10000)) print(select(3, fs.read('/tmp/long')))
        fs.write('/bin/long', '--' .. ('x'):rep(60000)) fs.chmod('/bin/long', '755')
        print(select(3, os.spawn('long')), load(('-'):rep(60001)) == nil)
        print(select(3, os.spawn('true', {('x'):rep(3000)})))",
        "EFBIG\nEFBIG\ttrue\nEMSGSIZE\n",
    );
}

/// Who writes much is held up, and nothing of it is lost that is to be kept.
#[test]
fn output_in_a_window() {
    for heap in HEAPS {
        let limits = Limits { output_bytes_per_window: 1_000, ..Limits::default() };
        let mut world = World::new(limits, spec(heap));
        let before = world.machines.now();
        let flood = Command::new("/bin/lua")
            .argument("-e")
            .argument("print(('x'):rep(100000)) io.stderr:write('end')");
        let finished = world.try_run(&flood).unwrap();
        let took = world.machines.now().saturating_since(before).as_millis();
        assert_eq!((finished.output.len(), &finished.errors[..]), (100_001, &b"end"[..]), "{heap:?}");
        assert!((100..120).contains(&took), "{heap:?}: {took} ms");
        // What goes to files and pipes is not counted, nor is what is read from them.
        let before = world.machines.now();
        world.run("fs.write('/tmp/x', ('x'):rep(100000)) local r, w = os.pipe() w:write(('x'):rep(50000))");
        let took = world.machines.now().saturating_since(before).as_millis();
        assert!(took < 20, "{heap:?}: {took} ms");
    }
}

#[test]
fn a_console_that_is_flooded() {
    for heap in HEAPS {
        let limits =
            Limits { output_bytes_per_window: 500, console_output_bytes_max: 4_000, ..Limits::default() };
        let mut world = World::new(limits, spec(heap));
        let console =
            world.machines.open_console(world.id, Size::default(), &Command::new("/bin/sh")).unwrap();
        world.machines.type_in(console, b"yes\n").unwrap();
        world.machines.run_for(Duration::from_millis(100));
        let seen = world.machines.see(console, usize::MAX).unwrap().unwrap();
        // An end of a line is two bytes on a console.
        let written = seen.lost + seen.bytes.len() as u64;
        assert!(seen.bytes.len() <= 4_000 && (30_000..80_000).contains(&written), "{heap:?}: {written}");
        // The machine goes on, and who floods can be stopped.
        assert_eq!(world.run("print(1)"), "1\n");
        world.machines.type_in(console, b"\x03").unwrap();
        world.machines.run_for(Duration::from_millis(100));
        world.machines.see(console, usize::MAX).unwrap();
        world.machines.type_in(console, b"echo do''ne\n").unwrap();
        world.machines.run_for(Duration::from_millis(100));
        let seen = world.machines.see(console, usize::MAX).unwrap().unwrap();
        assert!(seen.bytes.len() < 200, "{heap:?}: {}", seen.bytes.escape_ascii());
        assert!(seen.bytes.escape_ascii().to_string().contains("done\\r\\n"), "{heap:?}");
    }
}

/// Of what is kept the end stays.
#[test]
fn output_that_is_kept() {
    let limits =
        Limits { command_output_bytes_max: 5_000, child_output_bytes_max: 3_000, ..Limits::default() };
    for heap in HEAPS {
        let mut world = World::new(limits.clone(), spec(heap));
        let finished = world.try_run(&Command::shell("seq 10000")).unwrap();
        assert!(finished.output.len() <= 5_000 && finished.output.ends_with(b"9999\n10000\n"), "{heap:?}");
        let said = world.run(
            "local pid = os.spawn('seq', {'10000'}) os.sleep(1) local text = os.read_stdout(pid)
            print(#text <= 3000, text:sub(-6))",
        );
        assert_eq!(said, "true\t10000\n\n", "{heap:?}");
    }
}
