//! Machines that talk to each other.

use ironloom_core::{Duration, MachineId, Seed};
use ironloom_net::fabric::Place;
use ironloom_vm::{Command, Config, Heap, Image, MachineSpec, Machines};

/// A world with machines on one switch.
struct World {
    machines: Machines,
    ids: Vec<MachineId>,
}

impl World {
    fn new(count: u8, heap: Heap) -> Self {
        let mut machines = Machines::new(Config::default(), Seed::new(7));
        let switch = machines.fabric_mut().add_switch("lan", Place::Apart, <_>::default()).unwrap();
        let image = Image::base();
        let ids = (1..=count)
            .map(|number| {
                let address = format!("10.0.0.{number}/24").parse().unwrap();
                let spec = MachineSpec::new(format!("m{number}"), &image).heap(heap).at(switch, address);
                machines.create(&spec).unwrap()
            })
            .collect();
        Self { machines, ids }
    }

    /// Puts a script on a machine.
    fn put(&mut self, machine: usize, path: &str, source: &str) {
        use ironloom_core::Instant;
        use ironloom_vm::os::{Caller, Credentials};
        let root = Credentials::root();
        let put = self.machines.visit(self.ids[machine], |machine| {
            let caller = Caller::system(&root, Instant::ZERO);
            machine.files_mut().write_all(&caller, path.as_bytes(), source.as_bytes(), None)?;
            machine.files_mut().chmod(&caller, path.as_bytes(), 0o755)
        });
        put.unwrap().unwrap();
    }

    #[track_caller]
    fn run(&mut self, machine: usize, command: &Command) -> String {
        let finished = self.machines.run(self.ids[machine], command, Duration::from_secs(60)).unwrap();
        finished.text() + &String::from_utf8_lossy(&finished.errors)
    }
}

#[test]
fn messages_go_there_and_back() {
    for heap in [Heap::Own, Heap::Cell] {
        let mut world = World::new(2, heap);
        world.put(0, "/bin/server", "net.listen(1000) while true do local r = net.recv() net.send(r.src_ip, r.src_port, r.data:upper()) end");
        world.put(1, "/bin/client", "local c = net.connect('10.0.0.1', 1000) c:send('ping') local r = c:recv() print(r.data, r.src_ip, r.src_port) net.send('10.0.0.1', 1000, 'hello') print(net.recv().data)");
        world.machines.spawn(world.ids[0], &Command::new("/bin/server")).unwrap();
        assert_eq!(world.run(1, &Command::new("/bin/client")), "PING\t10.0.0.1\t1000\nHELLO\n");
    }
}

#[test]
fn streams_carry_bytes_and_ends() {
    for heap in [Heap::Own, Heap::Cell] {
        let mut world = World::new(2, heap);
        world.put(0, "/bin/server", "local l = net.tcp_listen(80) while true do local s = l:accept() task.spawn(function() local all = s:read('a') s:write(#all, '\\n') s:close() end) end");
        world.put(1, "/bin/client", "local s = assert(net.tcp_connect('10.0.0.1', 80)) for i = 1, 100 do s:write(('x'):rep(10000)) end s:finish() print(s:read('l'), s:read('l')) print(net.tcp_connect('10.0.0.1', 81)) print(net.tcp_connect('10.0.0.9', 81, {timeout=0.5}))");
        world.machines.spawn(world.ids[0], &Command::new("/bin/server")).unwrap();
        assert_eq!(
            world.run(1, &Command::new("/bin/client")),
            "1000000\tnil\nnil\tconnection refused\tECONNREFUSED\nnil\ttimed out\tETIMEDOUT\n"
        );
    }
}

#[test]
fn http_is_served_and_fetched() {
    let mut world = World::new(2, Heap::Own);
    world.put(0, "/bin/server", "http.serve(80, function(r) if r.path == '/big' then local n = 0 return function() n += 1 return n <= 3 and ('y'):rep(50000) or nil end end return r.method .. ' ' .. r.path .. ' ' .. r.body, 201, {['X-A'] = 'b'} end)");
    world.put(1, "/bin/client", "local r = assert(http.get('http://10.0.0.1/a?b')) print(r.status, r.reason, r.body, r.headers['x-a']) r = http.post('10.0.0.1/p', 'data') print(r.body) print(#http.get('10.0.0.1/big').body)");
    world.machines.spawn(world.ids[0], &Command::new("/bin/server")).unwrap();
    assert_eq!(
        world.run(1, &Command::new("/bin/client")),
        "201\tCreated\tGET /a?b \tb\nPOST /p data\n150000\n"
    );
}

#[test]
fn machines_answer_pings() {
    let mut world = World::new(2, Heap::Own);
    world.put(1, "/bin/client", "local r = net.ping('10.0.0.1') print(r.kind, r.from) print(net.ping('10.0.0.7', {timeout=3})) print(net.ip())");
    world.machines.visit(world.ids[0], |_| ()).unwrap();
    let said = world.run(1, &Command::new("/bin/client"));
    assert!(said.starts_with("reply\t10.0.0.1\n") && said.ends_with("10.0.0.2\n"), "{said}");
}

