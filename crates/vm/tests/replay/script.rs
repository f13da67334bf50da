//! Scripts that are put together from statements, each of which uses something else of a machine.

use proptest::prelude::*;

/// Something that a script does, and what it writes of it.
#[derive(Debug, Clone)]
pub(crate) enum Statement {
    Compute(u32),
    Sleep(u32),
    Files { count: u32, bytes: u32 },
    Pipe(u32),
    Shell(usize),
    Signals,
    Datagrams { to: usize, count: u32 },
    Stream { to: usize, bytes: u32 },
    Http { to: usize },
    Watch,
    Replace,
    Random,
    Json(u32),
    Checkpoint,
    CaughtErrors,
    Bomb,
    Stuck,
    Turns(u32),
    Sort(u32),
    Coroutines(u32),
    Forgotten(u32),
    Times,
    End(u8),
    Boom,
}

/// Lines for the shell.
const LINES: [&str; 6] = [
    "seq 200 | sort -r | head -n 3",
    "echo a b c | tr a-z A-Z; exit 3",
    "for i in 1 2 3; do echo $i > /tmp/$i; done; cat /tmp/[123] | wc",
    "find /etc | sort | tail -n 2; ls -l /tmp",
    "sleep 0.01 & sleep 0.02; wait; echo $?",
    "yes | head -n 1000 | uniq -c",
];

/// What every machine listens with, on port 7, and on port 80 with HTTP.
pub(crate) const ECHO: &[u8] = b"
task.spawn(function()
    local s = assert(net.udp(7))
    while true do local data, host, port = s:recv_from() if data then s:send_to(host, port, data) end end
end)
task.spawn(function() http.serve(80, function(r) return r.method .. r.path:rep(100), 201 end) end)
local l = assert(net.tcp_listen(7))
while true do
    local s = l:accept()
    if s then
        task.spawn(function()
            while true do
                local data = s:read(1000)
                if not data or not s:write(data:upper()) then break end
            end
            s:close()
        end)
    end
end";

/// Takes all the memory there is.
pub(crate) const BOMB: &[u8] = b"local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end";
/// Does not end, where it cannot be stopped.
pub(crate) const STUCK: &[u8] = b"table.sort({1, 2}, function() while true do end end)";

impl Statement {
    /// Any statement; of those that show how long something took, or end early, only if that is wanted.
    pub(crate) fn any(shows_time: bool) -> BoxedStrategy<Self> {
        let short = prop_oneof![
            (1..500_u32).prop_map(Self::Sleep),
            (1..20_u32, 0..9_000_u32).prop_map(|(count, bytes)| Self::Files { count, bytes }),
            (1..200_u32).prop_map(Self::Pipe),
            (0..8_usize, 1..6_u32).prop_map(|(to, count)| Self::Datagrams { to, count }),
            (0..8_usize, 0..200_000_u32).prop_map(|(to, bytes)| Self::Stream { to, bytes }),
            (0..8_usize).prop_map(|to| Self::Http { to }),
            Just(Self::Watch),
            Just(Self::Replace),
            Just(Self::Signals),
            Just(Self::Random),
            (1..40_u32).prop_map(Self::Json),
            Just(Self::Checkpoint),
            Just(Self::CaughtErrors),
            (1..50_u32).prop_map(Self::Coroutines),
            any::<u8>().prop_map(Self::End),
            Just(Self::Boom),
        ];
        if !shows_time {
            return short.boxed();
        }
        prop_oneof![
            16 => short,
            7 => prop_oneof![
                (1..60_000_u32).prop_map(Self::Compute),
                (0..LINES.len()).prop_map(Self::Shell),
                Just(Self::Bomb),
                Just(Self::Stuck),
                (1..40_000_u32).prop_map(Self::Turns),
                (1..500_u32).prop_map(Self::Sort),
                (1..400_u32).prop_map(Self::Forgotten),
                Just(Self::Times),
            ],
        ]
        .boxed()
    }

