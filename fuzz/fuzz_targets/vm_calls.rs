//! Whatever scripts call with whatever arguments, results of earlier calls included, the machine lives, and so does the
//! one beside it.

#![no_main]

mod vm_world;

use ironloom_vm::Command;
use libfuzzer_sys::fuzz_target;
use vm_world::{USER, World, heap};

/// Takes bytes for functions and arguments. A call that waits is given up.
const CALLER: &[u8] = br#"
local data = fs.read("/tmp/input") or ""
local at = 0
local function byte()
    at += 1
    return string.byte(data, at)
end
local functions = {}
local tables = { "bit32", "buffer", "coroutine", "fs", "http", "httpd", "io", "json", "math", "net", "os", "str",
    "string", "table", "task", "utf8", "vector", "debug" }
local globals = { "getfenv", "getmetatable", "ipairs", "load", "loadstring", "next", "pairs", "pcall", "rawequal", "rawget",
    "rawlen", "rawset", "require", "select", "setfenv", "setmetatable", "tonumber", "tostring", "type", "typeof", "unpack",
    "xpcall", "print", "newproxy", "gcinfo", "assert", "error" }
for _, name in tables do
    local names = {}
    for key, value in getfenv(1)[name] or {} do
        if type(value) == "function" and key ~= "exit" then
            table.insert(names, key)
        end
    end
    table.sort(names)
    for _, key in names do
        table.insert(functions, getfenv(1)[name][key])
    end
end
for _, name in globals do
    table.insert(functions, getfenv(1)[name])
end
local METHODS = { "read", "write", "lines", "seek", "flush", "close", "truncate", "peer", "local_address", "finish", "stat",
    "set_timeout", "accept", "port", "send_to", "recv_from", "send", "recv", "try_recv", "next", "join", "cancel" }
local loop = {}
loop.loop = loop
local pool = { false, nil, true, 0, -1, 1, 2, 0.5, 1e300, -1e300, 0 / 0, 1 / 0, 2 ^ 53, 2 ^ 31, 2 ^ 32, -2 ^ 63, 80, 5000,
    "", "\0", "x", "%s%d%q%", "(.-)*", string.rep("a/", 300), string.rep("x", 70000), "/", "..", "/etc/shadow", "/tmp/a",
    "/tmp", "/tmp/b", "/proc/self/status", "/dev/zero", "/bin/sh", "/bin/true", "true", "KILL", "TERM", "r", "w+", "a",
    "10.0.0.1", "10.0.0.2", "10.0.0.9", "127.0.0.1", "[1,{\"a\":null}]", "return 1", "*t", "%Y%j%%%E", "HTTP/1.1 200 OK\r\n\r\n",
    {}, loop, { timeout = 0 }, { timeout = 0.01, nohang = true, stdin = "pipe" }, { 1, 2, nil, 4 }, { a = { b = "c" } },
    function(...) return ... end, function() error("no") end, coroutine.create(function() coroutine.yield() end),
    buffer.create(10), setmetatable({}, { __index = function() error({}) end, __tostring = function() return 1 end }),
    io.stdin, io.stdout, os.pid(), json.null, task.spawn(function() os.sleep(100) end) }
local size = 62
local function argument()
    local which = byte() or 2
    if which < 200 then
        return pool[which % size + 1]
    end
    -- Bytes of the input itself.
    local length = which - 200
    local text = string.sub(data, at + 1, at + length)
    at += length
    return text
end
while at < #data do
    local which = byte()
    local values = {}
    local count = (byte() or 0) % 6
    for n = 1, count do
        values[n] = argument()
    end
    local call
    if which >= 220 then
        local method = METHODS[(byte() or 0) % #METHODS + 1]
        call = function(self, ...)
            return self[method](self, ...)
        end
    else
        call = functions[((byte() or 0) * 220 + which) % #functions + 1]
    end
    local running = task.spawn(function()
        local results = table.pack(pcall(call, table.unpack(values, 1, count)))
        for n = 2, math.min(results.n, 4) do
            pool[size + 1] = results[n]
            size = math.min(size + 1, 120)
        end
    end)
    if running then
        pcall(running.join, running, { timeout = 0.001 })
        pcall(running.cancel, running)
    end
end
"#;

fuzz_target!(|input: (u8, Vec<u8>)| {
    let (kind, bytes) = input;
    let mut world = World::new(heap(kind), &[("/bin/fuzz", CALLER), ("/tmp/input", &bytes)]);
    let mut command = Command::new("/bin/fuzz").directory("/tmp");
    if kind & 2 == 0 {
        command = command.user(USER, USER);
        world.attack(&command);
        world.check();
    } else {
        // Root may break its own machine, but not the host, and not the other one.
        world.attack(&command);
        world.check_other();
    }
});