/// A listener of a process that the host ended was once there until something else ran on its machine.
#[test]
fn ports_of_what_the_host_ends_are_free_at_once() {
    for heap in [Heap::Own, Heap::Cell] {
        let mut world = World::new(2, heap);
        world.put(
            0,
            "/bin/server",
            "net.listen(1000) local l = net.tcp_listen(80) while true do l:accept() end",
        );
        world.put(1, "/bin/client", "print(net.tcp_connect('10.0.0.1', 80))");
        let server = Command::new("/bin/server");
        let late = world.machines.run(world.ids[0], &server, Duration::from_millis(50));
        assert!(late.is_err(), "{late:?}");
        let refused = "nil\tconnection refused\tECONNREFUSED\n";
        assert_eq!(world.run(1, &Command::new("/bin/client")), refused, "{heap:?}");

        let pid = world.machines.spawn(world.ids[0], &server).unwrap();
        world.machines.run_for(Duration::from_millis(50));
        world.machines.signal(world.ids[0], pid, ironloom_vm::os::Signal::Kill).unwrap();
        assert_eq!(world.run(1, &Command::new("/bin/client")), refused, "{heap:?}");
        world.machines.spawn(world.ids[0], &server).unwrap();
        world.machines.run_for(Duration::from_millis(50));
        world.machines.stop(world.ids[0]).unwrap();
        assert_eq!(world.run(1, &Command::new("/bin/client")), refused, "{heap:?}");
    }
}

/// Whoever reads from somebody who is silent gives up when it said it would, and what was heard by then is kept.
#[test]
fn reading_has_a_timeout_and_lines_have_a_length() {
    let mut world = World::new(2, Heap::Own);
    world.put(0, "/bin/server", "local l = net.tcp_listen(80) local s = l:accept() s:write('half ') os.sleep(3) s:write('a line\\nand one that is too long\\n') os.sleep(100)");
    world.put(1, "/bin/client", "local s = net.tcp_connect('10.0.0.1', 80) s:set_timeout(1) print(s:read('l')) s:set_timeout() print(s:read('l', 100)) print(s:read('l', 5)) s:set_timeout(0.5) local n = 0 while s:write(('x'):rep(60000)) do n += 1 end print(n > 0)");
    world.machines.spawn(world.ids[0], &Command::new("/bin/server")).unwrap();
    assert_eq!(
        world.run(1, &Command::new("/bin/client")),
        "nil\ttimed out\tETIMEDOUT\nhalf a line\nnil\tfile too large\tEFBIG\ntrue\n"
    );
}

/// What another machine lets go of is collected while this one runs, and has the same number there.
#[test]
fn handles_of_others_in_a_cell_are_theirs() {
    let mut world = World::new(2, Heap::Cell);
    world.put(0, "/bin/lets_go", "local h = fs.open('/tmp/x', 'w') h = nil os.sleep(100)");
    let keeps = "local h = assert(fs.open('/tmp/y', 'w')) os.sleep(1)
        local t = {} for i = 1, 200000 do t[i % 100] = {i} end print(pcall(h.write, h, 'x') and fs.read('/tmp/y'))";
    world.put(1, "/bin/keeps", keeps);
    world.machines.spawn(world.ids[0], &Command::new("/bin/lets_go")).unwrap();
    assert_eq!(world.run(1, &Command::new("/bin/keeps")), "x\n");
}

/// The end of a pipe is seen though the machine that let go of it does not run when that is collected.
#[test]
fn what_is_collected_on_another_machine_ends_there() {
    let mut world = World::new(2, Heap::Cell);
    let waits = "local r, w = os.pipe() w = nil print(r:read('a') == '')";
    world.put(0, "/bin/waits", waits);
    world.put(1, "/bin/works", "local t = {} for i = 1, 200000 do t[i % 100] = {i} end");
    let waiting = world.machines.start(world.ids[0], &Command::new("/bin/waits")).unwrap();
    world.machines.run_for(Duration::from_millis(10));
    assert_eq!(world.run(1, &Command::new("/bin/works")), "");
    world.machines.run_for(Duration::from_millis(10));
    assert_eq!(world.machines.collect(waiting).unwrap().output, b"true\n");
}

/// A process that begins again under its number does not lose what it opens to what it had open before.
#[test]
fn handles_from_before_a_rollback_close_nothing() {
    for heap in [Heap::Own, Heap::Cell] {
        let mut world = World::new(1, heap);
        let source = "local kept = {} for i = 1, 20 do kept[i] = fs.open('/tmp/' .. i, 'w') end
            os.checkpoint({}) if not os.restored() then os.sleep(100) end
            local t = {} for i = 1, 200000 do t[i % 100] = {i} end
            local open = 0 for _, h in kept do if pcall(h.write, h, 'x') then open += 1 end end
            fs.write('/tmp/open', tostring(open))";
        world.put(0, "/bin/keeps", source);
        world.machines.spawn(world.ids[0], &Command::new("/bin/keeps")).unwrap();
        world.machines.run_for(Duration::from_millis(10));
        let snapshot = world.machines.snapshot(world.ids[0]).unwrap();
        world.machines.rollback(world.ids[0], snapshot).unwrap();
        world.machines.run_for(Duration::from_secs(1));
        assert_eq!(world.run(0, &Command::shell("cat /tmp/open")), "20");
    }
}