    /// What it is in Luau; `address` says where a machine is.
    fn source(&self, address: &dyn Fn(usize) -> String) -> String {
        match self {
            Self::Compute(count) => format!(
                "local n = 0 for i = 1, {count} do n = (n * 31 + i) % 1000003 end print('compute', n)"
            ),
            Self::Sleep(millis) => format!("print(os.sleep({millis} / 1000))"),
            Self::Files { count, bytes } => format!(
                "for i = 1, {count} do fs.write('/tmp/f' .. i, ('x'):rep({bytes})) end fs.append('/tmp/f1', 'y')
                for _, e in fs.ls('/tmp') do print(e.name, e.size, e.type) end
                print(fs.usage().bytes, fs.rm('/tmp/f1'), #fs.glob('/tmp/*'))"
            ),
            Self::Pipe(count) => format!(
                "local r, w = os.pipe()
                task.spawn(function()
                    for i = 1, {count} do w:write(('p' .. i):rep(100), '\\n') task.yield() end w:close() end)
                local n = 0 while true do local d = r:read(1000) if not d then break end n += #d end
                print('pipe', n)"
            ),
            Self::Shell(line) => format!(
                "local pid, out = os.spawn('sh', {{'-c', [[{}]]}}, {{stdout = 'pipe'}})
                print(out:read('a')) print(os.wait(pid))",
                LINES[*line]
            ),
            Self::Datagrams { to, count } => format!(
                "local s = net.udp() for i = 1, {count} do
                s:send_to('{}', 7, 'ping' .. i) print(s:recv_from({{timeout = 0.05}})) end s:close()",
                address(*to)
            ),
            Self::Stream { to, bytes } => format!(
                "local s, why, code = net.tcp_connect('{}', 7, {{timeout = 1}})
                if s then
                    local t = task.spawn(function()
                        local n = 0 while true do local d = s:read(4096) if not d then return n end n += #d end end)
                    print('sent', s:write(('t'):rep({bytes})) == s, s:finish()) print('came', task.join(t)) s:close()
                else print(why, code) end",
                address(*to)
            ),
            Self::Http { to } => format!(
                "local r, _, code = http.get('http://{}/abc', {{timeout = 1}})
                print(r and r.status, r and #r.body, code)",
                address(*to)
            ),
            Self::Json(count) => format!(
                "local t = {{}} for i = 1, {count} do t['k' .. i * 7 % 13] = {{i, tostring(i)}} end
                for k, v in pairs(t) do io.write(k, '=', v[1], ' ') end print(json.encode(t))
                print(json.encode(json.decode('{{\"a\":[1,2,{{\"b\":null}}],\"c\":1.5e3}}')))"
            ),
            Self::Turns(count) => format!(
                "local over = false task.spawn(function() for i = 1, {count} do end over = true end)
                local turns = 0 repeat turns += 1 task.yield() until over print('turns', turns)"
            ),
            Self::Sort(count) => format!(
                "local t = {{}} for i = 1, {count} do t[i] = math.random(1000) end
                table.sort(t, function(a, b) return a > b end) print(t[1], t[#t])"
            ),
            Self::Coroutines(count) => format!(
                "local c = coroutine.wrap(function() for i = 1, {count} do coroutine.yield(i) task.yield() end return 'end' end)
                local sum = 0 while true do local v = c() if v == 'end' then break end sum += v end print('sum', sum)"
            ),
            Self::Forgotten(count) => format!(
                "for i = 1, {count} do local r, w = os.pipe() if not r then print(i, w) break end end
                local f = fs.open('/tmp/forgotten', 'w') print(f and f:write('x') == f)"
            ),
            Self::End(code) => format!("if math.random(4) == 1 then os.exit({code}) end"),
            fixed => fixed.fixed_source().into(),
        }
    }

    fn fixed_source(&self) -> &'static str {
        match self {
            Self::Signals => {
                "local pid = os.spawn('sleep', {'10'}, {stdout = 'null'})
                os.signal('USR1', function(name) print('got', name) end) os.kill(os.pid(), 'USR1')
                os.sleep(0.01) os.kill(pid, 'TERM') print(os.wait(pid))"
            }
            Self::Random => {
                "print(math.random(1000000), math.random(), string.byte(os.random(4), 1, 4))
                print(string.byte(fs.open('/dev/random'):read(4), 1, 4))"
            }
            Self::Checkpoint => {
                "local c = os.restored() print('restored', c and c.n)
                os.checkpoint({n = (c and c.n or 0) + 1, text = 'kept'})"
            }
            Self::CaughtErrors => {
                "print(pcall(error, {code = 1})) print(pcall(function() local x = nil return x.y end))
                print(select('#', fs.read('/none')), fs.read('/none')) print(pcall(fs.read)) print({}, print)"
            }
            Self::Watch => {
                "local w = fs.watch('/tmp') fs.write('/tmp/w', 'x')
                local e = w:next({timeout = 0.1}) print(e and e.kind, e and e.name) w:close()"
            }
            Self::Replace => {
                "local pid = os.spawn('lua', {'-e', [[local kept = {} for i = 1, 9 do kept[i] = os.pipe() end
                    os.replace('/bin/sh', {'-c', 'ls /proc/self/fd; exit 4'})]]}, {stdout = 'inherit'})
                print(os.wait(pid))"
            }
            Self::Bomb => {
                "local pid = os.spawn('bomb', {}, {stdout = 'null', stderr = 'null'}) print(os.wait(pid))"
            }
            Self::Stuck => {
                "local pid = os.spawn('stuck', {}, {stdout = 'null', stderr = 'null'}) print(os.wait(pid))"
            }
            Self::Times => {
                "for _, p in os.processes() do print(p.pid, p.name, p.state, p.cpu, p.memory, p.started) end
                print(os.uptime(), os.clock(), os.time()) for _, e in fs.ls('/tmp') do print(e.name, e.mtime) end"
            }
            Self::Boom => "if math.random(4) == 1 then error('boom') end",
            _ => unreachable!("it has numbers in it"),
        }
    }
}

/// A script that does all of this.
pub(crate) fn source(statements: &[Statement], address: &dyn Fn(usize) -> String) -> String {
    let blocks = statements.iter().map(|statement| format!("do {} end\n", statement.source(address)));
    blocks.collect()
}
